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

/// A difference that advisories made to what is wrong with a version of a package.
public struct FindingEvent: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case new
    /// The advisory does not find it any more.
    case fixed
    /// Severity, state or the version that mends it are others.
    case changed
  }

  /// Of environments an event names that many.
  public static let environmentLimit = 100

  public let id: Int64
  public let at: Timestamp
  public let kind: Kind
  public let feed: String
  public let advisory: String
  public let package: Int64
  /// The type in package URLs.
  public let type: String
  public let name: String
  public let version: String
  public let severity: String
  /// As it was before a change.
  public let detail: String?
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
      SELECT id, at, kind, feed, advisory, package_id, ecosystem, package, version, severity, detail, images, environments
      FROM finding_event WHERE \(condition) ORDER BY id DESC LIMIT \(limit)
      """
    ) {
      guard let kind = FindingEvent.Kind(rawValue: $0.text(2)) else {
        throw DatabaseError.corrupt("the kind of an event is stored as “\($0.text(2))”")
      }
      return FindingEvent(
        id: $0.integer(0), at: $0.timestamp(1), kind: kind, feed: $0.text(3), advisory: $0.text(4),
        package: $0.integer(5), type: $0.text(6), name: $0.text(7), version: $0.text(8), severity: $0.text(9),
        detail: $0.optionalText(10), imageCount: $0.integer(11),
        environments: (try? JSONValue.parse($0.text(12)))?.array?.compactMap(\.string) ?? [])
    }
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

/// A finding that is not as it was.
struct FindingChange {
  let kind: FindingEvent.Kind
  let finding: FindingRow
  /// Of one that is changed, as it was.
  let old: FindingRow?
  let advisory: String
  let feed: String

  init(_ kind: FindingEvent.Kind, _ finding: FindingRow, _ old: FindingRow?, by advisory: String, of feed: String) {
    self.kind = kind
    self.finding = finding
    self.old = old
    self.advisory = advisory
    self.feed = feed
  }
}

extension FindingDifference {
  init(_ changes: [FindingChange]) {
    for change in changes {
      switch change.kind {
      case .new: newCount += 1
      case .fixed: goneCount += 1
      case .changed: changedCount += 1
      }
    }
  }
}

extension Transaction {
  /// Writes events of changes, only for packages that an image holds: nobody waits to hear of the others.
  func addEvents(_ changes: [FindingChange]) throws {
    guard !changes.isEmpty else { return }
    let holders = try holders(of: Set(changes.map(\.finding.package)).sorted())
    for change in changes {
      guard let holder = holders[change.finding.package], holder.imageCount > 0 else { continue }
      let detail = change.old.map { "\($0.state) \($0.severity) \($0.fixed ?? "-")" }
      try enqueue(
        """
        INSERT INTO finding_event (at, kind, feed, advisory, package_id, ecosystem, package, version, severity, detail, images,
          environments)
        SELECT \(now), \(change.kind.rawValue), \(change.feed), \(change.advisory), p.id, p.type, p.name, p.version,
          \(change.finding.severity), \(detail), \(holder.imageCount), \(Self.list(holder.environments))
        FROM package p WHERE p.id = \(change.finding.package)
        """)
    }
  }

  private struct Holder {
    let imageCount: Int
    /// `namespace/name`, in their order.
    let environments: [String]
  }

  /// Who holds packages: one question for each, all on one way.
  private func holders(of packages: [Int64]) throws -> [Int64: Holder] {
    let deployed = try deployedImages()
    var holders: [Int64: Holder] = [:]
    let counts = try packages.map { package in
      try later("SELECT COUNT(DISTINCT image_id) FROM image_package WHERE package_id = \(package)") {
        Int($0.integer(0))
      }
    }
    let running = try environments(running: packages, deployed)
    for (package, count) in zip(packages, counts) {
      holders[package] = Holder(imageCount: try count.first() ?? 0, environments: running[package] ?? [])
    }
    return holders
  }

  private func environments(
    running packages: [Int64], _ deployed: [Int64: [String]]
  ) throws -> [Int64: [String]] {
    guard !deployed.isEmpty else { return [:] }
    let images = Self.list(deployed.keys.sorted().map { String($0) })
    let asked = Self.list(packages.map { String($0) })
    let rows = try all(
      """
      WITH wanted AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(asked) AS {JSON}))),
        running AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(images) AS {JSON})))
      SELECT DISTINCT u.package_id, u.image_id FROM wanted w JOIN image_package u ON u.package_id = w.id
        JOIN running d ON d.id = u.image_id
      """
    ) { (package: $0.integer(0), image: $0.integer(1)) }
    return Dictionary(grouping: rows, by: \.package).mapValues { rows in
      let names = Set(rows.flatMap { deployed[$0.image] ?? [] }).sorted()
      return Array(names.prefix(FindingEvent.environmentLimit))
    }
  }

  /// Images that an environment runs, alone or in an index, with the environments, `namespace/name`.
  private func deployedImages() throws -> [Int64: [String]] {
    let rows = try all(
      """
      SELECT i.id, e.namespace, e.name FROM deployment d JOIN environment e ON e.id = d.environment_id
        JOIN image_inventory i ON i.digest = d.digest
      UNION
      SELECT i.id, e.namespace, e.name FROM deployment d JOIN environment e ON e.id = d.environment_id
        JOIN manifest m ON m.repository_id = d.repository_id AND m.digest = d.digest
        JOIN manifest_child c ON c.manifest_id = m.id JOIN image_inventory i ON i.digest = c.digest
      """
    ) { (image: $0.integer(0), environment: "\($0.text(1))/\($0.text(2))") }
    return Dictionary(grouping: rows, by: \.image).mapValues { $0.map(\.environment) }
  }
}
