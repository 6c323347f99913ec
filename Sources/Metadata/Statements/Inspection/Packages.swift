/// A version of a package, as it is kept once for the whole registry.
public struct PackageRecord: Sendable, Hashable {
  /// The type in package URLs: `deb`, `pypi`.
  public var type: String
  /// Of the operating system's packages: `debian:12`; empty for the others.
  public var distribution: String
  public var name: String
  public var version: String
  public var architecture: String
  public var sourceName: String
  public var sourceVersion: String
  public var module: String
  public var vendor: String
  /// Joined by commas.
  public var licenses: String
  /// Why no advisory is asked about it; nil when they are.
  public var notJudged: String?
  public var subjects: [Subject]

  /// Of any text of a package that much is kept.
  public static let textLimitBytes = 192

  /// By what name advisories of an ecosystem speak of it.
  public struct Subject: Sendable, Hashable {
    public let ecosystem: String
    /// As the ecosystem compares names.
    public let name: String
    public let version: String

    public init(ecosystem: String, name: String, version: String) {
      self.ecosystem = ecosystem.storable(limitBytes: PackageRecord.textLimitBytes)
      self.name = name.storable(limitBytes: PackageRecord.textLimitBytes)
      self.version = version.storable(limitBytes: PackageRecord.textLimitBytes)
    }
  }

  public init(
    type: String, name: String, version: String, distribution: String = "", architecture: String = "",
    sourceName: String = "", sourceVersion: String = "", module: String = "", vendor: String = "",
    licenses: [String] = [], notJudged: String? = nil, subjects: [Subject] = []
  ) {
    func kept(_ text: String) -> String { text.storable(limitBytes: Self.textLimitBytes) }
    self.type = type
    self.name = kept(name)
    self.version = kept(version)
    self.distribution = kept(distribution)
    self.architecture = kept(architecture)
    self.sourceName = kept(sourceName)
    self.sourceVersion = kept(sourceVersion)
    self.module = kept(module)
    self.vendor = kept(vendor)
    self.licenses = kept(licenses.joined(separator: ","))
    self.notJudged = notJudged
    self.subjects = subjects
  }
}

/// A package in an image.
public struct PackageUse: Sendable, Hashable {
  public let package: PackageRecord
  /// The database, manifest or binary that names it.
  public let path: String
  /// The position of the layer, from the base on.
  public let layer: Int
  /// The operating system's package that brought it along.
  public let ownedBy: String?

  public static let pathLimitBytes = 1024

  public init(package: PackageRecord, path: String, layer: Int, ownedBy: String?) {
    self.package = package
    self.path = path
    self.layer = layer
    self.ownedBy = ownedBy
  }
}

/// A package that the registry has not seen before.
public struct NewPackage: Sendable, Hashable {
  public let key: Int64
  public let record: PackageRecord
}

/// A package of an image as it is shown.
public struct ImagePackageRow: Sendable, Hashable {
  public let key: Int64
  public let type: String
  public let distribution: String
  public let name: String
  public let version: String
  public let architecture: String
  public let sourceName: String
  public let sourceVersion: String
  public let module: String
  public let vendor: String
  public let licenses: String
  public let notJudged: String?
  public let path: String
  public let layer: Int
  public let ownedBy: String?
}

/// The packages of an image with their rows.
struct KeyedPackages {
  var keys: [PackageRecord: Int64] = [:]
  /// New to the registry: nothing was judged of them yet.
  var fresh: [NewPackage] = []
  /// Known by other names to advisories, or judged by other rules, than now.
  var renewed: [NewPackage] = []
}

extension Transaction {
  /// The keys of packages; rows are made for those that have none, and subjects renewed of those that an older matcher made.
  ///
  /// - Precondition: the inspection is locked, so that no two transactions make the same row or wait for each other in turn.
  /// - Parameter matcher: the revision of the rules that gave the packages their subjects.
  func keys(of packages: [PackageRecord], matcher: Int) throws -> KeyedPackages {
    let distinct = Array(Set(packages))
    let known = try distinct.map { package in
      try later(
        """
        SELECT id, matcher FROM package WHERE type = \(package.type) AND name = \(package.name)
          AND version = \(package.version) AND distribution = \(package.distribution)
          AND architecture = \(package.architecture) AND source_name = \(package.sourceName)
          AND source_version = \(package.sourceVersion) AND module = \(package.module) AND vendor = \(package.vendor)
        """
      ) { (key: $0.integer(0), matcher: $0.integer(1)) }
    }
    var answer = KeyedPackages()
    for (package, found) in zip(distinct, known) {
      if let (key, judgedBy) = try found.first() {
        answer.keys[package] = key
        guard judgedBy < matcher else { continue }
        try enqueue("UPDATE package SET not_judged = \(package.notJudged), matcher = \(matcher) WHERE id = \(key)")
        try enqueue("DELETE FROM package_subject WHERE package_id = \(key)")
        try addSubjects(of: package, key)
        answer.renewed.append(NewPackage(key: key, record: package))
        continue
      }
      // The same but for its licences or its subjects may have come a moment ago.
      let made = try all(
        """
        INSERT INTO package (type, distribution, name, version, architecture, source_name, source_version, module, vendor,
          licenses, not_judged, matcher)
        VALUES (\(package.type), \(package.distribution), \(package.name), \(package.version), \(package.architecture),
          \(package.sourceName), \(package.sourceVersion), \(package.module), \(package.vendor), \(package.licenses),
          \(package.notJudged), \(matcher))
        ON CONFLICT (type, name, version, distribution, architecture, source_name, source_version, module, vendor)
        DO UPDATE SET type = excluded.type RETURNING id
        """
      ) { $0.integer(0) }
      guard let key = made.first else { throw DatabaseError.corrupt("a row of a package was not made") }
      answer.keys[package] = key
      answer.fresh.append(NewPackage(key: key, record: package))
      try addSubjects(of: package, key)
    }
    return answer
  }

  private func addSubjects(of package: PackageRecord, _ key: Int64) throws {
    for subject in Set(package.subjects) {
      try enqueue(
        """
        INSERT INTO package_subject (ecosystem, name, package_id, version)
        VALUES (\(subject.ecosystem), \(subject.name), \(key), \(subject.version))
        ON CONFLICT (ecosystem, name, package_id) DO NOTHING
        """)
    }
  }
}

extension Row {
  /// The columns of ``ImagePackageRow/columns``.
  func imagePackage() -> ImagePackageRow {
    ImagePackageRow(
      key: integer(0), type: text(1), distribution: text(2), name: text(3), version: text(4), architecture: text(5),
      sourceName: text(6), sourceVersion: text(7), module: text(8), vendor: text(9), licenses: text(10),
      notJudged: optionalText(11), path: text(12), layer: Int(integer(13)), ownedBy: optionalText(14))
  }
}

extension ImagePackageRow {
  static let columns: SQL = """
    p.id, p.type, p.distribution, p.name, p.version, p.architecture, p.source_name, p.source_version, p.module, p.vendor,
    p.licenses, p.not_judged, u.path, u.layer, u.owned_by
    """
}

extension Reading where Self: ~Copyable {
  /// The packages of an image, by type, name, version and path.
  public func packages(ofImage image: Int64) throws -> [ImagePackageRow] {
    try all(
      """
      SELECT \(ImagePackageRow.columns) FROM image_package u JOIN package p ON p.id = u.package_id
      WHERE u.image_id = \(image) ORDER BY p.type, p.name, p.version, u.path
      """
    ) { $0.imagePackage() }
  }

  /// Ecosystems of packages of which no advisory is here under any of their names: nothing can be said of them.
  public func ecosystemsWithoutAdvisories(ofPackages keys: [Int64]) throws -> [String] {
    let rows = try all(
      "SELECT DISTINCT package_id, ecosystem FROM package_subject WHERE package_id IN (\(Self.keys(keys)))"
    ) { (package: $0.integer(0), ecosystem: $0.text(1)) }
    let all = Transaction.list(Set(rows.map(\.ecosystem)).sorted())
    let known = Set(
      try self.all(
        """
        SELECT value FROM {LIST}(CAST(\(all) AS {JSON})) e
        WHERE EXISTS (SELECT 1 FROM advisory_package a WHERE a.ecosystem = e.value)
        """
      ) { $0.text(0) })
    let judged = Set(rows.lazy.filter { known.contains($0.ecosystem) }.map(\.package))
    return Set(rows.lazy.filter { !judged.contains($0.package) }.map(\.ecosystem)).sorted()
  }
}
