public import Metadata
public import OCI
internal import Scanning

/// What an image holds.
public struct ImageContents: Sendable {
  public let layers: [LayerState]
  public let packages: [ImagePackageRow]
  public let notices: [ImageNotice]
}

/// What is wrong with an image, and what is not known of it.
public struct ImageReport: Sendable {
  /// The worst first; what VEX statements and exceptions of the image's namespace say is joined.
  public let findings: [ImageFinding]
  /// Why nothing can be said of some kinds of packages; nil: all are judged.
  public let unjudged: String?
  /// For people, what else is not known.
  public let gaps: [String]
  /// Secrets by their shape, never with their value, and other files out of the ordinary.
  public let notices: [ImageNotice]
}

// What is in images, and what is wrong with it. Whoever may pull an image may know (invariant I7).
extension Registry {
  /// Layers, packages and what else was noticed, of an image that ``inspectedImages(_:platform:permit:)`` has answered.
  public func contents(of image: ImageInventoryRow) async throws -> ImageContents {
    try await database.read { transaction in
      ImageContents(
        layers: try transaction.layerStates(ofImage: image.key), packages: try transaction.packages(ofImage: image.key),
        notices: try transaction.imageNotices(of: image.key))
    }
  }

  /// All that is told of what is wrong with an image, of one moment.
  public func report(on image: ImageInventoryRow, in repository: RepositoryName) async throws -> ImageReport {
    try await database.read { transaction in
      let (packages, notices) = (
        try transaction.packages(ofImage: image.key), try transaction.imageNotices(of: image.key)
      )
      return ImageReport(
        findings: try Self.findings(of: image, in: repository, packages: packages, transaction),
        unjudged: try Self.unjudged(packages, transaction),
        gaps: try Self.gaps(image, in: repository, packages, notices, transaction), notices: notices)
    }
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

  /// Exceptions in force that take an image: by its repository, or by the image under a tag or digest of it or of an index around it.
  static func exceptions<R: Reading & ~Copyable>(
    for digest: Digest, in repository: RepositoryName, _ transaction: borrowing R
  ) throws -> [FindingException] {
    let all = try transaction.exceptions(of: repository.namespace).filter { $0.covers(repository) }
    guard all.contains(where: { !$0.image.isEmpty }) else { return all }
    var names: Set<String> = []
    let id = try transaction.repository(named: repository)
    for digest in try transaction.digestsOf(image: digest, in: repository) {
      names.insert(ImageReference(repository, .digest(digest)).description)
      guard let id else { continue }
      for tag in try transaction.tags(pointingTo: digest, in: id) {
        names.insert(ImageReference(repository, .tag(tag)).description)
      }
    }
    return all.filter { $0.image.isEmpty || names.contains($0.image) }
  }

  /// What is wrong with an image, the worst first; what VEX statements and exceptions of its namespace say is joined.
  ///
  /// - Parameters:
  ///   - packages: those of the image; nil: they are asked for.
  ///   - exceptions: as ``exceptions(for:in:_:)`` answers them; nil: they are asked for.
  static func findings<R: Reading & ~Copyable>(
    of image: ImageInventoryRow, in repository: RepositoryName, packages: [ImagePackageRow]? = nil,
    exceptions: [FindingException]? = nil, _ transaction: borrowing R
  ) throws -> [ImageFinding] {
    let packages = try packages ?? transaction.packages(ofImage: image.key)
    let rows = try transaction.findings(of: packages.filter { $0.ownedBy == nil })
    let names = try transaction.aliases(ofAdvisories: Set(rows.map(\.finding.advisory)).sorted())
    let groups = Dictionary(grouping: rows.indices) { rows[$0].package.key }.sorted { $0.key < $1.key }.flatMap {
      VulnerabilityGroup.all(of: $0.value.map { rows[$0] }, names: names)
    }
    let known = try transaction.vulnerabilities(Set(groups.compactMap(\.cve)).sorted())
    let recorded = try transaction.severities(
      of: Set(groups.lazy.filter(\.isUngraded).flatMap(\.askedNames)).sorted())
    var found = groups.map { ImageFinding($0, known: known, recorded: recorded) }
    let said = try transaction.vexStatements(
      of: repository.namespace, about: Set(found.flatMap(\.names)).sorted())
    let judgements = Judgements(
      exceptions: try exceptions ?? Self.exceptions(for: image.digest, in: repository, transaction),
      statements: said,
      image: said.isEmpty ? VEXImage(digests: [], repositories: []) : try vexImage(image, repository, transaction))
    for index in found.indices { found[index].suppression = judgements.suppression(of: found[index]) }
    return ImageFinding.sorted(found)
  }
}
