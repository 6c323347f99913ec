internal import Access
internal import Metadata
internal import OCI

// What changes a repository is recorded in the transaction that changes it.
extension Transaction {
  /// A push, and each tag that pointed elsewhere before.
  func recordPush<A>(
    _ digest: Digest, _ tags: [Tag], _ outcome: ManifestOutcome, _ permit: Permit<A>
  ) throws {
    let repository = permit.repository
    let detail: JSONValue = [
      "digest": .string(digest.description), "tags": .array(tags.map { .string($0.text) }), "new": .bool(outcome.isNew),
    ]
    try record(
      AuditEntry(
        "push", by: permit.origin, namespace: repository.namespace, target: repository.text, detail: detail.text))
    for (tag, from) in outcome.moved {
      let detail: JSONValue = ["from": .string(from.description), "to": .string(digest.description)]
      try record(
        AuditEntry(
          "tag.move", by: permit.origin, namespace: repository.namespace, target: "\(repository):\(tag)",
          detail: detail.text))
    }
  }

  /// A tag that went back.
  func recordRestore<A>(
    _ tag: Tag, from: Digest?, to: Digest, reason: String?, _ permit: Permit<A>
  ) throws {
    var detail: JSONObject = ["to": .string(to.description)]
    if let from { detail.append("from", .string(from.description)) }
    if let reason { detail.append("reason", .string(reason)) }
    try record(
      AuditEntry(
        "tag.restore", by: permit.origin, namespace: permit.repository.namespace, target: "\(permit.repository):\(tag)",
        detail: JSONValue.object(detail).text))
  }

  /// Tags that retention deleted.
  func recordRetention(_ tags: [Tag], in repository: RepositoryName, _ reason: String) throws {
    let detail: JSONValue = [
      "what": "tags", "tags": .array(tags.map { .string($0.text) }), "reason": .string("retention: \(reason)"),
    ]
    try record(
      AuditEntry(
        "delete", by: .system, namespace: repository.namespace, target: repository.text, detail: detail.text))
  }

  /// A deletion, with the tags that went along.
  func recordDeletion<A>(_ what: String, _ target: String, _ permit: Permit<A>, tags: [Tag] = []) throws {
    var detail: JSONObject = ["what": .string(what)]
    if !tags.isEmpty { detail.append("tags", .array(tags.map { .string($0.text) })) }
    try record(
      AuditEntry(
        "delete", by: permit.origin, namespace: permit.repository.namespace, target: target,
        detail: JSONValue.object(detail).text))
  }
}
