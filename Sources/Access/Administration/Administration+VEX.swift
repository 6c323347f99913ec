public import Metadata
internal import OCI

// What vendors and teams say of vulnerabilities in the images of a namespace.
extension Administration {
  /// The VEX documents of a namespace by their names, also those that are attached to its images.
  public func vexDocuments(
    of namespace: String, after name: String, limit: Int, by caller: Caller
  ) async throws -> [VEXDocumentRow] {
    try await requireToSee(.reader, in: namespace, caller)
    return try await database.read { try $0.vexDocuments(of: namespace, after: name, limit: limit) }
  }

  /// Whether the caller may say what does not count in a namespace: who may take a risk may.
  public func checkVEX(_ name: String, of namespace: String, by caller: Caller) async throws {
    try await require(.owner, in: namespace, caller)
    guard !name.isEmpty, name.utf8.count <= AdvisoryRecord.nameLimitBytes, !name.hasPrefix("sha256:"),
      !name.hasPrefix("sha512:")
    else {
      throw AdministrationError(
        .invalid, "a document has a name of at most \(AdvisoryRecord.nameLimitBytes) bytes that is no digest")
    }
  }

  /// Puts what a document says in place of what the document of this name said before; nothing takes it away.
  public func setVEX(_ name: String, of namespace: String, to rows: [VEXRow], by caller: Caller) async throws {
    try await checkVEX(name, of: namespace, by: caller)
    let making = Making()
    try await database.write { transaction in
      // Of two who replace a document at once, the second takes away what the first has brought.
      try transaction.lockNamespace(namespace)
      let before = try transaction.replaceVEX(name, of: namespace, by: rows)
      if rows.isEmpty { try making.checkGone(before > 0, "\(namespace) has no VEX document \(name)") }
      guard !rows.isEmpty || before > 0 else { return }
      try transaction.record(
        AuditEntry(
          rows.isEmpty ? "vex.delete" : "vex.set", by: caller.origin, namespace: namespace, target: name,
          detail: Self.detail(("statements", .integer(Int64(rows.count))))))
    }
  }
}
