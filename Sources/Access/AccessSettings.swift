import Ground

/// What an operator may choose of access.
public struct AccessSettings: Sendable {
  /// What tokens of this registry are for: `iss` and `aud` of what it gives out, and the audience that tokens of CI must name.
  public var service = "berth"
  /// How long a token of the token endpoint lasts.
  public var tokenLifetime: Duration = .seconds(300)
  /// How long a client may renew its login without asking for the password again, when it does not come back.
  public var refreshLifetime: Duration = .seconds(30 * 86_400)
  /// How long a browser stays logged in.
  public var sessionLifetime: Duration = .seconds(12 * 3600)
  /// The longest that a personal or robot token may last; nil: they may have no end.
  public var longestToken: Duration?
  /// How far the clocks of issuers may be apart from ours.
  public var clockSkew: Duration = .seconds(60)
  /// Whose tokens namespaces may trust.
  public var jobIssuers: [String] = []
  /// Who vouches for people.
  public var providers: [SignOnProvider] = []
  /// The address that browsers come back to after signing on; nil: the one that they used.
  public var publicURL: String?
  /// How long the records of a kind, or of a family (`user.*`), are kept; nil: for ever.
  public var auditRetention: [String: Duration] = [:]

  public init() {}
}

/// An OpenID provider that people sign on with.
public struct SignOnProvider: Sendable, Hashable {
  /// In addresses and on the page: `acme`.
  public let name: String
  public let issuer: String
  public let clientID: String
  public let clientSecret: String?
  public let scopes: [String]
  /// The claim that becomes the account's name.
  public let nameClaim: String
  /// The claim that lists groups.
  public let groupsClaim: String

  public init(
    name: String, issuer: String, clientID: String, clientSecret: String?, scopes: [String], nameClaim: String,
    groupsClaim: String
  ) {
    self.name = name
    self.issuer = issuer
    self.clientID = clientID
    self.clientSecret = clientSecret
    self.scopes = scopes
    self.nameClaim = nameClaim
    self.groupsClaim = groupsClaim
  }
}
