import Ground
public import Metadata
import OCI

/// A login that a program began and a person confirms in a browser.
public struct DeviceLoginStart: Sendable {
  /// What the program asks with; a secret.
  public let deviceCode: String
  /// What the person compares: `BCDF-GHJK`.
  public let userCode: String
  public let lifetime: Duration
  public let interval: Duration
}

/// How a login that a program waits for stands.
public enum DeviceLoginState: Sendable {
  case pending
  /// Asked again too soon.
  case tooSoon
  case denied
  /// Or never begun.
  case expired
  case granted(NewToken, user: String)
}

// RFC 8628, with this registry as the authorization server: who signs on with a provider does so in the browser.
extension AccessControl {
  static let deviceLifetime: Duration = .seconds(600)
  static let deviceInterval: Duration = .seconds(5)
  /// How long the token lasts that a program gets.
  static let deviceTokenLifetime: Duration = .seconds(90 * 86_400)
  /// Letters that cannot be taken for each other, and make no words (RFC 8628, section 6.1).
  private static let letters = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)

  public func beginDeviceLogin(client: String) async throws -> DeviceLoginStart {
    let code = SecretToken(.session, random: random)
    while true {
      let letters = (0..<8).map { _ in Self.letters[Int(random.next() % UInt64(Self.letters.count))] }
      let userCode = String(decoding: letters[..<4] + [0x2D] + letters[4...], as: UTF8.self)
      let isMade = try await memory.database.write { transaction in
        try transaction.insertDeviceLogin(
          hash: code.hash, userCode: userCode, client: PlainText.cleaned(String(client.prefix(100))),
          expiresAt: transaction.now + Self.deviceLifetime)
          || transaction.deviceLogin(hash: code.hash)?.userCode == userCode
      }
      guard isMade else { continue }
      return DeviceLoginStart(
        deviceCode: code.text, userCode: userCode, lifetime: Self.deviceLifetime, interval: Self.deviceInterval)
    }
  }

  /// What a person is asked to confirm; nil: there is no such login that waits.
  public func waitingDeviceLogin(_ userCode: String) async throws -> DeviceLoginRecord? {
    let found = try await memory.database.read { try $0.deviceLogin(userCode: userCode.uppercased()) }
    guard let found, found.account == nil, !found.isDenied, found.expiresAt > memory.database.now else { return nil }
    return found
  }

  /// A person's answer. False when there was nothing to answer.
  public func answerDeviceLogin(_ userCode: String, yes: Bool, by caller: Caller) async throws -> Bool {
    guard let account = caller.account, account.record.kind == "person", !caller.isLimited,
      !caller.showedStoredToken
    else {
      throw AdministrationError(.denied, "only a user may confirm a login")
    }
    return try await memory.database.write { transaction in
      let isAnswered = try transaction.answerDeviceLogin(
        userCode: userCode.uppercased(), account: yes ? account.record.id : nil)
      if isAnswered {
        try transaction.record(
          AuditEntry("login.device", yes ? .done : .refused, by: caller.origin, target: account.name))
      }
      // Run again because the answer to its commit was lost, it finds its own.
      guard !isAnswered, let login = try transaction.deviceLogin(userCode: userCode.uppercased()) else {
        return isAnswered
      }
      return yes ? login.account == account.record.id : login.isDenied
    }
  }

  /// A program asks how its login stands; once it is granted, the program gets a personal token of whoever said yes.
  public func pollDeviceLogin(_ deviceCode: String, address: String, requestID: String) async throws -> DeviceLoginState
  {
    guard let code = SecretToken(parsing: deviceCode) else { return .expired }
    let hash = code.hash
    guard let login = try await memory.database.read({ try $0.deviceLogin(hash: hash) }),
      login.expiresAt > memory.database.now
    else { return .expired }
    if login.isDenied { return .denied }
    guard let id = login.account else {
      let isTooSoon = login.polledAt + .seconds(4) > memory.database.now
      try await memory.database.write { try $0.notePolled(deviceHash: hash) }
      return isTooSoon ? .tooSoon : .pending
    }
    try await memory.refresh()
    guard let account = try await memory.account(id), !account.record.isDisabled else { return .expired }
    let caller = Caller(
      principal: .account(account),
      origin: Origin(actor: account.name, credential: "device login", address: address, requestID: requestID))
    let lifetime = min(Self.deviceTokenLifetime, settings.longestToken ?? Self.deviceTokenLifetime)
    do {
      // The login ends with the transaction that makes its token, so that neither is there without the other.
      let token = try await administration.makeToken(
        login.client.isEmpty ? "device login" : login.client, for: .own, scope: nil, lifetime: lifetime, by: caller
      ) { transaction in
        guard try transaction.deleteDeviceLogin(hash: hash) else { throw GrantedElsewhere() }
      }
      return .granted(token, user: account.name)
    } catch is GrantedElsewhere {
      return .expired
    }
  }

  /// Another request got the token of this login.
  private struct GrantedElsewhere: Error {}
}
