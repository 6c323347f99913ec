import HTTPService
import TestSupport
import Testing

/// A stop lets what is in flight finish, within its limit.
@Suite("graceful stop", .timeLimit(.minutes(10)))
struct ShutdownTests {
  @Test("a download that was begun ends whole, and nobody new is let in")
  func download() async throws {
    try await serving { server in
      let bytes = uniqueBytes(24 << 20)
      let blob = try await server.push(bytes)
      let idle = try await server.connect()
      #expect(try await idle.exchange(request("GET", "/v2/")).status == 200)
      let reader = try await server.connect(sending: request("GET", blob))
      #expect(try await reader.receiveStatus() == 200)
      async let stopped: Void = server.stopServing()
      #expect(try await idle.receiveUntilClosed() == [])
      await #expect(throws: RawHTTPError.self) {
        // Refused, or accepted by the kernel just before and closed without an answer.
        try await server.connect().exchange(request("GET", "/v2/"))
      }
      #expect(same(try await reader.receiveUntilClosed(), bytes))
      await stopped
    }
  }

  @Test("an upload that was begun ends with its answer")
  func upload() async throws {
    try await serving { server in
      let bytes = uniqueBytes(1 << 20)
      let upload = try await server.startUpload()
      let writer = try await server.connect(
        sending: request("PUT", upload + "?digest=\(digest(of: bytes))", "Content-Length: \(bytes.count)\r\n"))
      try await writer.send(Array(bytes[..<500_000]))
      try await eventually("the upload is begun") { server.figure("registry_http_in_flight_requests") == 1 }
      let idle = try await server.connect()
      #expect(try await idle.exchange(request("GET", "/v2/")).status == 200)
      async let stopped: Void = server.stopServing()
      #expect(try await idle.receiveUntilClosed() == [])
      let answer = try await writer.exchange(Array(bytes[500_000...]), method: "PUT")
      #expect(answer.status == 201)
      #expect(!answer.keepsConnection)
      await stopped
    }
  }

  @Test("what takes longer than the limit is cut")
  func cut() async throws {
    try await serving(http: limits { $0.shutdownGrace = .milliseconds(200) }) { server in
      let blob = try await server.push(uniqueBytes(24 << 20))
      let reader = try await server.connect(sending: request("GET", blob))
      #expect(try await reader.receiveStatus() == 200)
      await server.stopServing()
      #expect(try await reader.receiveUntilClosed().count < 24 << 20)
    }
  }

  @Test("a large answer from memory is taken whole, though its connection is to close", arguments: ["close", "half"])
  func largeManifest(_ kind: String) async throws {
    try await serving { server in
      let client = server.client
      let config = Array("{}".utf8)
      try await server.push(config)
      let padding = String(repeating: "x", count: 4_000_000)
      let manifest = """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(digest(of: config))","size":2},\
        "layers":[],"annotations":{"a":"\(padding)"}}
        """
      let put = try await client(
        "PUT", "/v2/acme/api/manifests/v1", ["Content-Type": "application/vnd.oci.image.manifest.v1+json"],
        body: .text(manifest))
      #expect(put.status == 201)
      let count = 6  // More than the kernel takes off the server's hands.
      let first = String(repeating: request("GET", "/v2/acme/api/manifests/v1"), count: count - 1)
      let last = request("GET", "/v2/acme/api/manifests/v1", kind == "close" ? "Connection: close\r\n" : "")
      let connection = try await server.connect(sending: first + last)
      if kind == "half" { try await connection.finishSending() }
      for _ in 0..<count { #expect(same(try await connection.receive().body, Array(manifest.utf8))) }
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }
}
