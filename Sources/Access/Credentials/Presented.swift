/// What a request brought along to show who sent it.
public enum Presented: Sendable, Hashable {
  case nothing
  /// RFC 7617
  case basic(user: String, password: String)
  /// RFC 6750
  case bearer(String)
  /// A client's certificate, which the connection has verified.
  case certificate(ClientCertificate)
  /// A browser's cookie.
  case session(String)
  /// Something that cannot be read.
  case unreadable(String)

  /// The longest `Authorization` that is looked at.
  static let lengthLimitBytes = 24 * 1024

  /// Reads an `Authorization` header.
  public init(authorization header: String?) {
    guard let header else {
      self = .nothing
      return
    }
    guard header.utf8.count <= Self.lengthLimitBytes, let space = header.firstIndex(of: " ") else {
      self = .unreadable("the Authorization header cannot be read")
      return
    }
    let scheme = header[..<space].lowercased()
    let value = header[header.index(after: space)...].drop { $0 == " " }
    switch scheme {
    case "bearer": self = .bearer(String(value))
    case "basic":
      guard let bytes = Base64.decode(value), let text = String(validating: bytes, as: UTF8.self),
        let colon = text.firstIndex(of: ":"), !bytes.contains(0)
      else {
        self = .unreadable("the Authorization header is no Basic of RFC 7617")
        return
      }
      self = .basic(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    default: self = .unreadable("the Authorization header is neither Basic nor Bearer")
    }
  }
}

/// A credential that was shown is not good.
public struct AuthenticationFailure: Error, Sendable {
  /// What the client is told: never whether the account exists.
  public let message: String
  /// What happened, for the log.
  public let rule: String
  /// Wait so long before the next attempt; nil: 401.
  public let retryAfter: Duration?
  /// It is not the client's doing: what would tell whether the credential is good cannot be asked now.
  public let isUndecided: Bool

  init(_ message: String, rule: String, retryAfter: Duration? = nil, isUndecided: Bool = false) {
    self.message = message
    self.rule = rule
    self.retryAfter = retryAfter
    self.isUndecided = isUndecided
  }

  /// Who has guessed wrong too often waits.
  static func slowedDown(_ delay: Duration) -> AuthenticationFailure {
    AuthenticationFailure(
      "too many failed logins; try again later", rule: "logins are slowed down for this account and address",
      retryAfter: delay)
  }

  static let usual = "the user name, the password or the token is not right, or it has expired or was revoked"
}
