public import Access
public import Metadata
public import OCI

/// The image of this registry that another one is built on.
public struct FoundBase: Sendable {
  public let digest: Digest
  /// How many layers it has.
  public let layerCount: Int
  /// As far as who asks may see it.
  public let places: [BasePlace]

  /// A tag that pointed to the base and has moved on: the most particular one, so `12.5` before `12` before `latest`.
  public var successor: ImageReference? {
    let moved = places.flatMap { place in place.movedTags.map { (place.repository, $0) } }
    func rank(_ tag: String) -> (Int, Int, String) {
      let isVersion = tag.utf8.first.map { (0x30...0x39).contains($0) || $0 == 0x76 } ?? false
      return (isVersion ? 0 : 1, -tag.split { ".-_".contains($0) }.count, tag)
    }
    guard let (repository, tag) = moved.min(by: { rank($0.1) < rank($1.1) }), let tag = try? Tag(parsing: tag) else {
      return nil
    }
    return ImageReference(repository, .tag(tag))
  }
}

/// What another base would change in what is wrong with an image. What does not count is left out.
public struct BaseUpgrade: Sendable {
  public let base: FoundBase
  /// The other base.
  public let candidate: InspectedImage
  /// Come from the base, and are not in the other one.
  public let fixed: [ImageFinding]
  /// Come from the base, and are in the other one too.
  public let remaining: [ImageFinding]
  /// Are in the other base only.
  public let introduced: [ImageFinding]
  /// Findings that do not come from the base: no other base helps.
  public let ownCount: Int
}

extension Registry {
  /// More are not looked through for one that may be seen.
  private static let baseLimit = 200
  private static let placeLimit = 200

  /// What an image is built on: of the images here whose layers are its first ones, the one with the most, in a repository that may
  /// be seen. Nil: none is here.
  public func base(of image: ImageInventoryRow, shownTo permit: CataloguePermit) async throws -> FoundBase? {
    try await database.read { transaction in
      for base in try transaction.bases(ofImage: image.key, limit: Self.baseLimit) {
        let places = try transaction.places(ofBase: base.digest, limit: Self.placeLimit)
          .filter { permit.shows($0.repository) }
        guard !places.isEmpty else { continue }
        return FoundBase(digest: base.digest, layerCount: base.layerCount, places: places)
      }
      return nil
    }
  }

  /// What an image is for, as its configuration says: `linux/arm64`.
  public func platform(of image: Digest, in repository: RepositoryName) async throws -> String? {
    try await database.read { transaction in
      guard let id = try transaction.repository(named: repository) else { return nil }
      return try transaction.imageFacts(of: [image], in: id)[image]?.platforms.first
    }
  }

  /// What would be wrong with an image if it were built on another base. Both are judged as its repository judges.
  ///
  /// - Throws: ``AdministrationError`` where one of the images is not inventoried.
  public func baseUpgrade(
    of image: InspectedImage, on base: FoundBase, to candidate: InspectedImage, in repository: RepositoryName
  ) async throws -> BaseUpgrade {
    let (row, other) = (try Self.inventoried(image), try Self.inventoried(candidate))
    return try await database.read { transaction in
      guard let old = try transaction.imageInventory(base.digest) else {
        throw AdministrationError(.notFound, "the base \(base.digest) is not here any more")
      }
      let brought = Set(try transaction.packages(ofImage: old.key).map(PackageVersion.init))
      let all = try Self.findings(of: row, in: repository, transaction).filter { $0.suppression == nil }
      let next = try Self.findings(of: other, in: repository, transaction).filter { $0.suppression == nil }
      let ofBase = all.filter { brought.contains(PackageVersion($0.package)) }
      let (known, coming) = (Set(all.map(Flaw.init)), Set(next.map(Flaw.init)))
      return BaseUpgrade(
        base: base, candidate: candidate, fixed: ofBase.filter { !coming.contains(Flaw($0)) },
        remaining: ofBase.filter { coming.contains(Flaw($0)) }, introduced: next.filter { !known.contains(Flaw($0)) },
        ownCount: all.count - ofBase.count)
    }
  }
}

private struct PackageVersion: Hashable {
  let type: String
  let name: String
  let version: String

  init(_ package: ImagePackageRow) {
    type = package.type
    name = package.name
    version = package.version
  }
}
