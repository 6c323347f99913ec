import HTTPService
import TestSupport

/// Whole requests to a registry in this process. Whatever was sent, the next client is answered.
func fuzzServer(seconds: Int, seed: UInt64, witness: Witness) async throws -> Int {
  var settings = HTTPServiceSettings()
  settings.limits.headerTimeout = .milliseconds(500)
  settings.limits.idleTimeout = .milliseconds(500)
  settings.limits.bodyStallTimeout = .milliseconds(500)
  let server = try await TestRegistry.start(http: settings)
  let client = RawHTTPClient(host: server.host, port: server.port)
  let upload = try await client("POST", "/v2/a/blobs/uploads/")
  let session = upload.first("Location") ?? "/v2/a/blobs/uploads/x"
  let own = [
    "PATCH \(session) HTTP/1.1\r\nHost: a\r\nContent-Range: 0-4\r\nContent-Length: 5\r\n\r\nabcde",
    "PUT \(session)?digest=\(Seeds.digest) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
  ]
  var mutator = Mutator(seed: seed, seeds: Seeds.requests + own)
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  var rounds = 0
  while clock.now < end {
    let bytes = mutator.next()
    witness.keep(bytes)
    let connection = try await RawHTTPConnection.open(host: server.host, port: server.port)
    let way = mutator.chance() % 4
    if way == 0 {
      try await connection.send(Array(bytes[..<(bytes.count / 2)]))
      try await connection.send(Array(bytes[(bytes.count / 2)...]))
    } else {
      try await connection.send(bytes)
    }
    if way == 1 {
      try await connection.abort()
    } else {
      try await connection.finishSending()
      // A server that neither answers nor closes shows as an error here.
      let answer = try await connection.receiveUntilClosed()
      precondition(answer.isEmpty || answer.starts(with: "HTTP/1.1 ".utf8))
      precondition(!String(decoding: answer, as: UTF8.self).contains("HTTP/1.1 500"))
      try await connection.close()
    }
    rounds += 1
    if rounds % 50 == 0 {
      let answer = try await client("GET", "/v2/")
      precondition(answer.status == 200)
    }
  }
  try await client.close()
  try await server.stop()
  return rounds
}
