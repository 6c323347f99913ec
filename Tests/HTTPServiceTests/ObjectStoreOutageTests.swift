import BlobStorage
import TestSupport
import Testing

/// What clients hear while the object store is out of order for longer than it is waited for.
@Suite struct `A registry whose object store is out of order` {
  @Test func `says 503 and when to come again, loses nothing, and goes on by itself`() async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    defer { recorder.stop() }
    let installation = try await TestInstallation(
      .sqliteAndObjects, through: recorder, retryTimeout: .milliseconds(200))
    let server = try await TestRegistry.start(over: installation)
    // Too large to be kept in memory.
    let old = uniqueBytes(700_000)
    let path = try await server.push(old)
    let streamed = uniqueBytes(600_000)
    let upload = try await server.startUpload()

    recorder.follow([S3FaultRule(.status(503))])
    for size in [500, 700_000] {
      let bytes = uniqueBytes(size)
      let refused = try await server.client(
        "POST", "/v2/acme/api/blobs/uploads/?digest=\(digest(of: bytes))", body: .bytes(bytes))
      #expect(refused.status == 503 && refused.first("Retry-After") != nil, "\(refused)")
    }
    let read = try await server.client("GET", path)
    #expect(read.status == 503 && read.first("Retry-After") != nil, "\(read)")
    // What is too little for a part needs the object store for its digest only.
    let patched = try await server.client("PATCH", upload, body: .bytes(streamed))
    #expect(patched.status == 202, "\(patched)")
    let finish = "\(upload)?digest=\(digest(of: streamed))"
    let refused = try await server.client("PUT", finish)
    #expect(refused.status == 503 && refused.first("Retry-After") != nil, "\(refused)")

    recorder.follow([])
    let again = try await server.client("GET", path)
    #expect(again.status == 200 && again.body == old)
    let finished = try await server.client("PUT", finish)
    #expect(finished.status == 201, "\(finished)")
    let pulled = try await server.client("GET", "/v2/acme/api/blobs/\(digest(of: streamed))")
    #expect(pulled.status == 200 && pulled.body == streamed)
    try await server.push(uniqueBytes(700_000))
    try await server.stop()
    try installation.remove()
  }
}
