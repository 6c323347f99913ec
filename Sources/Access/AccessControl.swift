public import Ground
public import Metadata
public import OCI

/// All of access, made and joined: who asks, what they may, what they are given, and the record of it.
public final class AccessControl: Sendable {
  public let policy: Policy
  public let authenticator: Authenticator
  public let administration: Administration
  /// Nil where accounts are switched off and nothing can be asked of it.
  public let trail: AuditTrail
  let memory: AccessMemory
  let keys: SigningKeys
  let issuers: IssuerDirectory
  let http: any OutboundHTTP
  let usage: UsageNotes
  let random: any RandomSource
  private let liveSettings: Live<AccessSettings>

  /// - Parameters:
  ///   - isOpen: everybody may do everything.
  ///   - http: how identity providers are asked.
  public init(
    database: any Database, isOpen: Bool = false, settings: AccessSettings = AccessSettings(),
    http: any OutboundHTTP, hasher: PasswordHasher = PasswordHasher(), time: any TimeSource = SystemTime(),
    random: any RandomSource = SystemRandom()
  ) async throws {
    trail = AuditTrail(database: database)
    keys = SigningKeys(database: database, random: random)
    issuers = IssuerDirectory(http: http, time: time)
    usage = UsageNotes()
    liveSettings = Live(settings)
    memory = AccessMemory(database: database, time: time, settings: liveSettings)
    self.http = http
    self.random = random
    policy = isOpen ? .open : Policy(memory: memory)
    authenticator = Authenticator(
      memory: isOpen ? nil : memory, keys: keys, hasher: hasher, usage: usage, trail: trail, issuers: issuers,
      settings: liveSettings, time: time, random: random)
    administration = Administration(
      policy: policy, memory: memory, hasher: hasher, throttle: authenticator.throttle, keys: keys, trail: trail,
      settings: liveSettings, random: random)
    if !isOpen {
      try await adoptNamespaces()
      try await keys.prepare()
      try await memory.refresh(force: true)
    }
  }

  /// A registry that is older than accounts has repositories whose namespaces nobody made. Once: the first key is made after.
  private func adoptNamespaces() async throws {
    guard try await memory.database.read({ try $0.signingKeys().isEmpty }) else { return }
    var position = ""
    while true {
      let from = position
      guard let name = try await memory.database.read({ try $0.catalogue(after: from, limit: 1) }).first else { return }
      try await memory.database.write { _ = try $0.insertNamespace(name.namespace, isPublic: false) }
      // `0` follows the slash: past all that is below this namespace.
      position = name.text.contains("/") ? name.namespace + "0" : name.text
    }
  }

  /// What is in force. Setting it takes effect with the next call.
  public var settings: AccessSettings {
    get { liveSettings.value }
    set {
      liveSettings.value = newValue
      memory.settingsChanged()
    }
  }

  /// The keys that verify this registry's tokens (RFC 7517).
  public var publishedKeys: JSONValue { keys.published }

  /// Work of every second: writes what was gathered, lengthens the chain.
  public func tend() async throws {
    try await trail.flush()
    try await usage.flush(memory.database)
    try await trail.seal()
  }

  /// Work of every hour: forgets what has expired, trims the record.
  public func tidy() async throws {
    while try await memory.database.write({ try $0.deleteExpiredTokens(before: $0.now, limit: 1000) }) == 1000 {}
    while try await administration.announceExpiringExceptions() == Administration.announcementLimit {}
    try await trail.trim(settings.auditRetention)
  }
}
