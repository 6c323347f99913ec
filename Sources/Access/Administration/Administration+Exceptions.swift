public import Ground
public import Metadata
internal import OCI
import Synchronization

// Risks that somebody takes until a day.
extension Administration {
  /// The longest that an exception lasts: what is meant for ever is to be looked at again.
  public static let exceptionLimit: Duration = .seconds(400 * 86_400)

  /// A page of a namespace's exceptions, the newest first, also those that have ended.
  public func exceptions(
    of namespace: String, before id: Int64, limit: Int, by caller: Caller
  ) async throws -> [FindingException] {
    try await requireToSee(.reader, in: namespace, caller)
    return try await database.read { try $0.allExceptions(of: namespace, before: id, limit: limit) }
  }

  /// Takes a risk: findings that it is about do not count until it ends. Answers its number.
  ///
  /// - Parameters:
  ///   - pattern: of repositories of the namespace; nil: all.
  ///   - vulnerability: any name of it; nil: every one.
  ///   - image: `name:tag`, which means what the tag points to when it is judged, or `name@digest`; nil: every one.
  ///   - rule: what a policy asks beside findings, a ``FindingException/Rule``; then it is about no finding. Of `vulnerability`,
  ///     `package`, `image` and this one at least is given.
  ///   - expiry: at most ``exceptionLimit`` from now.
  public func createException(
    of namespace: String, pattern patternText: String?, vulnerability: String?, package: String?,
    image imageText: String? = nil, rule ruleText: String? = nil, reason: String, until expiry: Timestamp,
    by caller: Caller
  ) async throws -> FindingException {
    try await require(.owner, in: namespace, caller)
    let rule = try ruleText.map { try Self.rule($0, isAlone: vulnerability == nil && package == nil) }
    let image = try imageText.map { try Self.image($0, in: namespace, isAlone: patternText == nil) }
    guard vulnerability != nil || package != nil || image != nil || rule != nil else {
      throw AdministrationError(.invalid, "name a vulnerability, a package, an image or a rule")
    }
    guard !reason.isEmpty else { throw AdministrationError(.invalid, "say why") }
    guard expiry > database.now, expiry <= database.now + Self.exceptionLimit else {
      throw AdministrationError(.invalid, "an exception ends on a day in the next 400 days")
    }
    let pattern = patternText == nil ? "" : try Self.pattern(patternText, in: namespace).text
    let known = Mutex<Int64?>(nil)
    return try await database.write { transaction in
      // Run again because the answer to its commit was lost, it finds its own work.
      if let id = known.withLock({ $0 }), let made = try transaction.exception(id, of: namespace) { return made }
      let id = try transaction.createException(
        namespace: namespace, pattern: pattern, vulnerability: vulnerability ?? "", package: package ?? "",
        image: image?.description ?? "", rule: rule, reason: reason, by: caller.origin.actor, until: expiry)
      known.withLock { $0 = id }
      guard let made = try transaction.exception(id, of: namespace) else {
        throw DatabaseError.corrupt("an exception was made and is not there")
      }
      try transaction.record(
        AuditEntry(
          "exception.create", by: caller.origin, namespace: namespace, target: "\(id)",
          detail: Self.detail(
            ("pattern", .string(pattern)), ("vulnerability", .string(made.vulnerability)),
            ("package", .string(made.package)), ("image", .string(made.image)), ("rule", .string(made.rule)),
            ("reason", .string(made.reason)),
            ("until", .string(made.expiresAt.description)))))
      return made
    }
  }

  private static func rule(_ text: String, isAlone: Bool) throws -> FindingException.Rule {
    guard let rule = FindingException.Rule(rawValue: text) else {
      let all = FindingException.Rule.allCases.map(\.rawValue).joined(separator: ", ")
      throw AdministrationError(.invalid, "“rule” is one of \(all)")
    }
    guard isAlone else {
      throw AdministrationError(.invalid, "\(text) is about no vulnerability and no package: make two exceptions")
    }
    return rule
  }

  private static func image(_ text: String, in namespace: String, isAlone: Bool) throws -> ImageReference {
    let image: ImageReference
    do throws(ParseError) { image = try ImageReference(parsing: text) } catch {
      throw AdministrationError(.invalid, error.message)
    }
    guard image.repository.namespace == namespace else {
      throw AdministrationError(.invalid, "\(image.repository) is no repository of \(namespace)")
    }
    guard isAlone else { throw AdministrationError(.invalid, "an image has its repository: leave “pattern” out") }
    return image
  }

  /// Ends an exception before its day.
  public func endException(_ id: Int64, of namespace: String, by caller: Caller) async throws {
    try await require(.owner, in: namespace, caller)
    let making = Making()
    try await database.write { transaction in
      let wasInForce = try transaction.endException(id, of: namespace, by: caller.origin.actor)
      try making.checkGone(wasInForce, "\(namespace) has no exception \(id) that is in force")
      guard wasInForce else { return }
      try transaction.record(
        AuditEntry("exception.end", by: caller.origin, namespace: namespace, target: "\(id)"))
    }
  }

  /// Records of exceptions that end within a week that they do, each once. Answers how many.
  public func announceExpiringExceptions() async throws -> Int {
    try await database.write { transaction in
      let expiring = try transaction.announceExpiringExceptions(limit: Self.announcementLimit)
      for exception in expiring {
        try transaction.record(
          AuditEntry(
            "exception.expiring", by: .system, namespace: exception.namespace, target: "\(exception.id)",
            detail: Self.detail(
              ("vulnerability", .string(exception.vulnerability)), ("package", .string(exception.package)),
              ("image", .string(exception.image)), ("rule", .string(exception.rule)),
              ("createdBy", .string(exception.createdBy)), ("until", .string(exception.expiresAt.description)))))
      }
      return expiring.count
    }
  }

  /// How many are told of together.
  static let announcementLimit = 200
}
