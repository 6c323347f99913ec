import TestSupport
import Testing

extension Conformance {
  /// Messages on whose extent two readers could disagree are refused, and nothing after them is read as a request
  /// (RFC 9112, section 11.2: request smuggling).
  @Suite("HTTP/1.1: framing that cannot be confused")
  struct Framing {
    let client = RegistryUnderTest.client
    static let smuggled = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Sends bytes and returns the first answer; expects that the server closes without a second one.
    private func refusal(
      _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RawResponse {
      let connection = try await client.connect()
      let answer = try await connection.exchange(text)
      #expect(!answer.keepsConnection, "\(answer)", sourceLocation: sourceLocation)
      let rest = String(decoding: try await connection.receiveUntilClosed(), as: UTF8.self)
      #expect(!rest.contains("HTTP/1.1 200"), sourceLocation: sourceLocation)
      return answer
    }

    @Test("Content-Length together with Transfer-Encoding is refused")
    func lengthAndCoding() async throws {
      let answer = try await refusal(
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
          + Self.smuggled)
      #expect(answer.status == 400)
    }

    @Test(
      "a Content-Length that is not one number is refused",
      arguments: [
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: +5", "Content-Length: -1",
        "Content-Length: 0x5", "Content-Length: 5 5", "Content-Length: 99999999999999999999999",
      ])
    func contentLength(_ lines: String) async throws {
      let answer = try await refusal("POST /v2/ HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\nabcde" + Self.smuggled)
      #expect([400, 413].contains(answer.status))
    }

    @Test(
      "a transfer coding that the server does not know is refused",
      arguments: ["xchunked", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity"])
    func transferCoding(_ coding: String) async throws {
      let answer = try await refusal(
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \(coding)\r\n\r\n0\r\n\r\n" + Self.smuggled)
      #expect([400, 501].contains(answer.status))
    }

    @Test(
      "a broken chunk is refused",
      arguments: [
        "zz\r\nab\r\n0\r\n\r\n", "-1\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\n",
      ])
    func chunks(_ body: String) async throws {
      let repository = Repository()
      let session = try await repository.startUpload()
      let connection = try await client.connect()
      try await connection.send(
        "PATCH \(session) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)" + Self.smuggled)
      let rest = String(decoding: try await connection.receiveUntilClosed(), as: UTF8.self)
      #expect(!rest.contains("HTTP/1.1 2"), "\(rest)")
      let status = try await client("GET", session)
      #expect([204, 404].contains(status.status))
    }

    @Test(
      "a header line that is none is refused",
      arguments: [
        "Name : value", " folded: value", "no colon", ": empty", "Na\u{0}me: value", "Name: va\u{0}lue", "Ünicode: x",
      ])
    func headerLine(_ line: String) async throws {
      let answer = try await refusal("GET /v2/ HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n" + Self.smuggled)
      #expect(answer.status == 400)
    }

    @Test(
      "a request line that is none is refused",
      arguments: [
        "GET /v2/", "GET /v2/ HTTP/9.9", "GET /v2/ HTTPS/1.1", "GET /v2/ x HTTP/1.1",
        "G\u{0}T /v2/ HTTP/1.1", "GET /v2/\u{0} HTTP/1.1", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", "GET v2 HTTP/1.1",
      ])
    func requestLine(_ line: String) async throws {
      let answer = try await refusal("\(line)\r\nHost: a\r\n\r\n")
      #expect([400, 404, 405, 501, 505].contains(answer.status))
    }

    @Test("a method that nobody knows is refused", arguments: ["BREW", "get", "TRACE", "CONNECT"])
    func method(_ method: String) async throws {
      let connection = try await client.connect()
      let answer = try await connection.exchange("\(method) /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect([400, 405, 501].contains(answer.status))
    }

    @Test("OPTIONS * is answered, with whatever but a success of an upload or a failure of the server")
    func optionsAsterisk() async throws {
      let connection = try await client.connect()
      let answer = try await connection.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect([200, 204, 400, 404, 405].contains(answer.status))
    }

    @Test("a header section that is too large answers 431", arguments: ["one long value", "many fields"])
    func largeHeader(_ kind: String) async throws {
      let one = "X-Long: \(String(repeating: "a", count: 2_000_000))\r\n"
      let many = (0..<50_000).map { "X-Field-\($0): aaaaaaaaaaaaaaaaaaaaaaaaa\r\n" }.joined()
      let answer = try await refusal(
        "GET /v2/ HTTP/1.1\r\nHost: a\r\n\(kind == "many fields" ? many : one)\r\n")
      #expect(answer.status == 431)
    }

    @Test("a request target that is too long answers 414 or 431")
    func largeTarget() async throws {
      let answer = try await refusal("GET /v2/\(String(repeating: "a", count: 2_000_000)) HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect([414, 431].contains(answer.status))
    }

    @Test("headers of a usual size are accepted: a token of 6 KB and a hundred fields")
    func usualHeader() async throws {
      let fields = (0..<90).map { "X-Field-\($0): value\r\n" }.joined()
      let token = "Authorization: Bearer \(String(repeating: "a", count: 6_000))\r\n"
      let connection = try await client.connect()
      let answer = try await connection.exchange("GET /v2/ HTTP/1.1\r\nHost: a\r\n\(token)\(fields)\r\n")
      #expect([200, 401].contains(answer.status))
    }
  }
}
