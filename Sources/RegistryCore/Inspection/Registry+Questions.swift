public import Access
public import Ground
public import Metadata
public import OCI
internal import Scanning

/// An image that something is found in, as far as who asks may see it.
public struct ConcernedImages: Sendable {
  public let images: [AffectedImage]
  /// Where to go on; nil at the end.
  public let next: (repository: String, digest: String)?
}

// Questions to the whole registry: every answer is a join, and no layer is read for it.
extension Registry {
  private static let questionRounds = 8

  /// The name under which advisories speak of a vulnerability, in whatever case it was typed. Nil: no advisory has it.
  public func knownVulnerability(_ typed: String) async throws -> String? {
    try await database.read { transaction in
      try VulnerabilityName.spellings(of: typed).first { try transaction.hasAdvisory(named: $0) }
    }
  }

  /// Images with a finding of a vulnerability, by any name of it.
  public func images(
    with vulnerability: String, after: (repository: String, digest: String), limit: Int, permit: CataloguePermit
  ) async throws -> ConcernedImages {
    let packages = try await database.read { try $0.packages(foundBy: vulnerability) }
    return try await images(holding: packages, after: after, limit: limit, permit: permit)
  }

  /// Images that hold a package, by its name or that of its source.
  ///
  /// - Parameters:
  ///   - name: as its ecosystem spells it: `Django` and `ruamel.yaml` are those of Python too.
  ///   - version: only versions before this one, in the order of their ecosystem; nil: all.
  /// - Throws: ``AdministrationError``: no ecosystem that has such a package has such a version.
  public func images(
    holding name: String, below version: String?, after: (repository: String, digest: String), limit: Int,
    permit: CataloguePermit
  ) async throws -> ConcernedImages {
    let found = try await database.read { try PackageName.versions(of: name, $0) }
    let packages = try version.map { try Self.before($0, found) } ?? found
    return try await images(holding: packages.map(\.key), after: after, limit: limit, permit: permit)
  }

  private static func before(
    _ version: String, _ packages: [(key: Int64, type: String, version: String)]
  ) throws -> [(key: Int64, type: String, version: String)] {
    let types = Set(packages.map(\.type)).filter { PackageOrder.order(ofType: $0)?.parse(version) != nil }
    guard !types.isEmpty || packages.isEmpty else {
      let known = Set(packages.map(\.type)).sorted().joined(separator: ", ")
      throw AdministrationError(.invalid, "“\(version.prefix(80))” is no version of a package of \(known)")
    }
    return packages.filter { package in
      types.contains(package.type)
        && PackageOrder.order(ofType: package.type)?.compare(package.version, version) == .less
    }
  }

  private func images(
    holding packages: [Int64], after: (repository: String, digest: String), limit: Int, permit: CataloguePermit
  ) async throws -> ConcernedImages {
    guard !packages.isEmpty else { return ConcernedImages(images: [], next: nil) }
    var images: [AffectedImage] = []
    var position = after
    for _ in 0..<Self.questionRounds {
      let from = position
      let page = try await database.read { try $0.images(holding: packages, after: from, limit: limit + 1) }
      images += page.prefix(limit).filter { permit.shows($0.repository) }
      guard page.count > limit else { return ConcernedImages(images: images, next: nil) }
      position = (page[limit - 1].repository.text, page[limit - 1].digest.description)
      if images.count >= limit { break }
    }
    return ConcernedImages(images: images, next: position)
  }

  /// What advisories have changed, the newest first, as far as it concerns images that may be seen.
  public func findingEvents(
    before id: Int64, since: Timestamp?, limit: Int
  ) async throws -> [FindingEvent] {
    try await database.read { try $0.findingEvents(before: id, since: since, limit: limit) }
  }

  /// Images that hold now what events are about, at most ``FindingEvent/imageLimit`` for each list of packages: the newest of the whole
  /// registry, or of a namespace those that may be seen.
  public func images(
    of events: [FindingEvent], in namespace: String? = nil, permit: CataloguePermit? = nil
  ) async throws -> [[Int64]: [AffectedImage]] {
    let lists = Set(events.map(\.packages)).sorted { $0.lexicographicallyPrecedes($1) }
    return try await database.read { transaction in
      var images: [[Int64]: [AffectedImage]] = [:]
      for packages in lists {
        images[packages] = try transaction.someImages(holding: packages, in: namespace)
          .filter { permit?.shows($0.repository) ?? true }
      }
      return images
    }
  }

  /// Repositories that are named with one event, and events that one page looks at, whomever they concern.
  private static let repositoryLimit = 100
  private static let lookedAtLimit = 200

  /// What advisories have changed in what is wrong with images of a namespace, the newest first: events with the repositories that
  /// may be seen. Events of which none may be seen are left out, so a page may be short and not the last.
  public func findingEvents(
    of namespace: String, before id: Int64, since: Timestamp?, limit: Int, permit: CataloguePermit
  ) async throws -> (events: [(event: FindingEvent, repositories: [RepositoryName])], next: Int64?) {
    try await database.read { transaction in
      let page = try transaction.findingEvents(before: id, since: since, limit: Self.lookedAtLimit)
      let holders = try transaction.repositories(
        holding: Set(page.flatMap(\.packages)).sorted(), in: namespace
      ).mapValues { $0.filter { permit.shows($0) } }
      let found = page.compactMap { event -> (event: FindingEvent, repositories: [RepositoryName])? in
        let repositories = Set(event.packages.flatMap { holders[$0] ?? [] }).sorted { $0.text < $1.text }
        guard !repositories.isEmpty else { return nil }
        return (event, Array(repositories.prefix(Self.repositoryLimit)))
      }
      guard found.count <= limit else { return (Array(found.prefix(limit)), found[limit - 1].event.id) }
      return (found, page.count == Self.lookedAtLimit ? page.last?.id : nil)
    }
  }

  public func advisoryFeeds() async throws -> [AdvisoryFeedRow] { try await database.read { try $0.advisoryFeeds() } }
}
