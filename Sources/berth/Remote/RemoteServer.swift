import Access
import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI

/// A server that a command talks to, over its API.
struct RemoteServer {
  /// What went wrong, as a person is told it.
  struct Failure: Error, CustomStringConvertible {
    let status: Int
    let description: String
    var exitCode: ExitCode { .refused(with: status) }
  }

  /// The methods of the API.
  enum Method: String {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  /// `http://127.0.0.1:5000`, without a slash at the end.
  let url: String
  let credential: CredentialFile.Credential?

  static let timeout: TimeAmount = .seconds(60)
  /// Of what judges all that is here while it goes on, such as an import.
  static let importTimeout: TimeAmount = .hours(1)
  static let answerLimitBytes = 64 << 20

  /// - Parameter address: with or without a scheme; without one it is HTTPS, but on this machine.
  init(_ address: String, credential: CredentialFile.Credential? = nil) {
    var text = address
    while text.hasSuffix("/") { text.removeLast() }
    if !text.contains("://") {
      let isLocal = ["127.", "localhost", "[::1]"].contains { text.hasPrefix($0) }
      text = (isLocal ? "http://" : "https://") + text
    }
    url = text
    self.credential = credential
  }

  /// As it stands in files of credentials: host and port.
  var name: String {
    let rest = url.dropFirst((url.range(ofText: "://")).map { $0 + 3 } ?? 0)
    return String(rest.prefix { $0 != "/" })
  }

  /// Whether it can be asked at all.
  var isAddress: Bool {
    (url.hasPrefix("https://") || url.hasPrefix("http://")) && ArtifactAddress.isHost(name[...]) && !name.hasSuffix(":")
  }

  func with(_ credential: CredentialFile.Credential?) -> RemoteServer { RemoteServer(url, credential: credential) }

  /// Calls an operation.
  ///
  /// - Returns: what it answered; null when that was nothing.
  @discardableResult
  ///
  /// - Parameter key: makes repeating it safe.
  func call(
    _ method: Method, _ path: String, _ body: JSONValue? = nil, key: String? = nil, timeout: TimeAmount = timeout
  ) async throws -> JSONValue {
    var request = HTTPClientRequest(url: url + path)
    request.method = HTTPMethod(rawValue: method.rawValue)
    if let key { request.headers.add(name: "idempotency-key", value: key) }
    if let body {
      request.headers.add(name: "content-type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body.bytes))
    }
    return try await send(request, timeout: timeout)
  }

  /// Sends pieces as they are made, and no faster than the server takes them.
  func send<Pieces: AsyncSequence & Sendable>(
    _ pieces: Pieces, to path: String, mediaType: String
  ) async throws -> JSONValue where Pieces.Element == ByteBuffer {
    var request = HTTPClientRequest(url: url + path)
    request.method = .POST
    request.headers.add(name: "content-type", value: mediaType)
    request.body = .stream(pieces, length: .unknown)
    return try await send(request, timeout: Self.importTimeout)
  }

  /// Sends bytes of a media type, as clients of registries do.
  func send(_ bytes: [UInt8], _ mediaType: String, _ method: Method, _ path: String) async throws {
    var request = HTTPClientRequest(url: url + path)
    request.method = HTTPMethod(rawValue: method.rawValue)
    request.headers.add(name: "content-type", value: mediaType)
    request.body = .bytes(ByteBuffer(bytes: bytes))
    _ = try await send(request)
  }

  /// Sends a document as it is.
  func put(_ bytes: [UInt8], to path: String) async throws -> JSONValue {
    var request = HTTPClientRequest(url: url + path)
    request.method = .PUT
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: bytes))
    return try await send(request)
  }

  /// What a manifest is known by.
  func manifest(_ image: ImageName) async throws -> (digest: Digest, mediaType: String, sizeBytes: Int64) {
    var request = HTTPClientRequest(url: "\(url)/v2/\(image.repository)/manifests/\(image.reference)")
    request.method = .HEAD
    let response = try await answer(to: request, timeout: Self.timeout)
    let headers = response.headers
    guard response.status == .ok, let digest = try? Digest(parsing: headers.first(name: "docker-content-digest") ?? ""),
      let mediaType = headers.first(name: "content-type"),
      let size = headers.first(name: "content-length").flatMap({ Int64($0) })
    else {
      throw Failure(
        status: Int(response.status.code), description: "there is no image \(image.repository) \(image.reference)")
    }
    return (digest, mediaType, size)
  }

  /// Sends a form, as the token endpoint takes it.
  func post(form: [(String, String)], to path: String) async throws -> JSONValue {
    try await send(request(form, path))
  }

  /// As ``post(form:to:)``, for endpoints whose refusals are answers too.
  func answer(form: [(String, String)], to path: String) async throws -> JSONValue {
    try await send(request(form, path), refusalsAreAnswers: true)
  }

  private func request(_ form: [(String, String)], _ path: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: url + path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
    let text = form.map { "\(PercentCoding.encoded($0.0))=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
    request.body = .bytes(ByteBuffer(string: text))
    return request
  }

  private func send(
    _ request: HTTPClientRequest, refusalsAreAnswers: Bool = false, timeout: TimeAmount = timeout
  ) async throws -> JSONValue {
    let response = try await answer(to: request, timeout: timeout)
    let body: ByteBuffer
    do {
      body = try await response.body.collect(upTo: Self.answerLimitBytes)
    } catch {
      throw Failure(status: 0, description: "\(url) does not answer: \(reason(of: error))")
    }
    let value = body.withUnsafeReadableBytes { try? JSONValue.parse($0) }
    if refusalsAreAnswers, let value, value["error"] != nil { return value }
    guard (200..<300).contains(response.status.code) else {
      let said =
        value?["detail"]?.string ?? value?["error_description"]?.string
        ?? value?["errors"]?.array?.first?["message"]?.string ?? "\(url) answered \(response.status)"
      throw Failure(
        status: Int(response.status.code), description: Self.failures(value) ?? Self.hint(said, response.status, self))
    }
    return value ?? .null
  }

  /// What the server answers to a request with the credential; its body is yet to come.
  private func answer(to request: HTTPClientRequest, timeout: TimeAmount) async throws -> HTTPClientResponse {
    var request = request
    request.headers.add(name: "user-agent", value: "berth/\(Berth.version)")
    if let credential, credential.isIdentityToken {
      let path = String(request.url.dropFirst(url.count))
      request.headers.add(name: "authorization", value: "Bearer \(try await token(for: path, credential.secret))")
    } else if let credential {
      let text = Base64.encode("\(credential.user):\(credential.secret)".utf8)
      request.headers.add(name: "authorization", value: "Basic \(text)")
    }
    // What is sent in a body, also passwords and identity tokens, is for this server alone.
    let client = [.GET, .HEAD].contains(request.method) ? HTTPClient.askingOnce : .followingNobody
    do { return try await client.execute(request, timeout: timeout) } catch {
      throw Failure(status: 0, description: "\(url) does not answer: \(reason(of: error))")
    }
  }

  /// What an identity token, which docker keeps in the place of a password, is good for: the repository that the operation is
  /// about, and lists.
  private func token(for path: String, _ identityToken: String) async throws -> String {
    let answer = try await with(nil).post(
      form: [
        ("grant_type", "refresh_token"), ("refresh_token", identityToken), ("client_id", "berth"),
        ("scope", Self.scope(of: path)),
      ], to: "/token")
    guard let token = answer["access_token"]?.string, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Failure(status: 0, description: "\(url) gave no token: berth login \(name)")
    }
    return token
  }

  /// What a token must have been asked for, so that an operation takes it.
  static func scope(of path: String) -> String {
    let names = repositories(of: path).map { "repository:\($0):pull,push,delete" }
    return (names + ["registry:catalog:*"]).joined(separator: " ")
  }

  /// The repositories that an operation is about, each once.
  private static func repositories(of path: String) -> [String] {
    let target = path.prefix { $0 != "?" }
    if ["/api/v1/diff", "/api/v1/diff/contents"].contains(target) {
      let query = try? Query(parsing: path.dropFirst(target.count + 1))
      let images = ["from", "to"].compactMap { query?.first($0) }.compactMap { try? ImageReference(parsing: $0) }
      return Set(images.map(\.repository.text)).sorted()
    }
    if case .endpoint(let endpoint) = Endpoint.parse(path: target) {
      return endpoint.repository.map { [$0.text] } ?? []
    }
    let parts = target.split(separator: "/")
    guard parts.prefix(3) == ["api", "v1", "repositories"], let end = parts.firstIndex(of: "-"), end > 3 else {
      return []
    }
    return [parts[3..<end].joined(separator: "/")]
  }

  /// Every rule that was not met, a line each.
  private static func failures(_ value: JSONValue?) -> String? {
    guard let failures = value?["failures"]?.array, !failures.isEmpty else { return nil }
    let lines = failures.map { "\n  \($0["rule"]?.string ?? ""): \($0["message"]?.string ?? "")" }
    return "refused:" + lines.joined()
  }

  private static func hint(_ said: String, _ status: HTTPResponseStatus, _ server: RemoteServer) -> String {
    guard status == .unauthorized else { return said }
    return server.credential == nil ? "\(said): berth login \(server.name)" : said
  }

  /// The first elements of a list, as many as are asked for. Says on standard error that there is more, and how to ask for it.
  func some(_ count: RowCount, _ path: String) async throws -> [JSONValue] {
    var found: [JSONValue] = []
    var cursor: String?
    var isPartial = false
    repeat {
      let mark = path.contains("?") ? "&" : "?"
      let next = cursor.map { "&cursor=\(PercentCoding.encoded($0))" } ?? ""
      let page = try await call(.get, "\(path)\(mark)n=\(min(count.number - found.count, 1000))\(next)")
      found += page["items"]?.array ?? []
      cursor = page["next"]?.string
      isPartial = isPartial || page["partial"]?.bool ?? false
    } while cursor != nil && found.count < count.number
    if cursor != nil || found.count > count.number { standardError("berth: \(count.hint)") }
    if isPartial { standardError("berth: there are more files than lists hold") }
    return Array(found.prefix(count.number))
  }

  /// All elements of a list, page after page.
  func all(_ path: String) async throws -> [JSONValue] {
    var found: [JSONValue] = []
    var cursor: String?
    repeat {
      let mark = path.contains("?") ? "&" : "?"
      let next = cursor.map { "&cursor=\(PercentCoding.encoded($0))" } ?? ""
      let page = try await call(.get, "\(path)\(mark)n=1000\(next)")
      found += page["items"]?.array ?? []
      cursor = page["next"]?.string
    } while cursor != nil
    return found
  }
}

extension String {
  /// Where a text begins, in characters.
  fileprivate func range(ofText text: String) -> Int? {
    var position = 0
    var rest = self[...]
    while !rest.isEmpty {
      if rest.hasPrefix(text) { return position }
      rest = rest.dropFirst()
      position += 1
    }
    return nil
  }
}

/// How results are printed.
enum OutputForm: String, ExpressibleByArgument, CaseIterable {
  case table, json
}

/// The options of commands that talk to a server.
struct RemoteOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server: registry.example.org, http://127.0.0.1:5000 (also BERTH_SERVER; default: 127.0.0.1:5000).",
      valueName: "address"))
  var server: String?

  @Option(name: [.long, .short], help: "table for people, json for programs.")
  var output = OutputForm.table

  /// The server, with what docker and podman have stored for it.
  func connect() throws -> RemoteServer {
    let named = processEnvironment()[SettingsEnvironmentReader.serverName].flatMap { $0.isEmpty ? nil : $0 }
    let address = server ?? named ?? "127.0.0.1:5000"
    let server = RemoteServer(address)
    guard server.isAddress else {
      throw ValidationError("“\(address)” is no address of a server: registry.example.org, http://127.0.0.1:5000")
    }
    return server.with(try CredentialFile.credential(for: server.name))
  }

  /// Runs a command's work, and tells what went wrong in one line.
  func run(_ body: (RemoteServer) async throws -> Void) async throws {
    do {
      try await body(try connect())
    } catch let error as RemoteServer.Failure {
      standardError("berth: \(error)")
      throw error.exitCode
    } catch let error as CredentialFile.Unusable {
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
  }

  /// Prints elements as a table of some of their members, or as they are.
  ///
  /// - Parameter wholeDigests: they are shown to be copied; else their beginning is enough to tell them apart.
  func show(
    _ elements: [JSONValue], _ columns: [(title: String, member: String)], wholeDigests: Bool = false
  ) {
    guard output == .table else { return print(JSONValue.array(elements).text) }
    let rows = elements.map { element in
      columns.map { column in
        let cell = Self.cell(element[column.member])
        guard !wholeDigests, (try? Digest(parsing: cell)) != nil else { return cell }
        return String(cell.prefix(Self.shortDigestLength))
      }
    }
    let table = [columns.map { $0.title.uppercased() }] + rows
    let widths = columns.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    for row in table {
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      print(String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed()))
    }
  }

  /// Prints one thing that was done, or what was answered.
  func tell(_ text: String, _ answer: JSONValue = .null) {
    print(output == .table ? text : answer.isNull ? "{}" : answer.text)
  }

  /// `sha256:` and twelve digits.
  private static let shortDigestLength = 19

  /// A value on one line, whatever a client of the server has put into it.
  static func cell(_ value: JSONValue?) -> String {
    switch value {
    case .string(let text): onOneLine(text)
    case .bool(let bool): bool ? "yes" : "no"
    case .integer(let number): String(number)
    case .null, nil: "-"
    case .array(let elements): elements.isEmpty ? "-" : elements.map { cell($0) }.joined(separator: ",")
    case .object(let object):
      object.members.isEmpty
        ? "-" : object.members.map { "\(onOneLine($0.key))=\(cell($0.value))" }.joined(separator: " ")
    case .number(let number): "\(number)"
    }
  }
}

/// Days as the API wants them.
func secondsOf(days: Int) throws -> JSONValue {
  guard (1...36_500).contains(days) else { throw ValidationError("--days is a number from 1 to 36500") }
  return .integer(Int64(days) * 86_400)
}

/// A part of a path.
func pathPart(_ text: String) -> String { PercentCoding.encoded(text) }
