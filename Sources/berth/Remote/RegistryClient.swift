import Access
import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI

/// Talks to a repository of any registry as docker and podman do: credentials from their files, by Basic or by a token.
///
/// Source: distribution-spec; Docker Registry, "Token Authentication Specification"; RFC 9110, section 11.
actor RegistryClient {
  struct Failure: Error, CustomStringConvertible {
    let description: String
    var exitCode = ExitCode.failure
  }

  nonisolated let address: ArtifactAddress
  private let client: HTTPClient
  private let credential: CredentialFile.Credential?
  /// What is sent with each request, and for which actions it was given.
  private var authorization: (value: String, actions: String)?

  static let timeout: TimeAmount = .minutes(1)
  /// Of a bundle, whole.
  static let transferTimeout: TimeAmount = .hours(1)
  private static let tokenLimitBytes = 1 << 20

  /// - Parameter credential: nil: as anybody.
  init(_ address: ArtifactAddress, credential: CredentialFile.Credential?, client: HTTPClient = .askingOnce) {
    self.address = address
    self.credential = credential
    self.client = client
  }

  /// With what docker and podman have stored for the registry.
  init(_ address: ArtifactAddress, client: HTTPClient = .askingOnce) throws {
    self.init(
      address,
      credential: try CredentialFile.credential(
        for: address.credentialName, repository: address.image.repository.text), client: client)
  }

  /// What reading needs, and what writing needs.
  enum Actions: String {
    case pull
    case push = "pull,push"
  }

  /// Asks for something below the repository. What is not there, and other refusals, are answers.
  ///
  /// - Parameters:
  ///   - path: from `/v2/NAME` on, or a whole address that the registry gave.
  ///   - body: made anew when the request is sent once more with a credential.
  func send(
    _ method: HTTPMethod, _ path: String, for actions: Actions, headers: [(String, String)] = [],
    timeout: TimeAmount = timeout, body: (@Sendable () -> HTTPClientRequest.Body)? = nil
  ) async throws -> HTTPClientResponse {
    let url = path.hasPrefix("/") ? "\(address.url)/v2/\(address.image.repository)\(path)" : path
    func ask() async throws -> HTTPClientResponse {
      var request = HTTPClientRequest(url: url)
      request.method = method
      request.headers.add(name: "user-agent", value: "berth/\(Berth.version)")
      for (name, value) in headers { request.headers.add(name: name, value: value) }
      // A credential is the registry's, and goes nowhere else.
      if let authorization, Self.isSameOrigin(url, address.url) {
        request.headers.add(name: "authorization", value: authorization.value)
      }
      request.body = body?()
      do { return try await client.execute(request, timeout: timeout) } catch {
        throw noAnswer(error)
      }
    }
    if authorization?.actions == Actions.pull.rawValue, actions == .push { authorization = nil }
    let first = try await ask()
    // Also with a token, which may have run out: once more with another.
    guard first.status == .unauthorized else { return first }
    // To whom the registry has sent us, it must not be able to send its password.
    let isOfRegistry =
      Self.isSameOrigin(url, address.url)
      && first.history.allSatisfy { Self.isSameOrigin($0.request.url, address.url) }
    guard isOfRegistry else {
      throw Failure(description: "\(address.registry) has sent us to somebody who wants a login, who is told nothing")
    }
    let challenges = first.headers["www-authenticate"]
    // Read to its end, so that the connection can be used again.
    _ = try? await first.body.collect(upTo: Self.tokenLimitBytes)
    authorization = (try await authorization(challenges, actions), actions.rawValue)
    return try await ask()
  }

  /// Has `body` read on in what the registry answers. One that stops in the middle of it is one that does not answer.
  nonisolated func reading<R>(_ body: () async throws -> R) async throws -> R {
    do { return try await body() } catch let error as BundleFailure { throw error } catch { throw noAnswer(error) }
  }

  private nonisolated func noAnswer(_ error: any Error) -> Failure {
    Failure(description: "\(address.registry) does not answer: \(reason(of: error))", exitCode: .couldNotAsk)
  }

  private static func isSameOrigin(_ url: String, _ origin: String) -> Bool {
    url == origin || url.hasPrefix(origin + "/") || url.hasPrefix(origin + "?")
  }

  // MARK: Who asks

  private func authorization(_ challenges: [String], _ actions: Actions) async throws -> String {
    let basic = credential.flatMap {
      $0.isIdentityToken ? nil : "Basic " + Base64.encode("\($0.user):\($0.secret)".utf8)
    }
    if let bearer = challenges.compactMap({ Self.parameters($0, scheme: "bearer") }).first {
      return "Bearer " + (try await token(bearer, actions, basic))
    }
    guard challenges.contains(where: { Self.parameters($0, scheme: "basic") != nil }) else {
      throw Failure(
        description: "\(address.registry) wants a login of a kind that is not known here", exitCode: .couldNotAsk)
    }
    guard let basic else { throw notLoggedIn }
    return basic
  }

  private var notLoggedIn: Failure {
    Failure(
      description: "\(address.registry) wants a login: berth login \(address.registry), or docker login",
      exitCode: .couldNotAsk)
  }

  private func token(_ parameters: [String: String], _ actions: Actions, _ basic: String?) async throws -> String {
    guard let realm = parameters["realm"],
      realm.hasPrefix("https://") || (realm.hasPrefix("http://") && address.url.hasPrefix("http://"))
    else { throw Failure(description: "\(address.registry) does not say where tokens are to be had by HTTPS") }
    var request = tokenRequest(realm, parameters["service"], actions)
    request.headers.add(name: "user-agent", value: "berth/\(Berth.version)")
    if let basic { request.headers.add(name: "authorization", value: basic) }
    let response: HTTPClientResponse
    let body: ByteBuffer
    do {
      // By POST goes an identity token, which nobody else may have.
      let client = request.method == .POST ? .followingNobody : client
      response = try await client.execute(request, timeout: Self.timeout)
      body = try await response.body.collect(upTo: Self.tokenLimitBytes)
    } catch {
      throw Failure(description: "\(realm) does not answer: \(reason(of: error))", exitCode: .couldNotAsk)
    }
    guard response.status == .ok else {
      throw response.status == .unauthorized && credential == nil
        ? notLoggedIn
        : Failure(
          description: "\(realm) gave no token: it answered \(response.status.code)",
          exitCode: response.status == .forbidden ? .failure : .couldNotAsk)
    }
    let answer = body.withUnsafeReadableBytes { try? JSONValue.parse($0) }
    guard let token = answer?["token"]?.string ?? answer?["access_token"]?.string,
      token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw Failure(description: "\(realm) gave no token", exitCode: .couldNotAsk) }
    return token
  }

  /// Asks for a token: with an identity token by the form of OAuth2, else by GET.
  private func tokenRequest(_ realm: String, _ service: String?, _ actions: Actions) -> HTTPClientRequest {
    var form = [("scope", "repository:\(address.image.repository):\(actions.rawValue)")]
    if let service { form.insert(("service", service), at: 0) }
    let isRenewal = credential?.isIdentityToken ?? false
    if isRenewal, let credential {
      form += [("grant_type", "refresh_token"), ("refresh_token", credential.secret), ("client_id", "berth")]
    }
    let text = form.map { "\($0.0)=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
    guard isRenewal else { return HTTPClientRequest(url: realm + (realm.contains("?") ? "&" : "?") + text) }
    var request = HTTPClientRequest(url: realm)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
    request.body = .bytes(ByteBuffer(string: text))
    return request
  }

  /// What a challenge of a scheme says: `Bearer realm="…",service="…"`; nil when it is of another.
  static func parameters(_ challenge: String, scheme: String) -> [String: String]? {
    let parts = challenge.split(separator: " ", maxSplits: 1)
    guard parts.first?.lowercased() == scheme else { return nil }
    var found: [String: String] = [:]
    var rest = parts.count > 1 ? parts[1] : ""
    while let equals = rest.firstIndex(of: "=") {
      let name = rest[..<equals].drop { $0 == " " || $0 == "," }.lowercased()
      rest = rest[rest.index(after: equals)...]
      if rest.first == "\"" {
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\"") else { return found }
        found[name] = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
      } else {
        let end = rest.firstIndex(of: ",") ?? rest.endIndex
        found[name] = String(rest[..<end])
        rest = rest[end...]
      }
    }
    return found
  }
}
