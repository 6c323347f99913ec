import TestSupport
import Testing

/// Requests that are sent before their predecessors are answered (RFC 9112, section 9.3.2).
@Suite("pipelining", .timeLimit(.minutes(10)))
struct PipelineTests {
  @Test("a mix of methods, bodies and sizes is answered in its order", arguments: [1, 7, 64, 4096, 1 << 20])
  func mix(_ pieceBytes: Int) async throws {
    try await serving { server in
      let small = uniqueBytes(2000)
      let large = uniqueBytes(300_000)
      let old = uniqueBytes(150_000)
      let oldPath = try await server.push(old)
      func push(_ bytes: [UInt8]) -> [UInt8] {
        RawRequest(
          "POST", "/v2/acme/api/blobs/uploads/?digest=\(digest(of: bytes))", body: .bytes(bytes)
        ).bytes(host: "a")
      }
      func plain(_ method: String, _ target: String) -> [UInt8] { Array(request(method, target).utf8) }
      let steps: [(bytes: [UInt8], method: String, status: Int, body: [UInt8]?)] = [
        (plain("GET", "/v2/"), "GET", 200, nil),
        (push(small), "POST", 201, nil),
        (plain("HEAD", "/v2/acme/api/blobs/\(digest(of: small))"), "HEAD", 200, []),
        (plain("GET", "/v2/acme/api/blobs/\(digest(of: small))"), "GET", 200, small),
        (plain("GET", oldPath), "GET", 200, old),
        (push(large), "POST", 201, nil),
        (plain("GET", "/v2/acme/api/manifests/none"), "GET", 404, nil),
        (plain("GET", "/v2/acme/api/blobs/\(digest(of: large))"), "GET", 200, large),
        (plain("DELETE", "/v2/acme/api/blobs/\(digest(of: small))"), "DELETE", 202, nil),
        (plain("HEAD", "/v2/acme/api/blobs/\(digest(of: small))"), "HEAD", 404, []),
        (plain("HEAD", oldPath), "HEAD", 200, []),
        (plain("GET", "/v2/"), "GET", 200, Array("{}".utf8)),
      ]
      let all = steps.flatMap(\.bytes)
      let connection = try await server.connect()
      // Small pieces for the beginning only: the point is where they end, not how many there are.
      var offset = 0
      while offset < min(all.count, pieceBytes * 300) {
        let end = min(all.count, offset + pieceBytes)
        try await connection.send(Array(all[offset..<end]))
        offset = end
      }
      try await connection.send(Array(all[offset...]))
      for step in steps {
        let answer = try await connection.receive(to: step.method)
        #expect(answer.status == step.status, "\(answer)")
        if let body = step.body { #expect(same(answer.body, body)) }
      }
    }
  }

  @Test("what stands after a request that ends its connection is not done")
  func afterClose() async throws {
    try await serving { server in
      let upload = try await server.startUpload()
      let connection = try await server.connect()
      let answer = try await connection.exchange(
        request("GET", "/v2/_catalog", "Connection: close\r\n") + request("DELETE", upload))
      #expect(answer.status == 200 && !answer.keepsConnection)
      #expect(try await connection.receiveUntilClosed() == [])
      #expect(try await server.client("GET", upload).status == 204)
    }
  }

  @Test("a client that has said everything and closes its half still gets every answer")
  func halfClose() async throws {
    try await serving { server in
      let blob = try await server.push(uniqueBytes(200_000))
      let connection = try await server.connect(
        sending: request("GET", "/v2/_catalog") + request("GET", blob) + request("GET", "/v2/"))
      try await connection.finishSending()
      #expect(try await connection.receive().status == 200)
      #expect(try await connection.receive().body.count == 200_000)
      #expect(try await connection.receive().text == "{}")
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }
}
