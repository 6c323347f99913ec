import Ground
public import Metadata
import OCI

/// Who asks, as far as they have shown it. Made by an ``Authenticator``.
public struct Caller: Sendable {
  enum Principal: Sendable {
    /// Accounts are switched off.
    case everybody
    case anonymous
    case account(AccountState)
    /// A job of an issuer that namespaces trust, with the rules that took it.
    case federated([TrustRule])
  }

  /// What the credential allows at most.
  enum Limit: Sendable {
    case token(id: String, TokenScope)
    /// A token of the token endpoint: what was asked for and granted.
    case bearer([RepositoryName: Set<Action>], catalogue: Bool)
  }

  let principal: Principal
  let limits: [Limit]
  /// As it is recorded.
  public let origin: Origin
  /// What tokens that are made for this caller end with.
  let bond: Bond
  /// That they have logged in is in the record already.
  var isLoginNoted = false
  /// Who asks and what they may is as memory knew it, and counts only once this is answered: see ``Authenticator/isConfirmed(_:)``.
  var question: RightsQuestion?

  /// What a credential that was had for another one ends with.
  struct Bond: Sendable {
    /// Of the account, when the credential was a password or what was had for one.
    var epoch: Int64?
    /// Of the token that was shown.
    var token: String?
    /// That token is a browser's session, which a person began with all that they have.
    var isSession = false
    /// When the credential itself ends, where what is had for it must not go on.
    var endsAt: Timestamp?
  }

  init(principal: Principal, limits: [Limit] = [], origin: Origin, bond: Bond = Bond()) {
    self.principal = principal
    self.limits = limits
    self.origin = origin
    self.bond = bond
  }

  /// Showed a credential that is good.
  public var isAuthenticated: Bool {
    switch principal {
    case .anonymous: false
    case .everybody, .account, .federated: true
    }
  }

  /// The account's name; nil: no account.
  public var accountName: String? { account?.name }

  var account: AccountState? { if case .account(let account) = principal { account } else { nil } }

  /// The same caller, limited by nothing but what they may.
  var unlimited: Caller { Caller(principal: principal, origin: origin, bond: bond) }

  /// Showed what the token endpoint gives out, which is no login.
  var showedBearer: Bool { limits.contains { if case .bearer = $0 { true } else { false } } }

  /// Showed a token that was made to be stored, and not the person's own login.
  var showedStoredToken: Bool { bond.token != nil && !bond.isSession }

  /// The credential does not stand for all that the account may, so it administers nothing.
  var isLimited: Bool { !limits.isEmpty }

  /// Nothing is hidden from them: what they do not find is not there.
  var seesAllNamespaces: Bool {
    switch principal {
    case .everybody: true
    case .anonymous, .federated: false
    case .account(let account): account.siteRole != nil
    }
  }

  /// Brought along a credential, or the token that anonymous clients get.
  public var showedSomething: Bool { isAuthenticated || !limits.isEmpty }

  /// Everybody, where accounts are switched off.
  public static let everybody = Caller.everybody(address: "", requestID: "")

  static func everybody(address: String, requestID: String) -> Caller {
    Caller(principal: .everybody, origin: Origin(actor: "anonymous", address: address, requestID: requestID))
  }

  static func anonymous(address: String, requestID: String, limits: [Limit] = []) -> Caller {
    Caller(
      principal: .anonymous, limits: limits, origin: Origin(actor: "anonymous", address: address, requestID: requestID))
  }
}
