import Foundation
import Glibc
import Ground
import HTTPService
import TestSupport
import Testing

/// What an operator sees of requests.
@Suite("what is told of requests", .timeLimit(.minutes(10)))
struct ObservabilityTests {
  /// Serves with a log in a file; answers its lines.
  private func logged(
    _ format: RequestLog.Format, access: TestRegistry.Access = .open, _ body: (TestRegistry) async throws -> Void
  ) async throws -> [String] {
    let directory = try temporaryDirectory()
    let path = directory + "/log"
    let descriptor = open(path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
    let log = RequestLog(writer: LineWriter(descriptor: descriptor, flushesEachLine: true), format: format)
    try await serving(log: log, access: access, body)
    close(descriptor)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try removeTree(directory)
    return text.split(separator: "\n").map(String.init)
  }

  @Test("each request is one line, and nothing that a client sends can make two of it or colour a terminal")
  func text() async throws {
    let lines = try await logged(.text) { server in
      let fields = [RawField("User-Agent", "evil \"quoted\" \\ \u{e9}\u{9b}31m\t2026 fake line")]
      for path in ["/v2/acme/api/tags/list", "/v2/%0d%0aX-Injected:1/%1b[31m"] {
        _ = try await server.client.send(RawRequest("GET", path, fields))
      }
    }
    #expect(lines.count == 2 || lines.count == 3)
    for line in lines {
      #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "\(line)")
    }
    #expect(lines[0].contains("127.0.0.1 GET /v2/acme/api/tags/list 404 in=0 out="))
    #expect(lines[0].contains(#"agent="evil \"quoted\" \\ \u00c3\u00a9\u00c2\u009b31m\u0009"#))
  }

  @Test("a line as JSON is JSON, with what there is to know of a request")
  func json() async throws {
    let lines = try await logged(.json) { server in
      try await server.push(uniqueBytes(500))
      _ = try await server.client.send(
        RawRequest("GET", "/v2/acme/api/manifests/v1?x=secret", [RawField("User-Agent", "a\"b\\c\t\u{e9}")]))
      _ = try await server.connect().exchange("BROKEN\r\n\r\n")
    }
    let objects = try lines.map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
    }
    try #require(objects.count == 3)
    #expect(objects[0]["method"] as? String == "POST" && objects[0]["route"] as? String == "blob_upload")
    #expect(objects[0]["bytesIn"] as? Int == 500 && objects[0]["status"] as? Int == 201)
    #expect(objects[1]["path"] as? String == "/v2/acme/api/manifests/v1", "a query may hold secrets and is not logged")
    #expect(objects[1]["id"] as? String != objects[0]["id"] as? String)
    #expect(objects[2]["status"] as? Int == 501, "a word that is no method")
    // What a client that begins with TLS, as docker does, leaves in the log.
    #expect((objects[2]["note"] as? String)?.contains("TLS, perhaps, which this address does not speak") ?? false)
  }

  @Test("no credentials of a request reach the log")
  func noSecrets() async throws {
    let lines = try await logged(.json) { server in
      let fields = [RawField("Authorization", "Basic c2VjcmV0"), RawField("Cookie", "session=secret")]
      _ = try await server.client.send(RawRequest("GET", "/v2/?token=secret", fields))
    }
    #expect(!lines.joined().contains("c2VjcmV0") && !lines.joined().contains("secret"))
  }

  @Test("what is refused tells the rule to the log, and of a login that is refused the reason without the secret")
  func refusals() async throws {
    let lines = try await logged(.json, access: .closed) { server in
      func basic(_ password: String) -> RawField {
        RawField("Authorization", "Basic " + Data("admin:\(password)".utf8).base64EncodedString())
      }
      _ = try await server.client.send(RawRequest("GET", "/v2/acme/api/tags/list", []))
      _ = try await server.client.send(RawRequest("GET", "/v2/", [basic("not-the-password")]))
    }
    let notes = try lines.map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])["note"] as? String ?? ""
    }
    try #require(notes.count == 2, "\(lines)")
    #expect(notes[0] == "pull refused: nothing lets anonymous pull on acme/api")
    #expect(notes[1] == "login refused: wrong password")
    #expect(!lines.joined().contains("not-the-password"))
  }

  @Test("the figures count requests by route, method and status, and bytes")
  func metrics() async throws {
    try await serving { server in
      let blob = try await server.push(uniqueBytes(500))
      let client = server.client
      #expect(try await client("GET", blob).status == 200)
      #expect(try await client("GET", "/v2/acme/api/manifests/none").status == 404)
      #expect(try await client("GET", "/v2/acme/api/blobs/uploads/nobody-made-this").status == 404)
      _ = try await client("BREW", "/v2/")
      let text = try await client("GET", "/metrics")
      #expect(text.status == 200)
      #expect(text.first("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
      for line in [
        #"registry_http_requests_total{code="201",handler="blob_upload",method="post"} 1"#,
        #"registry_http_requests_total{code="200",handler="blob",method="get"} 1"#,
        #"registry_http_requests_total{code="404",handler="manifest",method="get"} 1"#,
        #"registry_http_requests_total{code="404",handler="blob_upload_chunk",method="get"} 1"#,
        #"registry_http_request_size_bytes_sum{handler="blob_upload"} 500"#,
        #"registry_http_request_size_bytes_bucket{handler="blob_upload",le="1024"} 1"#,
        #"registry_http_response_size_bytes_sum{handler="blob"} 500"#,
        #"registry_http_request_duration_seconds_count{handler="blob",method="get"} 1"#,
      ] { #expect(text.text.contains(line + "\n"), "\(line)") }
      #expect(!text.text.lowercased().contains("brew"))
    }
  }

  @Test("the words that are healthy, ready and not ready")
  func health() async throws {
    try await serving { server in
      let client = server.client
      #expect(try await client("GET", "/healthz").status == 200)
      #expect(try await client("GET", "/readyz").status == 200)
      server.health.add("disk") { .warning("little is free") }
      let warned = try await client("GET", "/readyz")
      #expect(warned.status == 200 && warned.text.contains("little is free"))
      server.health.add("database") { .notReady("it is gone") }
      let answer = try await client("GET", "/readyz")
      #expect(answer.status == 503 && answer.text.contains("it is gone") && answer.text.contains("database"))
      #expect(try await client("GET", "/healthz").status == 200)
    }
  }
}
