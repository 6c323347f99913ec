public import OCI

/// The row key of a repository.
public struct RepositoryID: Sendable, Hashable, SQLBindable {
  public let value: Int64
  public var sqlValue: SQLValue { .integer(value) }
}

extension Reading where Self: ~Copyable {
  public func repository(named name: RepositoryName) throws -> RepositoryID? {
    try first("SELECT id FROM repository WHERE name = \(name)") { RepositoryID(value: $0.integer(0)) }
  }

  public func name(of repository: RepositoryID) throws -> RepositoryName? {
    try first("SELECT name FROM repository WHERE id = \(repository)") { try $0.repositoryName(0) }
  }

  /// Repositories that hold a manifest, in the order of their names' bytes. Cost: that of the page, whatever the size of the
  /// registry.
  ///
  /// - Parameter end: only names before this one.
  public func catalogue(after name: String, before end: String? = nil, limit: Int) throws -> [RepositoryName] {
    try all(Transaction.cataloguePage(after: name, before: end, limit: limit)) { try $0.repositoryName(0) }
  }
}

extension Transaction {
  static func cataloguePage(after name: String, before end: String?, limit: Int) -> SQL {
    guard let end else {
      return """
        SELECT name FROM repository WHERE name > \(name) AND manifests > 0
        ORDER BY name LIMIT \(limit)
        """
    }
    return """
      SELECT name FROM repository WHERE name > \(name) AND name < \(end) AND manifests > 0
      ORDER BY name LIMIT \(limit)
      """
  }
}

extension Transaction {
  /// The repository's key; the repository is made when there is none, and its namespace with it. Not before something is stored in it.
  public func ensureRepository(_ name: RepositoryName) throws -> RepositoryID {
    if let known = try repository(named: name) { return known }
    // Its deletion, and a change of its environments, wait until the repository is there, or come before: the row is locked also
    // where it is known, and made anew where the one waited for takes it away.
    try enqueue(
      """
      INSERT INTO namespace (name, is_public, created_at) VALUES (\(name.namespace), 0, \(now))
      ON CONFLICT (name) DO UPDATE SET is_public = namespace.is_public
      """)
    try enqueue(
      """
      INSERT INTO repository (name, manifests, created_at, is_indexed) VALUES (\(name), 0, \(now), 1)
      ON CONFLICT (name) DO NOTHING
      """)
    try writeWords(of: name)
    guard let made = try repository(named: name) else { throw DatabaseError.corrupt("an insert answered no row") }
    return made
  }

  /// Keeps waiting until this transaction ends: every other one that begins a repository in the namespace, deletes it, or
  /// changes its environments.
  public func lockNamespace(_ name: String) throws {
    try enqueue("SELECT name FROM namespace WHERE name = \(name) {LOCK}")
  }

  /// Keeps every other transaction that changes the repository's manifests or tags waiting until this one ends.
  func lock(_ repository: RepositoryID) throws {
    try enqueue("SELECT id FROM repository WHERE id = \(repository) {LOCK}")
  }
}
