public import Access
public import Metadata
public import OCI
internal import Scanning

/// An image as the inspection knows it.
public struct InspectedImage: Sendable {
  /// As it was asked for, or the repository with the digest for an image of an index.
  public let name: ImageReference
  public let digest: Digest
  /// Of an image of an index, as the index says.
  public let platform: String?
  /// Nil: it is no image with a root file system, or was pushed a moment ago.
  public let inventory: ImageInventoryRow?

  public init(name: ImageReference, digest: Digest, platform: String?, inventory: ImageInventoryRow?) {
    self.name = name
    self.digest = digest
    self.platform = platform
    self.inventory = inventory
  }
}

/// What an image holds.
public struct ImageContents: Sendable {
  public let layers: [LayerState]
  public let packages: [ImagePackageRow]
  public let notices: [ImageNotice]
}

// What is in images, and what is wrong with it. Whoever may pull an image may know (invariant I7).
extension Registry {
  /// How many images of an index are told of in one call. Real indexes have some ten.
  public static let inspectedImageLimit = 64

  /// The image that a reference names; of an index all its images, in its order, without the records that builds attach.
  ///
  /// - Parameter platform: of an index, only the image for this one, such as `linux/arm64`.
  /// - Throws: `MANIFEST_UNKNOWN`, `MANIFEST_INVALID`.
  public func inspectedImages(
    _ reference: Reference, platform: String? = nil, permit: Permit<Pull>
  ) async throws -> [InspectedImage] {
    let name = ImageReference(permit.repository, reference)
    let stored = try await manifest(reference, permit: permit)
    let manifest: Manifest
    do throws(ParseError) { manifest = try Self.parse(stored.body, stored.mediaType) } catch {
      throw RegistryError(error, as: .manifestInvalid)
    }
    guard manifest.kind == .index else {
      return [
        InspectedImage(
          name: name, digest: stored.digest, platform: nil,
          inventory: try await database.read { try $0.imageInventory(stored.digest) })
      ]
    }
    var entries = manifest.manifests.filter { !($0.platform?.isUnknown ?? false) }
    if let platform {
      entries = entries.filter {
        $0.platform?.comparedText == platform || ($0.platform?.comparedText?.hasPrefix(platform + "/") ?? false)
      }
      guard !entries.isEmpty else { throw RegistryError(.manifestUnknown, "\(name) has no image for \(platform)") }
    }
    let wanted = Array(entries.prefix(Self.inspectedImageLimit))
    return try await database.read { transaction in
      try wanted.map { entry in
        InspectedImage(
          name: ImageReference(permit.repository, .digest(entry.digest)), digest: entry.digest,
          platform: entry.platform?.comparedText, inventory: try transaction.imageInventory(entry.digest))
      }
    }
  }

  /// Layers, packages and what else was noticed, of an image that ``inspectedImages(_:platform:permit:)`` has answered.
  public func contents(of image: ImageInventoryRow) async throws -> ImageContents {
    try await database.read { transaction in
      ImageContents(
        layers: try transaction.layerStates(ofImage: image.key), packages: try transaction.packages(ofImage: image.key),
        notices: try transaction.imageNotices(of: image.key))
    }
  }

  /// What is wrong with an image, the worst first; what VEX statements and exceptions of its namespace say is joined.
  public func findings(of image: ImageInventoryRow, in repository: RepositoryName) async throws -> [ImageFinding] {
    try await database.read { try Self.findings(of: image, in: repository, $0) }
  }

  /// An image under the names that VEX statements may use.
  private static func vexImage<R: Reading & ~Copyable>(
    _ image: ImageInventoryRow, _ repository: RepositoryName, _ transaction: borrowing R
  ) throws -> VEXImage {
    var named = VEXImage(
      digests: try transaction.digestsOf(image: image.digest, in: repository), repositories: [repository.text])
    named.distribution = image.os.map { Distribution(id: $0, versionID: image.osVersion ?? "") }
    if let id = try transaction.repository(named: repository) {
      for digest in named.digests { named.tags += try transaction.tags(pointingTo: digest, in: id).map(\.text) }
    }
    return named
  }

  static func findings<R: Reading & ~Copyable>(
    of image: ImageInventoryRow, in repository: RepositoryName, _ transaction: borrowing R
  ) throws -> [ImageFinding] {
    let rows = try transaction.findings(ofImage: image.key)
    let names = try transaction.aliases(ofFindingsIn: image.key)
    let known = try transaction.vulnerabilities(Set(names.values.joined()).filter { $0.hasPrefix("CVE-") }.sorted())
    let found = ImageFinding.grouping(rows, names: names, known: known)
    let said = try transaction.vexStatements(
      of: repository.namespace, about: Set(found.flatMap(\.names)).sorted())
    let judgements = Judgements(
      exceptions: try transaction.exceptions(of: repository.namespace).filter { $0.covers(repository) },
      statements: said,
      image: said.isEmpty ? VEXImage(digests: [], repositories: []) : try vexImage(image, repository, transaction))
    return ImageFinding.sorted(found.map { judgements.applied(to: $0) })
  }
}

extension Platform {
  /// The mark of records that a build attaches beside its images.
  var isUnknown: Bool { os == "unknown" && architecture == "unknown" }
}

extension Manifest {
  /// It is an image that a runtime unpacks: its configuration is one of images.
  var hasRootFileSystem: Bool {
    config.map { $0.mediaType == .ociConfig || $0.mediaType == .dockerConfig } ?? false
  }
}
