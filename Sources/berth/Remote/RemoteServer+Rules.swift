import Ground
import OCI

/// The rules of a namespace: what is immutable, kept, refused, and which channels there are. A kind of rule has one value for
/// the namespace and one for each pattern of repositories.
extension RemoteServer {
  /// The rules of one kind, or of every kind, as the API gives them.
  func rules(of namespace: String, kind: String? = nil) async throws -> [JSONValue] {
    let all = try await call(.get, rulesPath(namespace)).array ?? []
    return all.filter { kind == nil || $0["kind"]?.string == kind }
  }

  /// Sets the rule of a kind on a whole namespace, or on the repositories of a pattern.
  func setRule(_ kind: String, to value: JSONValue, in namespace: String, on pattern: String?) async throws {
    var body: JSONObject = ["value": value]
    if let pattern { body.append("pattern", .string(pattern)) }
    try await call(.put, "\(rulesPath(namespace))/\(pathPart(kind))", .object(body))
  }

  /// Takes the rule of a kind away that is on a whole namespace, or on the pattern.
  func removeRule(_ kind: String, in namespace: String, on pattern: String?) async throws {
    let query = pattern.map { "?pattern=\(PercentCoding.encoded($0))" } ?? ""
    try await call(.delete, "\(rulesPath(namespace))/\(pathPart(kind))\(query)")
  }

  private func rulesPath(_ namespace: String) -> String { "/api/v1/namespaces/\(pathPart(namespace))/rules" }
}
