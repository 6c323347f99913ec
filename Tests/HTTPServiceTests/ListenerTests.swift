import HTTPService
import TestSupport
import Testing

/// Every way in: addresses, TLS, HTTP/2.
@Suite("listeners", .timeLimit(.minutes(10)))
struct ListenerTests {
  @Test("a unix socket serves, and so do IPv6 and IPv4 beside it")
  func addresses() async throws {
    let directory = try temporaryDirectory()
    let path = directory + "/registry.sock"
    let wanted: [HTTPServer.Address] = [
      .tcp(host: "127.0.0.1", port: 0), .tcp(host: "::1", port: 0), .unix(path: path),
    ]
    try await serving(addresses: wanted) { server in
      #expect(server.addresses.count == 3)
      for address in server.addresses {
        let connection: RawHTTPConnection
        switch address {
        case .tcp(let host, let port):
          #expect(port > 0)
          connection = try await .open(host: host, port: port)
        case .unix(let path): connection = try await .open(unixPath: path)
        }
        #expect(try await connection.exchange(request("GET", "/v2/")).status == 200)
        try await connection.close()
      }
      #expect(server.addresses[1].description.hasPrefix("[::1]:"))
    }
    // The socket's file may stay; the next start takes its place.
    try await serving(addresses: [.unix(path: path)]) { _ in
      let connection = try await RawHTTPConnection.open(unixPath: path)
      #expect(try await connection.exchange(request("GET", "/v2/")).status == 200)
    }
    try removeTree(directory)
  }

  @Test("an address that another server has is named, with the reason")
  func takenAddress() async throws {
    try await serving { server in
      let failure = await #expect(throws: ListenFailure.self) {
        try await serving(addresses: server.addresses) { _ in }
      }
      #expect(failure?.description == "cannot listen on 127.0.0.1:\(server.port): Address already in use")
    }
  }

  @Test(
    "TLS serves HTTP/2 and HTTP/1.1, whole blobs and ranges, uploads and refusals", arguments: ["--http2", "--http1.1"])
  func tls(_ version: String) async throws {
    try await withCertificate { certificate in
      try await serving(certificate: certificate) { server in
        let directory = try temporaryDirectory()
        let bytes = uniqueBytes(3 << 20)
        let file = directory + "/blob"
        try write(bytes, to: file)
        let base = "https://127.0.0.1:\(server.port)/v2/acme/api"
        func curl(_ arguments: String...) async throws -> [UInt8] {
          try await run("curl", ["-sS", version, "--cacert", certificate.certificatePath] + arguments).output
        }
        let pushed = try await curl(
          "--data-binary", "@" + file, "-w", "%{http_code} %{http_version}", "-o", "/dev/null",
          "\(base)/blobs/uploads/?digest=\(digest(of: bytes))")
        #expect(String(decoding: pushed, as: UTF8.self) == (version == "--http2" ? "201 2" : "201 1.1"))
        #expect(same(try await curl("\(base)/blobs/\(digest(of: bytes))"), bytes))
        let part = try await curl("-r", "1000000-2000000", "\(base)/blobs/\(digest(of: bytes))")
        #expect(same(part, Array(bytes[1_000_000...2_000_000])))
        let missing = try await curl("-w", " %{http_code}", "\(base)/manifests/none")
        #expect(String(decoding: missing, as: UTF8.self).hasSuffix(" 404"))
        let refused = try await curl(
          "-X", "PUT", "--data-binary", "@" + file, "-w", "%{http_code}", "-o", "/dev/null",
          "\(base)/blobs/uploads/nobody-made-this")
        #expect(String(decoding: refused, as: UTF8.self).hasSuffix("404"))
        try removeTree(directory)
      }
    }
  }

  @Test("who only speaks HTTP/1.1 to TLS, because HTTP/2 is switched off, gets that")
  func withoutHTTP2() async throws {
    try await withCertificate { certificate in
      var certificate = certificate
      certificate.offersHTTP2 = false
      try await serving(certificate: certificate) { server in
        let answer = try await run(
          "curl", ["-sSk", "--http2", "-w", "%{http_version}", "https://127.0.0.1:\(server.port)/v2/"])
        #expect(String(decoding: answer.output, as: UTF8.self) == "{}1.1")
      }
    }
  }

  @Test(
    "a handshake that never ends is given up, and bytes that are no TLS are refused",
    arguments: ["", "GET /v2/ HTTP/1.1\r\n\r\n"])
  func handshake(_ beginning: String) async throws {
    try await withCertificate { certificate in
      try await serving(http: limits { $0.headerTimeout = .milliseconds(300) }, certificate: certificate) { server in
        let connection = try await server.connect(sending: beginning)
        #expect(!String(decoding: try await connection.receiveUntilClosed(), as: UTF8.self).contains("HTTP/1.1"))
      }
    }
  }

  @Test("an HTTP/2 reader that takes its time does not end the process; one that takes too much is let go")
  func slowHTTP2Reader() async {
    await #expect(processExitsWith: .success) {
      try await withCertificate { certificate in
        let settings = limits {
          $0.bodyStallTimeout = .milliseconds(800)
          $0.minimumRateBytes = 1 << 20
          $0.minimumRateWindow = .milliseconds(800)
        }
        try await serving(http: settings, certificate: certificate) { server in
          // More than curl takes into its own buffers.
          let bytes = uniqueBytes(48 << 20)
          let directory = try temporaryDirectory()
          try write(bytes, to: directory + "/blob")
          let base = "https://127.0.0.1:\(server.port)/v2/acme/api/blobs/"
          let pushed = try await run(
            "curl",
            [
              "-sSk", "--http2", "--data-binary", "@\(directory)/blob", "-w", "%{http_code}",
              base + "uploads/?digest=\(digest(of: bytes))",
            ])
          #expect(String(decoding: pushed.output, as: UTF8.self) == "201")
          async let slow = run(
            "curl",
            ["-sSk", "--http2", "--limit-rate", "2000", "-m", "10", "-o", "/dev/null", base + digest(of: bytes)])
          try await eventually("the slow one is let go") {
            server.figure("registry_http_requests_cut_short_total") == 1
          }
          let whole = try await run("curl", ["-sSk", "--http2", base + digest(of: bytes)])
          #expect(same(whole.output, bytes))
          #expect(try await slow.code != 0)
          try removeTree(directory)
        }
      }
    }
  }

  /// What a client of HTTP/2 says first, and then its settings, which are empty.
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
  /// `GET https://a/` as the only frame of stream 1, by indexes of HPACK's static table.
  private static let getRoot: [UInt8] = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x84, 0x87, 0x41, 1, 0x61]

  @Test(
    "an HTTP/2 client that asks for nothing is let go, though it answers no farewell",
    arguments: [
      ("nothing at all", [], limits { $0.headerTimeout = .milliseconds(300) }),
      ("the preface", preface, limits { $0.headerTimeout = .milliseconds(300) }),
      ("one request", preface + getRoot, limits { $0.idleTimeout = .milliseconds(300) }),
    ])
  func idleHTTP2(_ story: String, _ bytes: [UInt8], _ settings: HTTPServiceSettings) async throws {
    try await withCertificate { certificate in
      try await serving(http: settings, certificate: certificate) { server in
        let directory = try temporaryDirectory()
        try write(bytes, to: directory + "/said")
        // It says what is in the file, reads what comes, and ends when the server closes.
        let client = try await run(
          "timeout",
          [
            "25", "sh", "-c", #"openssl s_client -quiet -alpn h2 -connect "$1" < "$2""#, "sh",
            "127.0.0.1:\(server.port)", directory + "/said",
          ])
        #expect(client.code != 124, "\(story): \(String(decoding: client.output, as: UTF8.self))")
        try await eventually("no connection is left") { server.figure("berth_http_connections") == 0 }
        try removeTree(directory)
      }
    }
  }

  @Test("connections past the limit wait until there is room")
  func connectionLimit() async throws {
    try await serving(http: limits { $0.connections = 2 }) { server in
      let first = try await server.connect()
      #expect(try await first.exchange(request("GET", "/v2/")).status == 200)
      let second = try await server.connect()
      #expect(try await second.exchange(request("GET", "/v2/")).status == 200)
      let third = try await RawHTTPConnection.open(host: server.host, port: server.port, patience: .milliseconds(500))
      await #expect(throws: RawHTTPError.timedOut(waitingFor: "bytes from the server")) {
        try await third.exchange(request("GET", "/v2/"))
      }
      try await first.close()
      try await eventually("the third is served") {
        do {
          return try await third.receive().status == 200
        } catch RawHTTPError.timedOut {
          return false
        }
      }
    }
  }
}
