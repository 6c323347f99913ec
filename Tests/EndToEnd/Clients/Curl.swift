import Foundation

/// `curl`, and what it got.
struct Curl: Sendable {
  let workspace: Workspace
  /// Options of every call: a certificate authority, a unix socket.
  var options: [String] = []

  struct Answer: Sendable {
    let status: Int
    /// `1.1` or `2`.
    let version: String
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Codes of the error envelope; empty when the body is none.
    var errorCodes: [String] {
      struct Envelope: Decodable {
        struct Entry: Decodable {
          let code: String
          let message: String
        }
        let errors: [Entry]
      }
      return (try? JSONDecoder().decode(Envelope.self, from: Data(body)))?.errors.map(\.code) ?? []
    }
  }

  /// One request.
  ///
  /// - Parameter bodyFile: the path of a file to send with `--data-binary`.
  /// - Throws: ``HarnessError`` when curl got no answer.
  func request(
    _ method: String, _ url: String, headers: [String] = [], bodyFile: String? = nil, timeoutSeconds: Int = 60
  ) async throws -> Answer {
    let body = workspace.file("curl-\(UUID().uuidString)")
    let head = body + ".head"
    var arguments = [
      "-sS", "--max-time", "\(timeoutSeconds)", "-o", body, "-D", head, "-w", "%{http_code} %{http_version}",
    ]
    arguments += method == "HEAD" ? ["--head"] : ["-X", method]
    for header in headers { arguments += ["-H", header] }
    if let bodyFile { arguments += ["--data-binary", "@\(bodyFile)"] }
    let outcome = try await ProgramRunner.succeed(
      "curl", arguments + options + [url], timeoutSeconds: timeoutSeconds + 5)
    let figures = outcome.trimmed.split(separator: " ")
    guard figures.count == 2, let status = Int(figures[0]) else { throw HarnessError(outcome.story) }
    return Answer(
      status: status, version: String(figures[1]), headers: parse(String(decoding: try readFile(head), as: UTF8.self)),
      body: method == "HEAD" ? [] : (try? readFile(body)) ?? [])
  }

  /// Pushes a blob as POST, then PUT. When the POST is refused, its answer is returned.
  func pushBlob(_ file: String, digest: String, to repository: String, at base: String) async throws -> Answer {
    let started = try await request("POST", "\(base)/v2/\(repository)/blobs/uploads/")
    guard started.status == 202 else { return started }
    guard let location = started.headers["location"] else { throw HarnessError("an upload without Location") }
    return try await request(
      "PUT", Self.resolve(location, base: base) + (location.contains("?") ? "&" : "?") + "digest=\(digest)",
      headers: ["Content-Type: application/octet-stream"], bodyFile: file)
  }

  /// Pushes bytes as a manifest.
  func pushManifest(
    _ bytes: [UInt8], _ mediaType: String, to repository: String, as reference: String, at base: String
  ) async throws -> Answer {
    let file = try workspace.write(bytes, to: "manifest-\(UUID().uuidString)")
    return try await request(
      "PUT", "\(base)/v2/\(repository)/manifests/\(reference)", headers: ["Content-Type: \(mediaType)"], bodyFile: file)
  }

  /// An absolute URL of a `Location`.
  static func resolve(_ location: String, base: String) -> String {
    guard location.hasPrefix("/"), let scheme = base.range(of: "://") else { return location }
    let authority = base[scheme.upperBound...].prefix { $0 != "/" }
    return base[..<scheme.upperBound] + authority + location
  }

  /// Headers of the last answer: an interim one, as `100 Continue`, comes before it.
  private func parse(_ text: String) -> [String: String] {
    var headers: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("HTTP/") { headers = [:] }
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    return headers
  }
}
