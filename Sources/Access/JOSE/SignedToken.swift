public import Ground
public import OCI

/// A JSON web token, taken apart and not believed yet.
///
/// Source: RFC 7515 (compact serialization), RFC 7519, RFC 8725 (what to beware of).
public struct SignedToken: Sendable {
  /// Tokens of CI services have some three kilobytes.
  public static let lengthLimitBytes = 16 * 1024
  static let depthLimit = 16

  public enum Problem: Error, Sendable, Equatable, CustomStringConvertible {
    case malformed
    case algorithm
    case signature
    case unknownKey(String)
    case expired
    case notYetValid
    case issuer
    case audience
    case type

    public var description: String {
      switch self {
      case .malformed: "the token is not a signed JSON web token"
      case .algorithm: "the token is not signed in a way that is accepted here"
      case .signature: "the token's signature is wrong"
      case .unknownKey(let id): "the token is signed by a key that is not known (\(id.prefix(64)))"
      case .expired: "the token has expired"
      case .notYetValid: "the token is not valid yet"
      case .issuer: "the token is of another issuer"
      case .audience: "the token is for somebody else"
      case .type: "the token is of another kind"
      }
    }
  }

  public let algorithm: SignatureAlgorithm
  /// `kid`; which key signed it, as the token says.
  public let keyID: String?
  /// `typ`, in lower case.
  public let type: String?
  public let claims: JSONObject
  private let message: [UInt8]
  private let signature: [UInt8]

  /// - Throws: `.malformed` or `.algorithm`. Critical extensions are refused, and so is a key or a certificate that the token
  ///   brings along: it would vouch for itself.
  public init(parsing text: some StringProtocol) throws(Problem) {
    guard text.utf8.count <= Self.lengthLimitBytes else { throw .malformed }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]), !parts[2].isEmpty,
      let signature = Base64URL.decode(parts[2])
    else { throw .malformed }
    for name in ["jwk", "jku", "x5u", "x5c", "crit"] where header[name] != nil { throw .algorithm }
    guard let name = header["alg"]?.string, let algorithm = SignatureAlgorithm(rawValue: name) else { throw .algorithm }
    self.algorithm = algorithm
    keyID = header["kid"]?.string
    type = header["typ"]?.string?.lowercased()
    self.claims = claims
    self.signature = signature
    message = Array((parts[0] + "." + parts[1]).utf8)
  }

  private static func object(_ text: String) -> JSONObject? {
    guard let bytes = Base64URL.decode(text) else { return nil }
    let value = bytes.withUnsafeBytes { bytes -> JSONValue? in try? JSONValue.parse(bytes, depthLimit: depthLimit) }
    // Readers differ in which of two they take.
    guard let object = value?.object, object.duplicateKey == nil else { return nil }
    return object
  }

  /// - Throws: `.signature`.
  public func verify(by key: PublicKey) throws(Problem) {
    guard key.verifies(signature, over: message, algorithm) else { throw .signature }
  }

  /// Checks when the token is valid, whose it is and for whom.
  ///
  /// - Parameters:
  ///   - skew: how far the clocks of two machines may be apart.
  ///   - maximumAge: a token that was issued longer ago is refused, whatever it says.
  public func check(
    issuer: String, audience: String?, now: Timestamp, skew: Duration, maximumAge: Duration? = nil
  ) throws(Problem) {
    guard claims["iss"]?.string == issuer else { throw .issuer }
    if let audience { guard audiences.contains(audience) else { throw .audience } }
    guard let expiry = Self.moment(claims["exp"]) else { throw .malformed }
    guard now < expiry + skew else { throw .expired }
    for name in ["nbf", "iat"] {
      guard let value = claims[name] else { continue }
      guard let moment = Self.moment(value) else { throw .malformed }
      guard moment < now + skew else { throw .notYetValid }
    }
    if let maximumAge {
      guard let issued = Self.moment(claims["iat"]) else { throw .malformed }
      guard now < issued + maximumAge + skew else { throw .expired }
    }
  }

  public var audiences: [String] {
    if let one = claims["aud"]?.string { return [one] }
    return claims["aud"]?.array?.compactMap(\.string) ?? []
  }

  public var expiresAt: Timestamp? { Self.moment(claims["exp"]) }
  public var issuedAt: Timestamp? { Self.moment(claims["iat"]) }

  /// A `NumericDate`; nil for anything that is not a time of this age.
  private static func moment(_ value: JSONValue?) -> Timestamp? {
    let seconds: Int64
    switch value {
    case .integer(let whole): seconds = whole
    case .number(let number) where number.isFinite && abs(number) < 1e12: seconds = Int64(number)
    default: return nil
    }
    guard (0...253_402_300_799).contains(seconds) else { return nil }
    return Timestamp(microseconds: seconds * 1_000_000)
  }

  /// Makes a token.
  static func sign(_ claims: JSONValue, type: String, by key: PrivateKey) throws -> String {
    let header: JSONValue = ["alg": "ES256", "kid": .string(key.id), "typ": .string(type)]
    let message = Base64URL.encode(header.bytes) + "." + Base64URL.encode(claims.bytes)
    return message + "." + Base64URL.encode(try key.sign(Array(message.utf8)))
  }
}
