public import Ground
public import OCI

/// An environment as it is stored.
public struct EnvironmentRecord: Sendable, Hashable {
  public let id: Int64
  public let namespace: String
  public let name: Tag
  /// A JSON array of patterns of repositories.
  public let repositories: String
  /// A JSON object, whose shape is the caller's.
  public let settings: String
  /// The number of the release that is in force; nil before the first.
  public let effective: Int64?
  public let createdBy: String
  public let createdAt: Timestamp
}

/// What runs in a repository of an environment.
public struct DeployedImage: Sendable, Hashable {
  public let repository: RepositoryRow
  public let digest: Digest
  /// The number of the release that put it there.
  public let release: Int64
  public let since: Timestamp
}

extension Row {
  fileprivate func environment() throws -> EnvironmentRecord {
    EnvironmentRecord(
      id: integer(0), namespace: text(1), name: try tag(2), repositories: text(3), settings: text(4),
      effective: isNull(5) ? nil : integer(5), createdBy: text(6), createdAt: timestamp(7))
  }

  func repositoryRow(_ id: Int, _ name: Int) throws -> RepositoryRow {
    RepositoryRow(id: RepositoryID(value: integer(id)), name: try repositoryName(name))
  }

  fileprivate func deployedImage() throws -> DeployedImage {
    DeployedImage(
      repository: try repositoryRow(0, 1), digest: try digest(2), release: integer(3), since: timestamp(4))
  }
}

extension Reading where Self: ~Copyable {
  public func environments(of namespace: String) throws -> [EnvironmentRecord] {
    try laterEnvironments(of: namespace).all()
  }

  /// The same, to be waited for together with what is asked next.
  public func laterEnvironments(of namespace: String) throws -> Later<EnvironmentRecord> {
    try later(
      """
      SELECT id, namespace, name, repositories, settings, effective, created_by, created_at FROM environment
      WHERE namespace = \(namespace) ORDER BY name
      """
    ) { try $0.environment() }
  }

  public func environment(_ name: Tag, of namespace: String) throws -> EnvironmentRecord? {
    try first(
      """
      SELECT id, namespace, name, repositories, settings, effective, created_by, created_at FROM environment
      WHERE namespace = \(namespace) AND name = \(name)
      """
    ) { try $0.environment() }
  }

  /// What runs now, in the order of repositories' names.
  public func deployedImages(in environment: Int64) throws -> [DeployedImage] {
    try all(
      """
      SELECT r.id, r.name, d.digest, e.number, d.since
      FROM deployment d JOIN repository r ON r.id = d.repository_id JOIN environment_release e ON e.id = d.release_id
      WHERE d.environment_id = \(environment) ORDER BY r.name
      """
    ) { try $0.deployedImage() }
  }

  /// What ran after the release with this place in the order of carrying out.
  public func deployedImages(in environment: Int64, afterSequence sequence: Int64) throws -> [DeployedImage] {
    try all(
      """
      SELECT r.id, r.name, i.to_digest, e.number, e.ended_at
      FROM environment_release e JOIN release_image i ON i.release_id = e.id JOIN repository r ON r.id = i.repository_id
      WHERE e.environment_id = \(environment) AND e.sequence <= \(sequence) AND i.to_digest IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM environment_release n JOIN release_image o ON o.release_id = n.id
          WHERE n.environment_id = e.environment_id AND n.sequence > e.sequence AND n.sequence <= \(sequence)
            AND o.repository_id = i.repository_id)
      ORDER BY r.name
      """
    ) { try $0.deployedImage() }
  }

  /// The last release until a moment: its place in the order of carrying out, and what was in force with it; nil: there was none
  /// yet.
  public func lastRelease(
    in environment: Int64, until moment: Timestamp
  ) throws -> (sequence: Int64, effective: Int64)? {
    try first(
      """
      SELECT sequence, effective FROM environment_release WHERE environment_id = \(environment) AND sequence IS NOT NULL
        AND ended_at <= \(moment) ORDER BY sequence DESC LIMIT 1
      """
    ) { (sequence: $0.integer(0), effective: $0.integer(1)) }
  }

  /// What environments run in a repository now: by digest their names, in order.
  public func digestsRunning(in repository: RepositoryID) throws -> [Digest: [Tag]] {
    let found = try all(
      """
      SELECT d.digest, e.name FROM deployment d JOIN environment e ON e.id = d.environment_id
      WHERE d.repository_id = \(repository) ORDER BY e.name
      """
    ) { (try $0.digest(0), try $0.tag(1)) }
    return Dictionary(grouping: found, by: \.0).mapValues { $0.map(\.1) }
  }

  /// Digests that any environment ran in a repository since a moment, or runs.
  public func digestsRun(in repository: RepositoryID, since moment: Timestamp) throws -> Set<Digest> {
    let found = try all(
      """
      SELECT i.to_digest FROM release_image i JOIN environment_release e ON e.id = i.release_id
      WHERE i.repository_id = \(repository) AND i.to_digest IS NOT NULL AND e.sequence IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM release_image o JOIN environment_release n ON n.id = o.release_id
          WHERE o.repository_id = i.repository_id AND n.environment_id = e.environment_id AND n.sequence > e.sequence
            AND n.ended_at < \(moment))
      """
    ) { try $0.digest(0) }
    return Set(found)
  }

  /// Whether an environment has run a digest in a repository, ever.
  public func hasRun(_ digest: Digest, in repository: RepositoryID, environment: Int64) throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM release_image i JOIN environment_release e ON e.id = i.release_id
      WHERE i.repository_id = \(repository) AND i.to_digest = \(digest) AND e.environment_id = \(environment)
        AND e.sequence IS NOT NULL
      """) > 0
  }

  /// Whether an environment runs a manifest in a repository now, itself or in an index.
  public func isRun(_ digest: Digest, in repository: RepositoryName, byEnvironment environment: Int64) throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM deployment d JOIN repository r ON r.id = d.repository_id
      WHERE d.environment_id = \(environment) AND r.name = \(repository) AND (d.digest = \(digest) OR d.digest IN (
        SELECT p.digest FROM manifest_child c JOIN manifest p ON p.id = c.manifest_id
        WHERE c.digest = \(digest) AND p.repository_id = d.repository_id))
      """) > 0
  }

  /// Tags of one name in the repositories of a namespace.
  public func tags(named tag: Tag, inNamespace namespace: String) throws -> [(
    repository: RepositoryRow, digest: Digest
  )] {
    try all(
      """
      SELECT r.id, r.name, t.digest FROM repository r JOIN tag t ON t.repository_id = r.id AND t.name = \(tag)
      WHERE r.name = \(namespace) OR (r.name > \(namespace + "/") AND r.name < \(namespace + "0")) ORDER BY r.id
      """
    ) { (try $0.repositoryRow(0, 1), try $0.digest(2)) }
  }

  /// Tags of a repository that point to a manifest.
  public func tags(pointingTo digest: Digest, in repository: RepositoryID) throws -> [Tag] {
    try all("SELECT name FROM tag WHERE repository_id = \(repository) AND digest = \(digest) ORDER BY name") {
      try $0.tag(0)
    }
  }
}

extension Transaction {
  /// Makes an environment; answers its key, nil when there is one of that name.
  ///
  /// - Precondition: the namespace is locked.
  public func insertEnvironment(
    _ name: Tag, of namespace: String, repositories: JSONValue, settings: JSONValue, by actor: String
  ) throws -> Int64? {
    try first(
      """
      INSERT INTO environment (namespace, name, repositories, settings, created_by, created_at)
      VALUES (\(namespace), \(name), \(repositories.text), \(settings.text), \(actor), \(now))
      ON CONFLICT (namespace, name) DO NOTHING RETURNING id
      """
    ) { $0.integer(0) }
  }

  /// The environment, which no other transaction changes until this one ends: the first lock that is taken.
  public func lockedEnvironment(_ name: Tag, of namespace: String) throws -> EnvironmentRecord? {
    try first(
      """
      SELECT id, namespace, name, repositories, settings, effective, created_by, created_at FROM environment
      WHERE namespace = \(namespace) AND name = \(name) {LOCK}
      """
    ) { try $0.environment() }
  }

  /// Environments that no other transaction changes until this one ends, in the order in which locks are taken.
  ///
  /// - Parameter namespace: nil: of all.
  public func lockedEnvironments(of namespace: String?) throws -> [EnvironmentRecord] {
    try all(
      """
      SELECT id, namespace, name, repositories, settings, effective, created_by, created_at FROM environment
      WHERE namespace = COALESCE(\(namespace), namespace) ORDER BY id {LOCK}
      """
    ) { try $0.environment() }
  }

  /// Changes what an environment asks of releases, and leaves what it covers.
  public func setSettings(of environment: Int64, settings: JSONValue) throws {
    try enqueue("UPDATE environment SET settings = \(settings.text) WHERE id = \(environment)")
  }

  public func setSettings(of environment: Int64, repositories: JSONValue, settings: JSONValue) throws {
    try enqueue(
      """
      UPDATE environment SET repositories = \(repositories.text), settings = \(settings.text) WHERE id = \(environment)
      """)
  }

  /// Takes an environment away, with all its releases.
  public func deleteEnvironment(_ environment: Int64) throws {
    try enqueue("DELETE FROM deployment WHERE environment_id = \(environment)")
    let releases: SQL = "(SELECT id FROM environment_release WHERE environment_id = \(environment))"
    try enqueue("DELETE FROM release_image WHERE release_id IN \(releases)")
    try enqueue("DELETE FROM release_approval WHERE release_id IN \(releases)")
    try enqueue("DELETE FROM environment_release WHERE environment_id = \(environment)")
    try enqueue("DELETE FROM environment WHERE id = \(environment)")
  }

  /// Locks repositories in the order in which locks are taken.
  public func lockRepositories(_ repositories: some Sequence<RepositoryID>) throws {
    for repository in Set(repositories).sorted(by: { $0.value < $1.value }) { try lock(repository) }
  }

  /// Locks all repositories of a namespace.
  public func lockRepositories(of namespace: String) throws {
    try enqueue(
      """
      SELECT id FROM repository
      WHERE name = \(namespace) OR (name > \(namespace + "/") AND name < \(namespace + "0")) ORDER BY id {LOCK}
      """)
  }
}
