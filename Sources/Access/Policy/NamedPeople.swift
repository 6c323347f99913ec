public import Metadata
import OCI

/// Those whom an environment names: accounts, `team:NAME`, `trust:NAME`.
///
/// A name means who has it now. With them it leaves the lists, so that nobody inherits it who is given the same name later.
public enum NamedPeople {
  /// What comes before a name that is nobody's any more. No account, team or rule can be called so, and a list that held only
  /// that name does not become empty, which would let all maintainers in.
  static let gone = "deleted:"

  /// - Throws: ``AdministrationError`` for a name that is nobody's.
  public static func check<R: Reading & ~Copyable>(
    _ names: [String], in namespace: String, _ transaction: borrowing R
  ) throws {
    for name in names where try !isThere(name, in: namespace, transaction) {
      throw AdministrationError(
        .invalid, "there is no “\(name.prefix(80))”: name users, robots of \(namespace), team:NAME or trust:NAME")
    }
  }

  private static func isThere<R: Reading & ~Copyable>(
    _ name: String, in namespace: String, _ transaction: borrowing R
  ) throws -> Bool {
    if name.hasPrefix("team:") { return try transaction.team(named: String(name.dropFirst(5))) != nil }
    if name.hasPrefix("trust:") {
      let rules = try transaction.trustRules(on: namespace, after: "", limit: Administration.trustLimit)
      return rules.contains { $0.name == name.dropFirst(6) }
    }
    guard let account = try transaction.account(named: name) else { return false }
    return account.namespace == nil || account.namespace == namespace
  }

  /// Takes a name out of the lists of environments: whoever had it is deleted by the same transaction.
  ///
  /// - Parameter namespace: the only one whose environments can mean them; nil: any.
  /// - Cost: looks at each environment there is.
  static func forget(_ name: String, in namespace: String?, _ transaction: borrowing Transaction) throws {
    for environment in try transaction.lockedEnvironments(of: namespace) {
      let settings = try settings(of: environment)
      let changed = settings.members.map { member in
        JSONObject.Member(key: member.key, value: replacing(name, in: member))
      }
      guard changed != settings.members else { continue }
      try transaction.setSettings(of: environment.id, settings: .object(JSONObject(changed)))
    }
  }

  private static func settings(of environment: EnvironmentRecord) throws -> JSONObject {
    guard let settings = (try? JSONValue.parse(environment.settings))?.object else {
      throw DatabaseError.corrupt(
        "environment \(environment.namespace)/\(environment.name) is stored as “\(environment.settings)”")
    }
    return settings
  }

  private static func replacing(_ name: String, in member: JSONObject.Member) -> JSONValue {
    guard member.key == "promoters" || member.key == "approvers", let names = member.value.array else {
      return member.value
    }
    return .array(names.map { $0.string == name ? .string(gone + name) : $0 })
  }
}
