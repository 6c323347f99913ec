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
}
