import HTTPService
import TestSupport
import Testing

/// Clients that take their time, by mistake or on purpose. Each is let go, and others are served meanwhile.
@Suite("slow clients", .timeLimit(.minutes(10)))
struct SlowClientTests {
  @Test("a head that never ends is given up", arguments: ["", "GET", "GET /v2/ HTTP/1.1\r\nHost: a\r\nX-A: b\r\n"])
  func slowHead(_ beginning: String) async throws {
    try await serving(http: limits { $0.headerTimeout = .milliseconds(200) }) { server in
      let connection = try await server.connect(sending: beginning)
      #expect(try await connection.receiveUntilClosed() == [])
      #expect(try await server.isWell())
    }
  }

  @Test("a connection without a further request is closed", arguments: ["", "GET /v2/ HTTP/1.1\r\n"])
  func idle(_ beginning: String) async throws {
    try await serving(http: limits { $0.idleTimeout = .milliseconds(200) }) { server in
      let connection = try await server.connect()
      #expect(try await connection.exchange(request("GET", "/v2/")).status == 200)
      try await connection.send(beginning)
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }

  @Test("a body that stops coming is answered with 408, and the connection ends", arguments: [1000, 1_000_000])
  func stalledBody(_ length: Int) async throws {
    try await serving(http: limits { $0.bodyStallTimeout = .milliseconds(200) }) { server in
      let upload = try await server.startUpload()
      let connection = try await server.connect()
      let answer = try await connection.exchange(
        request("PATCH", upload, "Content-Length: \(length)\r\n") + "some", method: "PATCH")
      #expect(answer.status == 408)
      #expect(!answer.keepsConnection)
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }

  @Test("an upload that stalled keeps what came, and goes on in another request")
  func stalledUploadResumes() async throws {
    try await serving(http: limits { $0.bodyStallTimeout = .seconds(2) }) { server in
      let bytes = uniqueBytes(200_000)
      let upload = try await server.startUpload()
      let head = request("PATCH", upload, "Content-Length: \(bytes.count)\r\n")
      let answer = try await server.connect().exchange(Array(head.utf8) + bytes[..<70_000], method: "PATCH")
      #expect(answer.status == 408)
      let client = server.client
      let status = try await client("GET", upload)
      #expect(status.first("Range") == "0-69999")
      let rest = try await client(
        "PUT", upload + "?digest=\(digest(of: bytes))", body: .bytes(Array(bytes[70_000...])))
      #expect(rest.status == 201)
    }
  }

  @Test("a body below the least rate is given up, though something comes now and then")
  func belowRate() async throws {
    let settings = limits {
      $0.minimumRateBytes = 1 << 20
      $0.minimumRateWindow = .milliseconds(300)
    }
    try await serving(http: settings) { server in
      let upload = try await server.startUpload()
      let connection = try await server.connect()
      let answer = try await connection.exchange(
        request("PATCH", upload, "Content-Length: 1000000\r\n") + "some", method: "PATCH")
      #expect(answer.status == 408)
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }

  @Test("a reader that stops reading is given up, and what it asked for is let go", arguments: ["GET", "pipelined"])
  func stalledReader(_ kind: String) async throws {
    let settings = limits {
      $0.bodyStallTimeout = .seconds(2)
      $0.idleTimeout = .seconds(2)
    }
    try await serving(http: settings) { server in
      let blob = try await server.push(uniqueBytes(24 << 20))
      let text = request("GET", blob) + (kind == "GET" ? "" : request("GET", blob) + request("GET", "/v2/"))
      let connection = try await server.connect(sending: text)
      #expect(try await connection.receiveStatus() == 200)
      try await eventually("the download is cut short") { server.figure("registry_http_requests_cut_short_total") == 1 }
      try await eventually("the connection is gone") { server.figure("berth_http_connections") == 0 }
      #expect(try await connection.receiveUntilClosed().count < 24 << 20)
      #expect(try await server.isWell())
    }
  }

  @Test("the rest of a refused body must come in time as well")
  func stalledRestOfRefusedBody() async throws {
    try await serving(http: limits { $0.bodyStallTimeout = .milliseconds(200) }) { server in
      // The whole head and a part of the body are refused at once; the rest would be little enough to be read away.
      let text = request("PATCH", "/v2/acme/api/blobs/uploads/nobody-made-this", "Content-Length: 65537\r\n")
      let connection = try await server.connect()
      let answer = try await connection.exchange(text + String(repeating: "a", count: 3000), method: "PATCH")
      #expect(answer.status == 404)
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }

  @Test("a client that asks before it sends, and is told to go on, must go on")
  func stalledAfterContinue() async throws {
    try await serving(http: limits { $0.bodyStallTimeout = .milliseconds(200) }) { server in
      let upload = try await server.startUpload()
      let connection = try await server.connect(
        sending: request("PATCH", upload, "Content-Length: 100000\r\nExpect: 100-continue\r\n"))
      #expect(try await connection.receiveStatus() == 100)
      #expect(try await connection.receive(to: "PATCH").status == 408)
    }
  }

  @Test("a body over HTTP/2 that stops coming is answered with 408 as well, and others are served meanwhile")
  func stalledBodyHTTP2() async throws {
    let settings = limits {
      $0.bodyStallTimeout = .milliseconds(300)
      $0.idleTimeout = .milliseconds(300)
    }
    try await withCertificate { certificate in
      try await serving(http: settings, certificate: certificate) { server in
        let directory = try temporaryDirectory()
        let path = "/v2/acme/api/blobs/uploads/?digest=\(digest(of: uniqueBytes(9)))"
        try write(Self.unfinishedPost(path), to: directory + "/said")
        async let other = run(
          "curl", ["-sSk", "--http2", "-w", "%{http_code}", "https://127.0.0.1:\(server.port)/v2/"])
        // It says what is in the file, reads what comes, and ends when the server closes.
        let client = try await run(
          "timeout",
          [
            "25", "sh", "-c", #"openssl s_client -quiet -alpn h2 -connect "$1" < "$2""#, "sh",
            "127.0.0.1:\(server.port)", directory + "/said",
          ])
        #expect(client.code != 124)
        #expect(String(decoding: client.output, as: UTF8.self).contains("the client sent too slowly"))
        #expect(String(decoding: try await other.output, as: UTF8.self).hasSuffix("200"))
        #expect(server.figure(#"registry_http_requests_total{code="408",handler="blob_upload",method="post"}"#) == 1)
        try await eventually("no connection is left") { server.figure("berth_http_connections") == 0 }
        try removeTree(directory)
      }
    }
  }

  /// What a client says over HTTP/2 that begins to send a body and does not go on.
  private static func unfinishedPost(_ path: String) -> [UInt8] {
    func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
      [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), type, flags, 0, 0, 0, stream] + payload
    }
    // Fields as literals that are not indexed; names and values have fewer than 127 bytes (RFC 7541, section 6.2.2).
    func field(_ name: String, _ value: String) -> [UInt8] {
      [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }
    let head =
      field(":method", "POST") + field(":scheme", "https") + field(":authority", "127.0.0.1") + field(":path", path)
    return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, []) + frame(1, 4, 1, head)
      + frame(0, 0, 1, Array("some".utf8))
  }
}
