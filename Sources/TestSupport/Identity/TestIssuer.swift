import CLibCrypto
import Foundation
public import Ground
public import OCI
import Synchronization

/// An OpenID provider as CI services and companies run them: a real HTTP server on loopback with discovery, keys, and RS256
/// tokens; and for people an authorization endpoint that says yes at once.
public final class TestIssuer: Sendable {
  /// What the key set endpoint does.
  public enum Mood: Sendable { case well, down, slow }

  private struct State {
    /// The one that signs.
    var key: (id: String, pair: RSAKey)
    /// Those that signed before.
    var retired: [RSAKey] = []
    var mood = Mood.well
    var codes: [String: (claims: JSONObject, challenge: String, redirect: String)] = [:]
    /// Who signs on next.
    var person: JSONObject = JSONObject()
    var clock: any TimeSource = SystemTime()
    var namesItself = false
  }

  private let state: Mutex<State>
  private let server = OnceSet<ScriptedHTTPServer>()
  public let clientID = "berth"
  public let clientSecret = "provider-secret"

  public init() throws {
    state = Mutex(State(key: ("key-1", try RSAKey.spare())))
    server.set(try ScriptedHTTPServer { [weak self] request in self?.answer(request) ?? (503, "") })
  }

  deinit { RSAKey.giveBack(state.withLock { $0.retired + [$0.key.pair] }) }

  public var url: String { server.value?.url ?? "" }
  /// What was asked so far: methods and targets.
  public var requests: [String] { server.value?.requests.map { "\($0.method) \($0.target)" } ?? [] }

  public func set(_ mood: Mood) { state.withLock { $0.mood = mood } }
  /// Whom the provider vouches for when somebody signs on. Its claims go before those that a provider adds.
  public func set(person: JSONObject) { state.withLock { $0.person = person } }

  /// What its tokens of sign-ons are dated by.
  public func set(clock: any TimeSource) { state.withLock { $0.clock = clock } }

  /// Says who it is where it sends browsers back (RFC 9207), and that it does.
  public func nameItself() { state.withLock { $0.namesItself = true } }

  /// Signs with a new key from now on; the old one is not published any more.
  public func rotate() throws {
    let next = try RSAKey.spare()
    state.withLock { state in
      state.retired.append(state.key.pair)
      state.key = ("key-\(UInt32.random(in: 2...UInt32.max))", next)
    }
  }

  /// A token as this issuer makes them.
  ///
  /// - Parameters:
  ///   - claims: replace or add to the usual ones; null takes one out.
  ///   - header: the same for the header.
  public func token(_ claims: JSONObject, header: JSONObject = JSONObject(), now: Timestamp = SystemTime().now)
    -> String
  {
    let seconds = now.microseconds / 1_000_000
    let key = state.withLock { $0.key }
    let usual: JSONObject = [
      "iss": .string(url), "iat": .integer(seconds), "nbf": .integer(seconds), "exp": .integer(seconds + 300),
    ]
    let head = Self.merged(["alg": "RS256", "typ": "JWT", "kid": .string(key.id)], header)
    let text = Self.base64(head.bytes) + "." + Self.base64(Self.merged(usual, claims).bytes)
    return text + "." + Self.base64(key.pair.sign(Array(text.utf8)))
  }

  private static func merged(_ usual: JSONObject, _ changes: JSONObject) -> JSONValue {
    var members = usual.members.filter { changes[$0.key] == nil }
    members += changes.members.filter { !$0.value.isNull }
    return .object(JSONObject(members))
  }

  public static func base64(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  // MARK: The server

  private func answer(_ request: ScriptedHTTPServer.Request) -> (Int, String) {
    let path = request.target.prefix { $0 != "?" }
    let query = request.target.contains("?") ? String(request.target.drop { $0 != "?" }.dropFirst()) : ""
    switch path {
    case "/.well-known/openid-configuration":
      let document: JSONValue = [
        "issuer": .string(url), "jwks_uri": .string(url + "/keys"),
        "authorization_endpoint": .string(url + "/authorize"),
        "token_endpoint": .string(url + "/token"),
        "authorization_response_iss_parameter_supported": .bool(state.withLock { $0.namesItself }),
      ]
      return (200, document.text)
    case "/keys":
      switch state.withLock({ $0.mood }) {
      case .well: break
      case .down: return (500, "no")
      case .slow: Thread.sleep(forTimeInterval: 20)
      }
      let key = state.withLock { $0.key }
      return (200, (["keys": [key.pair.jwk(id: key.id)]] as JSONValue).text)
    case "/authorize": return authorize(query)
    case "/token": return exchange(request)
    default: return (404, "")
    }
  }

  /// Who asks is signed on at once: the address to go back to is in the body, as a browser would be sent there.
  private func authorize(_ query: String) -> (Int, String) {
    guard let parameters = try? Query(parsing: query), let redirect = parameters.first("redirect_uri"),
      let challenge = parameters.first("code_challenge"), parameters.first("code_challenge_method") == "S256",
      parameters.first("client_id") == clientID
    else { return (400, "") }
    let code = "code-\(UInt64.random(in: 0...UInt64.max))"
    state.withLock { state in
      var claims = state.person
      if claims["nonce"] == nil { claims.append("nonce", .string(parameters.first("nonce") ?? "")) }
      state.codes[code] = (claims, challenge, redirect)
    }
    let name = state.withLock { $0.namesItself } ? "&iss=\(PercentCoding.encoded(url))" : ""
    return (200, "\(redirect)?code=\(code)&state=\(parameters.first("state") ?? "")\(name)")
  }

  private func exchange(_ request: ScriptedHTTPServer.Request) -> (Int, String) {
    guard let form = try? Query(parsing: request.body), let code = form.first("code"),
      let known = state.withLock({ $0.codes.removeValue(forKey: code) }), let verifier = form.first("code_verifier")
    else { return (400, #"{"error":"invalid_grant"}"#) }
    var hash = [UInt8](repeating: 0, count: 32)
    _ = SHA256(Array(verifier.utf8), verifier.utf8.count, &hash)
    guard Self.base64(hash) == known.challenge, form.first("redirect_uri") == known.redirect else {
      return (400, #"{"error":"invalid_grant"}"#)
    }
    var claims = known.claims
    if claims["aud"] == nil { claims.append("aud", .string(clientID)) }
    let now = state.withLock { $0.clock.now }
    return (200, (["id_token": .string(token(claims, now: now)), "token_type": "Bearer"] as JSONValue).text)
  }
}

/// A key pair of RSA, for signatures of RS256.
private final class RSAKey: Sendable {
  /// Those that no issuer has at the moment: to make one takes longer than most tests.
  private static let spares = Mutex<[RSAKey]>([])

  private nonisolated(unsafe) let key: OpaquePointer

  /// One that no other issuer has.
  static func spare() throws -> RSAKey { try spares.withLock { $0.popLast() } ?? RSAKey() }

  static func giveBack(_ keys: [RSAKey]) { spares.withLock { $0 += keys } }

  private init() throws {
    var made: OpaquePointer?
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil)
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1,
      EVP_PKEY_generate(context, &made) == 1, let made
    else { throw LabError("no key can be made") }
    key = made
  }

  deinit { EVP_PKEY_free(key) }

  private func number(_ name: String) -> [UInt8] {
    var value: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, name, &value) == 1, let value else { return [] }
    defer { BN_free(value) }
    var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(value)) + 7) / 8)
    _ = BN_bn2bin(value, &bytes)
    return bytes
  }

  func jwk(id: String) -> JSONValue {
    [
      "kty": "RSA", "use": "sig", "alg": "RS256", "kid": .string(id), "n": .string(TestIssuer.base64(number("n"))),
      "e": .string(TestIssuer.base64(number("e"))),
    ]
  }

  func sign(_ message: [UInt8]) -> [UInt8] {
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var count = 0
    _ = EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key)
    _ = EVP_DigestSign(context, nil, &count, message, message.count)
    var signature = [UInt8](repeating: 0, count: count)
    _ = EVP_DigestSign(context, &signature, &count, message, message.count)
    return Array(signature[..<count])
  }
}
