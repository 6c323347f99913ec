public import Metadata
public import OCI

// What a namespace wants of its repositories.
extension Administration {
  /// The least role that changes rules of a kind. What protects tags, or takes their memory away, is an owner's.
  public static func leastRole(for kind: RepositoryRule.Kind) -> Role {
    switch kind {
    case .immutable, .history, .policy: .owner
    case .retention, .channels: .maintainer
    }
  }

  /// The rules of a namespace.
  public func rules(of namespace: String, by caller: Caller) async throws -> [RepositoryRule] {
    try await requireToSee(.reader, in: namespace, caller)
    return try await database.read { try $0.repositoryRules(of: namespace) }
  }

  /// Sets a rule, in place of the one of its kind on the same pattern.
  ///
  /// - Parameter value: already found right for the kind.
  public func setRule(
    _ kind: RepositoryRule.Kind, on patternText: String?, of namespace: String, to value: JSONValue, by caller: Caller
  ) async throws {
    try await require(Self.leastRole(for: kind), in: namespace, caller)
    let pattern = try Self.pattern(patternText, in: namespace)
    try await database.write { transaction in
      try Self.lock(kind, of: namespace, transaction)
      try transaction.setRule(kind, on: pattern, of: namespace, to: value, by: caller.origin.actor)
      try transaction.record(
        AuditEntry(
          "rule.set", by: caller.origin, namespace: namespace, target: kind.rawValue,
          detail: Self.detail(("pattern", .string(pattern.text)), ("value", value))))
    }
  }

  public func deleteRule(
    _ kind: RepositoryRule.Kind, on patternText: String?, of namespace: String, by caller: Caller
  ) async throws {
    try await require(Self.leastRole(for: kind), in: namespace, caller)
    let pattern = try Self.pattern(patternText, in: namespace)
    let making = Making()
    try await database.write { transaction in
      try Self.lock(kind, of: namespace, transaction)
      let wasThere = try transaction.deleteRule(kind, on: pattern.text, of: namespace)
      try making.checkGone(wasThere, "\(namespace) has no \(kind.rawValue) rule on \(pattern)")
      guard wasThere else { return }
      try transaction.record(
        AuditEntry(
          "rule.delete", by: caller.origin, namespace: namespace, target: kind.rawValue,
          detail: Self.detail(("pattern", .string(pattern.text)))))
    }
  }

  /// Once a rule that tags obey is in force, no push moves one that has asked the rules before.
  private static func lock(
    _ kind: RepositoryRule.Kind, of namespace: String, _ transaction: borrowing Transaction
  ) throws {
    try transaction.lockNamespace(namespace)
    switch kind {
    case .immutable, .channels: try transaction.lockRepositories(of: namespace)
    case .history, .policy, .retention: break
    }
  }
}
