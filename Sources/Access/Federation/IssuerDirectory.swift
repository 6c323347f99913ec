import Ground
import OCI

/// What an issuer publishes of itself: OpenID Connect Discovery 1.0, section 3.
struct IssuerConfiguration: Sendable {
  let issuer: String
  let keysURL: String
  let authorizationURL: String?
  let tokenURL: String?
  /// It says who it is where it sends browsers back (RFC 9207).
  let namesItself: Bool
}

/// The keys and addresses of issuers, asked for when they are needed and kept for a while.
///
/// While an issuer does not answer, what it said before goes on being believed for a day: a provider that is down must not
/// stop everybody, and a key that was withdrawn must not live for ever.
actor IssuerDirectory {
  static let lifetime: Duration = .seconds(15 * 60)
  static let staleLifetime: Duration = .seconds(24 * 3600)
  /// An unknown key makes us ask again, but a flood of made-up ones does not.
  static let leastInterval: Duration = .seconds(10)
  static let keyLimit = 64

  struct Unavailable: Error, CustomStringConvertible {
    let issuer: String
    let reason: String
    var description: String { "the issuer \(issuer) cannot be asked for its keys: \(reason)" }
  }

  private struct Entry {
    var configuration: IssuerConfiguration
    var keys: [(id: String?, key: PublicKey)]
    var fetchedAt: Int64
  }

  private let http: any OutboundHTTP
  private let time: any TimeSource
  private var entries: [String: Entry] = [:]
  private var triedAt: [String: Int64] = [:]
  private var underWay: [String: Task<Void, any Error>] = [:]

  init(http: any OutboundHTTP, time: any TimeSource) {
    self.http = http
    self.time = time
  }

  /// The key that a token names.
  ///
  /// - Throws: ``Unavailable``; ``SignedToken/Problem/unknownKey(_:)``.
  func key(_ id: String?, of issuer: String) async throws -> PublicKey {
    try await ensure(issuer)
    if let key = find(id, issuer) { return key }
    // It may be a new one. Who comes while it is being fetched waits for that answer, and is not refused before it.
    let oldest = time.monotonicNanoseconds - Self.leastInterval.wholeMicroseconds * 1000
    if underWay[issuer] != nil || (triedAt[issuer] ?? .min) < oldest { try await fetch(issuer) }
    guard let key = find(id, issuer) else { throw SignedToken.Problem.unknownKey(id ?? "none") }
    return key
  }

  func configuration(of issuer: String) async throws -> IssuerConfiguration {
    try await ensure(issuer)
    guard let entry = entries[issuer] else { throw Unavailable(issuer: issuer, reason: "it said nothing") }
    return entry.configuration
  }

  private func find(_ id: String?, _ issuer: String) -> PublicKey? {
    let keys = entries[issuer]?.keys ?? []
    guard let id else { return keys.count == 1 ? keys[0].key : nil }
    return keys.first { $0.id == id }?.key
  }

  private func ensure(_ issuer: String) async throws {
    let now = time.monotonicNanoseconds
    guard let entry = entries[issuer] else { return try await fetch(issuer) }
    let age = Duration.nanoseconds(now - entry.fetchedAt)
    if age < Self.lifetime { return }
    let oldest = now - Self.leastInterval.wholeMicroseconds * 1000
    if (triedAt[issuer] ?? .min) >= oldest && age < Self.staleLifetime { return }
    do {
      try await fetch(issuer)
    } catch {
      guard age < Self.staleLifetime else { throw error }
    }
  }

  /// Asks the issuer; those who want the same at the same time wait for one answer.
  private func fetch(_ issuer: String) async throws {
    if let other = underWay[issuer] { return try await other.value }
    triedAt[issuer] = time.monotonicNanoseconds
    let task = Task { try await self.load(issuer) }
    underWay[issuer] = task
    defer { underWay[issuer] = nil }
    try await task.value
  }

  private func load(_ issuer: String) async throws {
    let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
    let document = try await read(base + "/.well-known/openid-configuration", issuer)
    guard document["issuer"]?.string == issuer else {
      throw Unavailable(issuer: issuer, reason: "its configuration is of another issuer")
    }
    guard let keysURL = document["jwks_uri"]?.string, Self.isUsable(keysURL) else {
      throw Unavailable(issuer: issuer, reason: "its configuration names no address of keys that can be used")
    }
    func address(_ name: String) -> String? { document[name]?.string.flatMap { Self.isUsable($0) ? $0 : nil } }
    let set = try await read(keysURL, issuer)
    let keys = (set["keys"]?.array ?? []).prefix(Self.keyLimit).compactMap { jwk in
      PublicKey(jwk: jwk).map { (id: jwk["kid"]?.string, key: $0) }
    }
    guard !keys.isEmpty else { throw Unavailable(issuer: issuer, reason: "it publishes no key that can be used") }
    entries[issuer] = Entry(
      configuration: IssuerConfiguration(
        issuer: issuer, keysURL: keysURL, authorizationURL: address("authorization_endpoint"),
        tokenURL: address("token_endpoint"),
        namesItself: document["authorization_response_iss_parameter_supported"]?.bool ?? false),
      keys: keys, fetchedAt: time.monotonicNanoseconds)
  }

  private func read(_ url: String, _ issuer: String) async throws -> JSONValue {
    let response: OutboundResponse
    do {
      response = try await http.get(url)
    } catch {
      throw Unavailable(issuer: issuer, reason: "\(url): \(error)")
    }
    guard response.status == 200 else {
      throw Unavailable(issuer: issuer, reason: "\(url) answered \(response.status)")
    }
    let value = response.body.withUnsafeBytes { bytes in try? JSONValue.parse(bytes, depthLimit: 16) }
    guard let value else { throw Unavailable(issuer: issuer, reason: "\(url) is not JSON") }
    return value
  }

  /// HTTPS, or plain HTTP on this machine, where nobody is in between.
  static func isUsable(_ url: String) -> Bool {
    if url.hasPrefix("https://") { return true }
    let host = url.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard url.hasPrefix("http://"), !host.contains("@") else { return false }
    if host.hasPrefix("[::1]") { return true }
    let name = host.prefix { $0 != ":" }
    return name == "127.0.0.1" || name == "localhost"
  }
}
