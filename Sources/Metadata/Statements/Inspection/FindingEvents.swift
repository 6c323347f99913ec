public import Ground
public import OCI

/// How many findings an import of advisories changed.
public struct FindingDifference: Sendable, Hashable {
  public var newCount = 0
  public var goneCount = 0
  public var changedCount = 0

  public init() {}

  public static func += (a: inout FindingDifference, b: FindingDifference) {
    a.newCount += b.newCount
    a.goneCount += b.goneCount
    a.changedCount += b.changedCount
  }
}

/// A difference that advisories made to what is wrong with a version of a package; packages from one version of a source are one.
public struct FindingEvent: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case new
    /// The advisory does not find it any more.
    case fixed
    /// Severity, state or the version that mends it are others; or it is known to be exploited now, or not any more.
    case changed
  }

  /// Of environments an event names that many.
  public static let environmentLimit = 100
  /// Of packages from one source an event is about that many.
  public static let packageLimit = 500
  /// Of images an answer shows that many.
  public static let imageLimit = 20

  public let id: Int64
  public let at: Timestamp
  public let kind: Kind
  public let feed: String
  public let advisory: String
  /// Versions of packages that it is about, at least one.
  public let packages: [Int64]
  /// The type in package URLs.
  public let type: String
  public let name: String
  public let version: String
  public let severity: String
  /// As it was before a change.
  public let detail: String?
  /// What changed, in words.
  public let change: String?
  /// How many images held the package.
  public let imageCount: Int64
  /// What ran it then, `namespace/name`.
  public let environments: [String]
}

/// An image in a repository, with its tags and where it runs.
public struct AffectedImage: Sendable, Hashable {
  public let repository: RepositoryName
  public let digest: Digest
  public let tags: [String]
  /// Names of the namespace's environments.
  public let environments: [String]
  /// Which of the packages that were asked for it holds, at most ``packageLimit``.
  public let packages: [Package]

  /// A kernel's source alone has some dozen packages.
  public static let packageLimit = 100

  /// A version of a package.
  public struct Package: Sendable, Hashable {
    /// The type in package URLs.
    public let type: String
    public let name: String
    public let version: String
  }
}

extension Reading where Self: ~Copyable {
  /// Events, the newest first, before the event with this number (0: all).
  public func findingEvents(
    before id: Int64, since: Timestamp?, package: Int64? = nil, limit: Int
  ) throws -> [FindingEvent] {
    var condition: SQL = "1 = 1"
    if id > 0 { condition = "\(condition) AND id < \(id)" }
    if let since { condition = "\(condition) AND at >= \(since)" }
    if let package { condition = "\(condition) AND package_id = \(package)" }
    return try all(
      """
      SELECT id, at, kind, feed, advisory, package_id, ecosystem, package, version, severity, detail, images, environments,
        packages, change
      FROM finding_event WHERE \(condition) ORDER BY id DESC LIMIT \(limit)
      """
    ) {
      guard let kind = FindingEvent.Kind(rawValue: $0.text(2)) else {
        throw DatabaseError.corrupt("the kind of an event is stored as “\($0.text(2))”")
      }
      return FindingEvent(
        id: $0.integer(0), at: $0.timestamp(1), kind: kind, feed: $0.text(3), advisory: $0.text(4),
        packages: try Self.keys($0.optionalText(13)) ?? [$0.integer(5)], type: $0.text(6), name: $0.text(7),
        version: $0.text(8), severity: $0.text(9),
        detail: $0.optionalText(10), change: $0.optionalText(14), imageCount: $0.integer(11),
        environments: (try? JSONValue.parse($0.text(12)))?.array?.compactMap(\.string) ?? [])
    }
  }

  private static func keys(_ list: String?) throws -> [Int64]? {
    guard let list else { return nil }
    let keys = (try? JSONValue.parse(list))?.array?.compactMap { $0.string.flatMap { Int64($0) } }
    guard let keys, !keys.isEmpty else { throw DatabaseError.corrupt("packages of an event are stored as “\(list)”") }
    return keys
  }

  /// Repositories of a namespace with an image that holds one of some packages, by package, in the order of their names.
  public func repositories(holding packages: [Int64], in namespace: String) throws -> [Int64: [RepositoryName]] {
    let waiting = try packages.map { package in
      try later(
        """
        SELECT DISTINCT r.name FROM image_package u JOIN image_inventory i ON i.id = u.image_id
          JOIN manifest m ON m.digest = i.digest AND m.hidden_at IS NULL JOIN repository r ON r.id = m.repository_id
        WHERE u.package_id = \(package) AND u.owned_by IS NULL
          AND (r.name = \(namespace) OR (r.name >= \(namespace + "/") AND r.name < \(namespace + "0")))
        ORDER BY r.name
        """
      ) { try $0.repositoryName(0) }
    }
    var found: [Int64: [RepositoryName]] = [:]
    for (package, rows) in zip(packages, waiting) { found[package] = try rows.all() }
    return found
  }

  /// Where images stand that hold one of these packages: repositories in the order of their names, with tags of the image or of
  /// an index around it.
  ///
  /// - Parameter namespaces: nil: all.
  public func images(holding packages: [Int64], after: (repository: String, digest: String), limit: Int) throws
    -> [AffectedImage]
  {
    let list = Transaction.list(packages.map { String($0) })
    let found = try all(
      """
      SELECT DISTINCT r.name, m.digest, r.id, i.id FROM image_package u JOIN image_inventory i ON i.id = u.image_id
        JOIN manifest m ON m.digest = i.digest AND m.hidden_at IS NULL JOIN repository r ON r.id = m.repository_id
      WHERE u.owned_by IS NULL
        AND u.package_id IN (SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(list) AS {JSON})))
        AND (r.name > \(after.repository) OR (r.name = \(after.repository) AND m.digest > \(after.digest)))
      ORDER BY r.name, m.digest LIMIT \(limit)
      """
    ) {
      (
        name: try $0.repositoryName(0), digest: try $0.digest(1), repository: RepositoryID(value: $0.integer(2)),
        inventory: $0.integer(3)
      )
    }
    return try placed(found, holding: packages)
  }

  /// How many of the newest images are looked at for what is shown of all.
  private static var newestLimit: Int { 400 }

  /// Some images that hold one of these packages: of all the newest, of a namespace the first.
  public func someImages(
    holding packages: [Int64], in namespace: String? = nil, limit: Int = FindingEvent.imageLimit
  ) throws -> [AffectedImage] {
    let list = Transaction.list(packages.map { String($0) })
    var newest: SQL = ""
    var place: SQL = ""
    if let namespace {
      place = " WHERE r.name = \(namespace) OR (r.name >= \(namespace + "/") AND r.name < \(namespace + "0"))"
    } else {
      newest = " ORDER BY u.image_id DESC LIMIT \(Self.newestLimit)"
    }
    let found = try all(
      """
      SELECT DISTINCT r.name, m.digest, r.id, i.id FROM (SELECT DISTINCT u.image_id FROM image_package u
          WHERE u.owned_by IS NULL AND u.package_id IN (SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(list) AS {JSON})))
          \(newest)) x
        JOIN image_inventory i ON i.id = x.image_id JOIN manifest m ON m.digest = i.digest AND m.hidden_at IS NULL
        JOIN repository r ON r.id = m.repository_id\(place)
      ORDER BY r.name, m.digest LIMIT \(limit)
      """
    ) {
      (
        name: try $0.repositoryName(0), digest: try $0.digest(1), repository: RepositoryID(value: $0.integer(2)),
        inventory: $0.integer(3)
      )
    }
    return try placed(found, holding: packages)
  }

  private func placed(
    _ found: [(name: RepositoryName, digest: Digest, repository: RepositoryID, inventory: Int64)],
    holding packages: [Int64]
  ) throws -> [AffectedImage] {
    let held = try self.packages(packages, ofImages: Set(found.map(\.inventory)).sorted())
    let tags = try found.map { image in
      try later(
        """
        SELECT t.name, CASE WHEN d.environment_id IS NULL THEN 0 ELSE 1 END FROM tag t
          LEFT JOIN environment e ON e.name = t.name AND e.namespace = \(image.name.namespace)
          LEFT JOIN deployment d ON d.environment_id = e.id AND d.repository_id = t.repository_id
        WHERE t.repository_id = \(image.repository) AND (t.digest = \(image.digest) OR t.digest IN (
          SELECT p.digest FROM manifest_child c JOIN manifest p ON p.id = c.manifest_id
          WHERE c.digest = \(image.digest) AND p.repository_id = \(image.repository)))
        ORDER BY t.name
        """
      ) { (name: $0.text(0), isEnvironment: $0.integer(1) == 1) }
    }
    return try zip(found, tags).map { image, tags in
      let all = try tags.all()
      return AffectedImage(
        repository: image.name, digest: image.digest, tags: all.filter { !$0.isEnvironment }.map(\.name),
        environments: all.filter(\.isEnvironment).map(\.name), packages: held[image.inventory] ?? [])
    }
  }

  /// Which of some packages some images hold, by image.
  private func packages(_ packages: [Int64], ofImages images: [Int64]) throws -> [Int64: [AffectedImage.Package]] {
    guard !images.isEmpty else { return [:] }
    let (asked, shown) = (Transaction.list(packages.map { String($0) }), Transaction.list(images.map { String($0) }))
    let rows = try all(
      """
      WITH wanted AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(asked) AS {JSON}))),
        shown AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(shown) AS {JSON})))
      SELECT DISTINCT u.image_id, p.type, p.name, p.version FROM shown s JOIN image_package u ON u.image_id = s.id
        JOIN wanted w ON w.id = u.package_id JOIN package p ON p.id = u.package_id
      WHERE u.owned_by IS NULL
      ORDER BY u.image_id, p.type, p.name, p.version
      """
    ) {
      (image: $0.integer(0), package: AffectedImage.Package(type: $0.text(1), name: $0.text(2), version: $0.text(3)))
    }
    return Dictionary(grouping: rows, by: \.image).mapValues {
      $0.prefix(AffectedImage.packageLimit).map(\.package)
    }
  }

  /// Packages that an advisory finds something in, by any of its names.
  public func packages(foundBy alias: String) throws -> [Int64] {
    try all(
      """
      SELECT DISTINCT f.package_id FROM advisory_alias n JOIN finding f ON f.advisory_id = n.advisory_id
      WHERE n.alias = \(alias) AND f.state <> 'undecidable' ORDER BY f.package_id
      """
    ) { $0.integer(0) }
  }

  /// Whether an advisory has this name, or is of a vulnerability that has.
  public func hasAdvisory(named name: String) throws -> Bool {
    try number("SELECT COUNT(*) FROM (SELECT 1 FROM advisory_alias WHERE alias = \(name) LIMIT 1) x") > 0
  }

  /// Versions of packages by their own name or the name of their source, in any of these spellings; a version once for each name by
  /// which it is found.
  public func packageVersions(
    named names: [String]
  ) throws -> [(key: Int64, type: String, version: String, name: String)] {
    let list = Transaction.list(names)
    return try all(
      """
      SELECT id, type, version, name FROM package
        WHERE name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      UNION SELECT p.id, p.type, p.version, s.name FROM package_subject s JOIN package p ON p.id = s.package_id
        WHERE s.name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      ORDER BY 1
      """
    ) { (key: $0.integer(0), type: $0.text(1), version: $0.text(2), name: $0.text(3)) }
  }
}
