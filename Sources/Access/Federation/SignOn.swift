import Ground
import Metadata
import OCI

/// Why somebody could not sign on.
public struct SignOnFailure: Error, Sendable, CustomStringConvertible {
  /// What the person is told.
  public let description: String
  /// What happened, for the log and the record.
  public let cause: String
  /// Who it was, where that is known.
  var account: String?
}

/// Where a browser is sent to sign on, and what it must bring back.
public struct SignOnStart: Sendable {
  public let url: String
  /// For a cookie: signed, and good for ten minutes.
  public let ticket: String
}

/// A browser that has logged in.
public struct BrowserSession: Sendable {
  /// For a cookie, never shown.
  public let secret: String
  public let lifetime: Duration
  public let returnTo: String
}

// Signing on with an OpenID provider: the authorization code flow with PKCE.
//
// Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207; RFC 9700.
extension AccessControl {
  static let ticketLifetime: Duration = .seconds(600)
  /// Groups of one person that are looked at.
  static let groupLimit = 1000

  /// - Parameters:
  ///   - callback: where the provider sends the browser back to.
  ///   - returnTo: a path of ours to go to afterwards.
  public func beginSignOn(with name: String, callback: String, returnTo: String) async throws -> SignOnStart {
    guard let provider = settings.providers.first(where: { $0.name == name }) else {
      throw SignOnFailure(description: "there is no such provider", cause: "no provider \(name.prefix(64))")
    }
    let configuration = try await configuration(of: provider)
    guard let address = configuration.authorizationURL else {
      throw SignOnFailure(description: "the provider names no page to sign on at", cause: "no authorization_endpoint")
    }
    func chance() -> String {
      Base64URL.encode((0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
    }
    let (state, nonce, verifier) = (chance(), chance(), chance())
    let ticket: JSONValue = [
      "provider": .string(name), "state": .string(state), "nonce": .string(nonce), "verifier": .string(verifier),
      "return": .string(returnTo), "exp": .integer((memory.database.now + Self.ticketLifetime).seconds),
    ]
    let parameters = [
      ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", callback),
      ("scope", provider.scopes.joined(separator: " ")), ("state", state), ("nonce", nonce),
      ("code_challenge", Base64URL.encode(Hashing.sha256(Array(verifier.utf8)))), ("code_challenge_method", "S256"),
    ]
    let query = parameters.map { "\($0.0)=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
    return SignOnStart(
      url: address + (address.contains("?") ? "&" : "?") + query, ticket: try await signed(ticket))
  }

  /// What a browser brings back from a provider.
  public struct SignOnAnswer: Sendable {
    let state, code: String
    /// Who the provider says that it is, and why it gives no code.
    let issuer, error: String?

    public init(state: String, code: String, issuer: String?, error: String?) {
      self.state = state
      self.code = code
      self.issuer = issuer
      self.error = error
    }
  }

  /// Takes what the browser brought back, and logs it in; the account is made when the provider vouches for somebody new.
  public func finishSignOn(
    _ answer: SignOnAnswer, ticket text: String, callback: String, address: String, requestID: String
  ) async throws -> BrowserSession {
    guard let ticket = try await opened(text), let wanted = ticket["state"]?.string,
      Hashing.areEqual(Array(wanted.utf8), Array(answer.state.utf8)), let name = ticket["provider"]?.string,
      let provider = settings.providers.first(where: { $0.name == name }), let verifier = ticket["verifier"]?.string,
      let nonce = ticket["nonce"]?.string
    else {
      throw SignOnFailure(
        description: "this sign-on was not begun here, or too long ago; begin again", cause: "no ticket for the state")
    }
    try await check(answer, of: provider)
    let token = try await idToken(provider, code: answer.code, verifier: verifier, callback: callback)
    guard token.claims["nonce"]?.string == nonce else {
      throw SignOnFailure(description: "the provider answered somebody else's sign-on", cause: "wrong nonce")
    }
    let account = try await account(of: token, provider, address: address, requestID: requestID)
    guard !account.isDisabled else {
      throw SignOnFailure(
        description: "this account is disabled", cause: "the account is disabled", account: account.name)
    }
    let origin = Origin(
      actor: account.name, credential: "sign-on \(provider.name)", address: address, requestID: requestID)
    trail.note(AuditEntry("login", by: origin, target: account.name))
    return try await session(account.id, epoch: account.epoch, returnTo: ticket["return"]?.string ?? "/auth/")
  }

  /// The code is shown to the provider that gave it, and to no other: with several of them, one could have sent the browser on to
  /// another and back here.
  private func check(_ answer: SignOnAnswer, of provider: SignOnProvider) async throws {
    let namesItself = try await configuration(of: provider).namesItself
    guard answer.issuer == provider.issuer || answer.issuer == nil && !namesItself else {
      throw SignOnFailure(
        description: "another provider answered than the one that was asked",
        cause: answer.issuer == nil ? "no iss in the answer" : "wrong iss in the answer")
    }
    if let error = answer.error {
      throw SignOnFailure(
        description: "the provider did not let you in",
        cause: PlainText.cleaned("the provider said \(error.prefix(100))"))
    }
  }

  private func configuration(of provider: SignOnProvider) async throws -> IssuerConfiguration {
    do {
      return try await issuers.configuration(of: provider.issuer)
    } catch {
      throw SignOnFailure(description: "the provider cannot be reached for the moment", cause: "\(error)")
    }
  }

  /// The provider's word for who somebody is, checked.
  private func idToken(
    _ provider: SignOnProvider, code: String, verifier: String, callback: String
  ) async throws -> SignedToken {
    guard let address = try await configuration(of: provider).tokenURL else {
      throw SignOnFailure(description: "the provider gives out no tokens", cause: "no token_endpoint")
    }
    do {
      let form = [
        ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", callback),
        ("client_id", provider.clientID), ("code_verifier", verifier),
      ]
      let authorization = provider.clientSecret.map { secret in
        "Basic " + Base64.encode("\(PercentCoding.encoded(provider.clientID)):\(PercentCoding.encoded(secret))".utf8)
      }
      let answer = try await http.post(address, form: form, authorization: authorization)
      let body = answer.body.withUnsafeBytes { try? JSONValue.parse($0) }
      guard answer.status == 200, let text = body?["id_token"]?.string else {
        throw SignOnFailure(description: "the provider did not confirm the sign-on", cause: "status \(answer.status)")
      }
      let token = try SignedToken(parsing: text)
      try token.verify(by: try await issuers.key(token.keyID, of: provider.issuer))
      try token.check(
        issuer: provider.issuer, audience: provider.clientID, now: memory.database.now, skew: settings.clockSkew)
      let party = token.claims["azp"]
      guard party?.string == provider.clientID || party == nil && token.audiences.count == 1 else {
        throw SignedToken.Problem.audience
      }
      return token
    } catch let failure as SignOnFailure {
      throw failure
    } catch {
      throw SignOnFailure(description: "the provider's answer cannot be used", cause: "\(error)")
    }
  }

  /// Whom the provider knows by this subject; made when there is nobody. An account that is there is never taken over because
  /// its name is alike.
  private func account(
    of token: SignedToken, _ provider: SignOnProvider, address: String, requestID: String
  ) async throws -> AccountRecord {
    guard let subject = token.claims["sub"]?.string, (1...255).contains(subject.utf8.count) else {
      throw SignOnFailure(description: "the provider did not say who this is", cause: "no sub")
    }
    let base = Self.accountName(token.claims[provider.nameClaim]?.string ?? token.claims["email"]?.string ?? subject)
    let groups = Self.groups(token.claims[provider.groupsClaim]).prefix(Self.groupLimit).map {
      "\(provider.name):\($0)"
    }
    let issuer = provider.issuer
    let account = try await memory.database.write { transaction -> AccountRecord in
      var found = try transaction.account(issuer: issuer, subject: subject)
      var number = 1
      while found == nil {
        let name = number == 1 ? base : number == 2 ? "\(base)-\(provider.name)" : "\(base)-\(provider.name)-\(number)"
        if try transaction.account(named: name) == nil,
          try transaction.insertAccount(name: name, kind: "person", issuer: issuer, subject: subject)
        {
          try transaction.record(
            AuditEntry(
              "user.create", by: Origin(actor: name, credential: "sign-on", address: address, requestID: requestID),
              target: name, detail: (["issuer": .string(issuer)] as JSONValue).text))
        }
        found = try transaction.account(issuer: issuer, subject: subject)
        number += 1
      }
      guard let found else { throw DatabaseError.corrupt("an account was made and is not there") }
      let origin = Origin(
        actor: found.name, credential: "sign-on \(provider.name)", address: address, requestID: requestID)
      let change = try transaction.setGroups(groups, of: found.id, source: provider.name)
      let detail: JSONValue = ["user": .string(found.name), "source": .string(provider.name)]
      for team in change.joined {
        try transaction.record(AuditEntry("team.member.add", by: origin, target: team, detail: detail.text))
      }
      for team in change.left {
        try transaction.record(AuditEntry("team.member.remove", by: origin, target: team, detail: detail.text))
      }
      return found
    }
    try await memory.changed()
    return account
  }

  /// What can be a name here of what a provider calls somebody.
  static func accountName(_ text: String) -> String {
    let plain = text.utf8.prefix(48).map { byte -> UInt8 in
      let isPlain =
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
        || [0x2D, 0x2E, 0x5F, 0x40].contains(byte)
      return isPlain ? byte : 0x2D
    }
    let name = String(decoding: plain.drop { $0 == 0x2D || $0 == 0x2E }, as: UTF8.self)
    do {
      try Administration.checkName(name, of: "user")
      return name
    } catch {
      return "user-" + Hashing.sha256Hex(text).prefix(12)
    }
  }

  private static func groups(_ claim: JSONValue?) -> [String] {
    if let one = claim?.string { return [one] }
    return claim?.array?.compactMap(\.string) ?? []
  }

  // MARK: Sessions

  /// Logs a browser in with a password.
  public func session(for caller: Caller, returnTo: String) async throws -> BrowserSession {
    guard let account = caller.account, !caller.isLimited, !caller.showedStoredToken, account.record.kind == "person"
    else {
      throw SignOnFailure(
        description: "only a user logs in here, with the password", cause: "not a whole user",
        account: caller.account?.record.name)
    }
    return try await session(account.record.id, epoch: account.record.epoch, returnTo: returnTo)
  }

  private func session(_ account: AccountID, epoch: Int64, returnTo: String) async throws -> BrowserSession {
    let secret = SecretToken(.session, random: random)
    let lifetime = settings.sessionLifetime
    let id = random.hexadecimal(byteCount: 8)
    try await memory.database.write { transaction in
      try transaction.insertToken(
        TokenRecord(
          id: id, account: account, kind: SecretToken.Kind.session.rawValue, name: "browser", epoch: epoch,
          expiresAt: transaction.now + lifetime),
        hash: secret.hash)
      try transaction.keepNewestTokens(
        of: account, kind: SecretToken.Kind.session.rawValue, count: Self.loginLimit)
    }
    return BrowserSession(secret: secret.text, lifetime: lifetime, returnTo: returnTo)
  }

  /// Ends a browser's session.
  public func endSession(_ secret: String, address: String, requestID: String) async throws {
    guard let token = SecretToken(parsing: secret), token.kind == .session,
      let record = try await memory.database.read({ try $0.token(hash: token.hash) })
    else { return }
    try await memory.database.write { transaction in
      try transaction.deleteToken(record.id)
      guard let account = try transaction.account(record.account) else { return }
      let origin = Origin(
        actor: account.name, credential: "token \(record.id)", address: address, requestID: requestID)
      try transaction.record(AuditEntry("logout", by: origin, target: account.name))
    }
    try await memory.changed()
  }

  // MARK: Tickets

  private func ticketKey() async throws -> [UInt8] {
    let fresh = (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    if let known = try await memory.database.read({ try $0.keepsake("cookie-key") }) { return known }
    return try await memory.database.write { try $0.keepsake("cookie-key", makingWith: fresh) }
  }

  private func signed(_ ticket: JSONValue) async throws -> String {
    let text = Base64URL.encode(ticket.bytes)
    return text + "." + Base64URL.encode(Hashing.authenticate(Array(text.utf8), key: try await ticketKey()))
  }

  private func opened(_ text: String) async throws -> JSONValue? {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let code = Base64URL.decode(parts[1]), let bytes = Base64URL.decode(parts[0]),
      Hashing.areEqual(code, Hashing.authenticate(Array(parts[0].utf8), key: try await ticketKey()))
    else { return nil }
    let ticket = bytes.withUnsafeBytes { try? JSONValue.parse($0) }
    guard let expiry = ticket?["exp"]?.integer, expiry > memory.database.now.seconds else { return nil }
    return ticket
  }
}
