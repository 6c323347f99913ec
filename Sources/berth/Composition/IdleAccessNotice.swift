import Access
import Logging

extension AccessControl {
  /// Looks for what gives nothing, and tells it. A look that fails stands in nobody's way.
  func tellIdleAccess(_ logger: Logger) async {
    do {
      try await idleAccess().warn(logger)
    } catch {
      logger.warning("what gives no access could not be looked for", metadata: ["cause": "\(error)"])
    }
  }
}

extension IdleAccess {
  /// What decides about it.
  static let settings: Set = ["access.job_issuers", "access.sign_on"]
  /// Names that a line of the log tells.
  private static let namesShown = 20

  /// Tells it to whoever runs the registry: a warning each for rules and for memberships, where there are any.
  func warn(_ logger: Logger) {
    if !rules.isEmpty {
      logger.warning(
        "trust rules take no jobs; berth trust list tells why",
        metadata: [
          "rules": "\(rules.values.reduce(0, +))", "namespaces": "\(Self.shown(rules.keys.sorted()))",
        ])
    }
    if !memberships.isEmpty {
      logger.warning(
        "memberships of teams give nothing: access.sign_on has not the provider that told them",
        metadata: [
          "memberships": "\(memberships.values.reduce(0, +))", "providers": "\(Self.shown(memberships.keys.sorted()))",
        ])
    }
  }

  private static func shown(_ names: [String]) -> String {
    let more = names.count - namesShown
    return names.prefix(namesShown).joined(separator: " ") + (more > 0 ? " and \(more) more" : "")
  }
}
