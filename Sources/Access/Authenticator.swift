import Ground
import Metadata
import OCI
import Synchronization

/// Finds out who asks.
public final class Authenticator: Sendable {
  /// How many passwords and tokens that were found good are remembered.
  static let rememberedLimit = 20_000
  /// What remembered tokens of the token endpoint may take, counted by their texts, whose size strangers choose.
  static let bearerMemoryBytes = 8 << 20

  let memory: AccessMemory?
  let time: any TimeSource
  let keys: SigningKeys?
  let hasher: PasswordHasher
  let throttle: LoginThrottle
  let usage: UsageNotes
  let trail: AuditTrail?
  let issuers: IssuerDirectory?
  private let liveSettings: Live<AccessSettings>
  private let secret: [UInt8]
  private let passwords: RememberedPasswords
  private let bearers = BoundedCache<[UInt8], BearerToken>(costLimit: bearerMemoryBytes)

  init(
    memory: AccessMemory?, keys: SigningKeys?, hasher: PasswordHasher, usage: UsageNotes, trail: AuditTrail?,
    issuers: IssuerDirectory?, settings: Live<AccessSettings>, time: any TimeSource, random: any RandomSource
  ) {
    self.memory = memory
    self.keys = keys
    self.hasher = hasher
    self.usage = usage
    self.trail = trail
    self.issuers = issuers
    liveSettings = settings
    self.time = time
    throttle = LoginThrottle(time: time)
    passwords = RememberedPasswords(time: time)
    secret = (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
  }

  var settings: AccessSettings { liveSettings.value }
  var now: Timestamp { memory?.database.now ?? time.now }

  private static func bearerKey(_ text: String) -> [UInt8] { Hashing.sha256(Array(text.utf8)) }

  // MARK: From memory

  /// Who asks, when memory is enough to know; nil says nothing. Never blocks.
  public func callerAtHand(_ presented: Presented, address: String, requestID: String) -> Caller? {
    guard let memory else { return .everybody(address: address, requestID: requestID) }
    guard memory.isFresh, let caller = known(presented, memory, address, requestID) else { return nil }
    noteUse(by: caller)
    return caller
  }

  /// Who asks, as far as memory knows, when that is too old to be used unasked; nil says nothing. Never blocks.
  ///
  /// Whether it still holds is asked along with what is read by the permits of this caller. Nothing of that may be given out
  /// before ``isConfirmed(_:)`` has said so.
  public func provisionalCaller(
    _ presented: @autoclosure () -> Presented, address: @autoclosure () -> String, requestID: String
  ) -> Caller? {
    guard let memory, let question = memory.question() else { return nil }
    var caller = known(presented(), memory, address(), requestID)
    caller?.question = question
    return caller
  }

  /// Whether what was done for a caller may be given out: always, unless it is a provisional one and rights have changed.
  public func isConfirmed(_ caller: Caller) async throws -> Bool {
    guard let question = caller.question else { return true }
    guard try await question.holds() else { return false }
    noteUse(by: caller)
    return true
  }

  private func known(
    _ presented: Presented, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) -> Caller? {
    switch presented {
    case .nothing: return .anonymous(address: address, requestID: requestID)
    case .basic(let user, let password):
      if let token = SecretToken(parsing: password) {
        guard token.kind != .session, let record = memory.tokenAtHand(hash: token.hash) else { return nil }
        return tokenCaller(record, memory.accountAtHand(record.account), address, requestID)
      }
      let key = passwordKey(user, password)
      guard let known = passwords.entry(key), passwords.isKnown(key, from: address),
        throttle.delay(account: user, address: address) == nil,
        let account = memory.accountAtHand(known.account)
      else { return nil }
      return passwordCaller(account, known.epoch, address, requestID)
    case .bearer(let text):
      guard let token = bearers.value(for: Self.bearerKey(text)), token.expiresAt > now else { return nil }
      return bearerCallerAtHand(token, memory, address, requestID)
    case .certificate, .session, .unreadable: return nil
    }
  }

  private func bearerCallerAtHand(
    _ token: BearerToken, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) -> Caller? {
    if let id = token.bond.token {
      guard let record = memory.tokenAtHand(id: id), isGood(record) else { return nil }
    }
    switch token.holder {
    case .anonymous: return .anonymous(address: address, requestID: requestID, limits: token.limits)
    case .account(let id):
      guard let account = memory.accountAtHand(id), token.isOf(made: [account.record.createdAt]),
        isGood(account, epoch: token.bond.epoch)
      else { return nil }
      return caller(.account(account), token, address, requestID)
    case .rules(let ids):
      let rules = ids.compactMap { memory.ruleAtHand($0) }
      guard rules.count == ids.count, token.isOf(made: rules.map(\.record.createdAt)) else { return nil }
      return caller(.federated(token.alive(rules, now: now, settings)), token, address, requestID)
    }
  }

  // MARK: From the database

  /// Who asks.
  ///
  /// - Throws: ``AuthenticationFailure``. Takes tens of milliseconds for a password that is seen for the first time.
  public func caller(_ presented: Presented, address: String, requestID: String) async throws -> Caller {
    guard let memory else { return .everybody(address: address, requestID: requestID) }
    let revision = try await memory.refresh()
    try await keys?.load(revision: revision)
    let caller = try await caller(presented, memory, address, requestID)
    noteUse(by: caller)
    return caller
  }

  /// When an account was last seen, and the token that it showed.
  private func noteUse(by caller: Caller) {
    guard let account = caller.account else { return }
    if let token = caller.bond.token {
      usage.used(token, by: account.record.id, at: now)
    } else {
      usage.seen(account.record.id, at: now)
    }
  }

  private func caller(
    _ presented: Presented, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    switch presented {
    case .nothing: return .anonymous(address: address, requestID: requestID)
    case .unreadable(let message): throw AuthenticationFailure(message, rule: message)
    case .basic(let user, let password):
      return try await basicCaller(user, password, memory, address, requestID)
    case .bearer(let text):
      if SecretToken(parsing: text) != nil { return try await tokenCaller(text, nil, memory, address, requestID) }
      do {
        return try await bearerCaller(text, memory, address, requestID)
      } catch let failure as AuthenticationFailure {
        try await refused("", "bearer token", failure.rule, address, requestID)
        throw failure
      }
    case .session(let text):
      // A session that has ended is as good as none: its page asks to log in.
      do {
        return try await tokenCaller(text, nil, isCookie: true, memory, address, requestID)
      } catch is AuthenticationFailure { return .anonymous(address: address, requestID: requestID) }
    case .certificate(let certificate): return try await certificateCaller(certificate, memory, address, requestID)
    }
  }

  private func basicCaller(
    _ user: String, _ password: String, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    if SecretToken(parsing: password) != nil {
      return try await tokenCaller(password, user, memory, address, requestID)
    }
    if password.hasPrefix("eyJ") && password.contains(".") {
      return try await jobCaller(password, memory, address, requestID)
    }
    return try await passwordCaller(user, password, memory, address, requestID)
  }

  // MARK: Passwords

  private func passwordCaller(
    _ user: String, _ password: String, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    // Before the memory is asked: who has to wait would learn from it which guess is right.
    if let delay = throttle.delay(account: user, address: address) {
      try await refused(user, "password", "slowed down", address, requestID)
      throw AuthenticationFailure.slowedDown(delay)
    }
    let key = passwordKey(user, password)
    if let known = passwords.entry(key), let account = try await memory.account(known.account),
      let caller = passwordCaller(account, known.epoch, address, requestID)
    {
      return passwords.isKnown(key, from: address) ? caller : login(caller, key, known)
    }
    let record = try await memory.database.read { try $0.account(named: user) }
    let guess = guessKey(user, password, record)
    if throttle.knows(guess, account: user, address: address) {
      try await hasher.refuse()
      try await refused(user, "password", Self.knownGuess, address, requestID)
      throw AuthenticationFailure(AuthenticationFailure.usual, rule: Self.knownGuess)
    }
    let attempt = throttle.began(account: user, address: address)
    let isRight = try await isRight(password, record?.password, attempt)
    guard isRight, let record, let kept = record.password, !record.isDisabled,
      let account = try await memory.account(record.id), account.record.epoch == record.epoch
    else {
      throttle.failed(attempt)
      if !isRight || record?.isDisabled ?? true { throttle.remember(guess, account: user, address: address) }
      let why = record == nil ? "no such account" : isRight ? "the account is disabled" : "wrong password"
      try await refused(user, "password", why, address, requestID)
      throw AuthenticationFailure(AuthenticationFailure.usual, rule: why)
    }
    throttle.succeeded(attempt)
    if hasher.isOutdated(kept) { try await upgrade(record, kept, password) }
    let origin = Origin(actor: record.name, credential: "password", address: address, requestID: requestID)
    return login(
      Caller(principal: .account(account), origin: origin, bond: Caller.Bond(epoch: record.epoch)), key,
      passwords.remember(key, of: record))
  }

  /// Records that a right password was shown, and remembers from where.
  private func login(_ caller: Caller, _ key: [UInt8], _ known: RememberedPasswords.Entry) -> Caller {
    passwords.remember(key, known, from: caller.origin.address)
    trail?.note(AuditEntry("login", by: caller.origin, target: caller.origin.actor))
    var caller = caller
    caller.isLoginNoted = true
    return caller
  }

  private func isRight(
    _ password: String, _ kept: String?, _ attempt: LoginThrottle.Attempt
  ) async throws -> Bool {
    do {
      return try await hasher.verify(password, against: kept, attempt, throttle)
    } catch let error as PasswordHasher.Busy {
      throw AuthenticationFailure(error.description, rule: error.description, retryAfter: .seconds(1))
    }
  }

  /// The same password under what would be made today.
  private func upgrade(_ record: AccountRecord, _ kept: String, _ password: String) async throws {
    let better = try await hasher.hash(password)
    try await memory?.database.write { try $0.replacePasswordHash(kept, with: better, of: record.id) }
    try await memory?.changed()
  }

  private static let knownGuess = "a password that was wrong before"

  /// What a wrong guess is remembered by, with all that it was held against: after any change of that it is another guess.
  private func guessKey(_ user: String, _ password: String, _ record: AccountRecord?) -> [UInt8] {
    let held = record.map { "\($0.id.value) \($0.epoch) \($0.password ?? "")" } ?? ""
    return Hashing.authenticate(passwordKey(user, password) + Array(held.utf8), key: secret)
  }

  private func passwordKey(_ user: String, _ password: String) -> [UInt8] {
    Hashing.authenticate(Array(user.utf8) + [0] + Array(password.utf8), key: secret)
  }

  private func passwordCaller(
    _ account: AccountState, _ epoch: Int64, _ address: String, _ requestID: String
  ) -> Caller? {
    guard isGood(account, epoch: epoch) else { return nil }
    return Caller(
      principal: .account(account),
      origin: Origin(actor: account.name, credential: "password", address: address, requestID: requestID),
      bond: Caller.Bond(epoch: epoch))
  }

  func isGood(_ account: AccountState, epoch: Int64?) -> Bool {
    !account.record.isDisabled && (epoch == nil || epoch == account.record.epoch)
  }

  // MARK: Tokens

  /// - Parameter isCookie: how a browser shows its session, and nothing else is shown.
  private func tokenCaller(
    _ text: String, _ user: String?, isCookie: Bool = false, _ memory: AccessMemory, _ address: String,
    _ requestID: String
  ) async throws -> Caller {
    guard let token = SecretToken(parsing: text), (token.kind == .session) == isCookie,
      let record = try await memory.token(hash: token.hash),
      let account = try await memory.account(record.account),
      let caller = tokenCaller(record, account, address, requestID)
    else {
      // Not counted: nobody guesses a token, and a machine that shows a revoked one must not keep people out beside it.
      try await refused(user ?? "", "token", "no such token, or it has ended", address, requestID)
      throw AuthenticationFailure(AuthenticationFailure.usual, rule: "no such token, or it has ended")
    }
    return caller
  }

  private func tokenCaller(
    _ record: TokenRecord, _ account: AccountState?, _ address: String, _ requestID: String
  ) -> Caller? {
    guard let account, isGood(record), isGood(account, epoch: record.epoch) else { return nil }
    // One that renews logins is for nothing else.
    guard record.kind != SecretToken.Kind.refresh.rawValue else { return nil }
    let origin = Origin(
      actor: account.name, credential: "token \(record.id)", address: address, requestID: requestID)
    return Caller(
      principal: .account(account),
      limits: record.scope.map { [.token(id: record.id, TokenScope(stored: $0))] } ?? [], origin: origin,
      bond: Caller.Bond(
        epoch: record.epoch, token: record.id, isSession: record.kind == SecretToken.Kind.session.rawValue))
  }

  func isGood(_ token: TokenRecord) -> Bool { token.expiresAt.map { $0 > now } ?? true }

  // MARK: Tokens of the token endpoint

  private func bearerCaller(
    _ text: String, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    let token: BearerToken
    if let known = bearers.value(for: Self.bearerKey(text)), known.expiresAt > now {
      token = known
    } else {
      token = try await verified(text)
      bearers.insert(token, for: Self.bearerKey(text), cost: text.utf8.count)
    }
    if let id = token.bond.token {
      guard let record = try await memory.token(id: id), isGood(record) else { throw Self.ended("its token") }
    }
    switch token.holder {
    case .anonymous: return .anonymous(address: address, requestID: requestID, limits: token.limits)
    case .account(let id):
      guard let account = try await memory.account(id), token.isOf(made: [account.record.createdAt]),
        isGood(account, epoch: token.bond.epoch)
      else { throw Self.ended("its account or its password") }
      return caller(.account(account), token, address, requestID)
    case .rules(let ids):
      var rules: [TrustRule] = []
      for id in ids {
        guard let rule = try await memory.rule(id) else { throw Self.ended("its trust rule") }
        rules.append(rule)
      }
      guard token.isOf(made: rules.map(\.record.createdAt)) else { throw Self.ended("its trust rule") }
      return caller(.federated(token.alive(rules, now: now, settings)), token, address, requestID)
    }
  }

  private func caller(
    _ principal: Caller.Principal, _ token: BearerToken, _ address: String, _ requestID: String
  ) -> Caller {
    Caller(
      principal: principal, limits: token.limits,
      origin: Origin(actor: token.actor, credential: token.credential, address: address, requestID: requestID),
      bond: token.bond)
  }

  private static func ended(_ what: String) -> AuthenticationFailure {
    AuthenticationFailure("the token has ended; get another one", rule: "the token has ended with \(what)")
  }

  /// Checks a token that this registry signed.
  func verified(_ text: String) async throws -> BearerToken {
    do {
      let token = try SignedToken(parsing: text)
      let id = token.keyID ?? ""
      var key = keys?.key(id)
      if key == nil, let memory {
        // A replica may have made it just now.
        let revision = try await memory.refresh(force: true)
        try await keys?.load(revision: revision)
        key = keys?.key(id)
      }
      guard let key else { throw SignedToken.Problem.unknownKey(id) }
      try token.verify(by: key)
      try token.check(issuer: settings.service, audience: settings.service, now: now, skew: .zero)
      return try BearerToken(token)
    } catch let problem as SignedToken.Problem {
      throw AuthenticationFailure("\(problem)", rule: "\(problem)")
    }
  }
}
