internal import BlobStorage
internal import Ground
internal import Metadata
internal import NIOCore
internal import OCI

// What images say of themselves, read after their push and apart from it: a push never fails or waits for it.
extension Registry {
  /// How many manifests one round reads. Few, because a push may have to wait for the transaction that writes them.
  static let factsBatchLimit = 16
  /// For so long other replicas leave a manifest to the one that has taken it.
  static let factsTerm: Duration = .seconds(60)
  /// After a failure the next try comes after this time, and after each failure more twice as long, up to a day.
  static let factsRetry: Duration = .seconds(60)
  static let factsRetryLimit: Duration = .seconds(86_400)
  private static let namesBatchLimit = 500

  /// Reads the facts of manifests that are due. Answers how many; 0: there is nothing to do now.
  public func readDueFacts() async throws -> Int {
    let work = try await database.read { (facts: try $0.hasDueFacts(), names: try $0.hasUnindexed()) }
    var count = 0
    if work.names { count += try await database.write { try $0.indexOldNames(limit: Self.namesBatchLimit) } }
    guard work.facts else { return count }
    let due = try await database.write { transaction in
      try transaction.takeDueFacts(limit: Self.factsBatchLimit, until: transaction.now + Self.factsTerm)
    }
    // Indexes last: they show what is known of their images. What is read together is written together: a commit for each
    // would make pushes wait.
    for isIndex in [false, true] {
      var read: [(manifest: DueFacts, facts: ImageFacts, layers: [Digest]?, vex: [VEXRow])] = []
      for manifest in due where manifest.mediaType.isIndex == isIndex {
        var (facts, layers) = try await facts(of: manifest)
        let (vex, failure) = await attachedStatements(of: manifest)
        facts.failure = facts.failure ?? failure
        read.append((manifest, facts, layers, vex))
      }
      guard !read.isEmpty else { continue }
      let found = read
      try await database.write { transaction in
        for (manifest, facts, layers, vex) in found {
          let wait = min(Self.factsRetry * (1 << min(manifest.tries, 16)), Self.factsRetryLimit)
          try transaction.writeFacts(
            facts, of: manifest, retryAt: facts.failure == nil ? nil : transaction.now + wait)
          if let layers { try transaction.registerImage(manifest.digest, layers: layers) }
          if !vex.isEmpty {
            try transaction.replaceVEX(
              manifest.digest.description, of: manifest.repository.name.namespace, by: vex)
          }
        }
      }
    }
    return count + due.count
  }

  /// - Returns: its layers too, from the base on, when it is an image with a root file system: nil for other artifacts.
  private func facts(of due: DueFacts) async throws -> (facts: ImageFacts, layers: [Digest]?) {
    let manifest: Manifest
    do throws(ParseError) {
      manifest = try due.bytes.withUnsafeBytes { bytes -> Result<Manifest, ParseError> in
        do throws(ParseError) { return .success(try Manifest(parsing: bytes, contentType: due.mediaType)) } catch {
          return .failure(error)
        }
      }.get()
    } catch {
      var facts = ImageFacts()
      facts.failure = "its manifest cannot be read: \(error.message)"
      return (facts, nil)
    }
    switch manifest.kind {
    case .image:
      return (await imageFacts(manifest, due), manifest.hasRootFileSystem ? manifest.layers.map(\.digest) : nil)
    case .index: return (try await indexFacts(manifest, due), nil)
    }
  }

  private func imageFacts(_ manifest: Manifest, _ due: DueFacts) async -> ImageFacts {
    var facts = ImageFacts()
    let blobs = Set(
      ([manifest.config].compactMap { $0 } + manifest.layers).map { SizedBlob(digest: $0.digest, size: $0.size) })
    facts.sizeBytes = blobs.reduce(0) { $0.addingReportingOverflow($1.size).partialValue }
    facts.layerCount = manifest.layers.count
    var configuration: ImageConfiguration?
    if manifest.hasRootFileSystem, let config = manifest.config {
      do {
        configuration = try await self.configuration(config, due)
      } catch {
        facts.failure = "its configuration \(config.digest) cannot be read: \(error)"
      }
    }
    if let configuration {
      facts.platforms = configuration.platform.map { [$0] } ?? []
      for entry in configuration.labels { facts.labels[entry.key] = entry.value }
    }
    facts.add(manifest.annotations, created: configuration?.created)
    return facts
  }

  private struct SizedBlob: Hashable {
    let digest: Digest
    let size: Int64
  }

  private struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  private func configuration(_ descriptor: Descriptor, _ due: DueFacts) async throws -> ImageConfiguration {
    guard descriptor.size <= ImageConfiguration.sizeLimitBytes else {
      throw Unreadable(description: "it has more than \(ImageConfiguration.sizeLimitBytes) bytes")
    }
    let name = due.repository.name
    guard let link = try await database.read({ try $0.blob(descriptor.digest, in: name) }) else {
      throw Unreadable(description: "it is not here")
    }
    guard link.sizeBytes <= ImageConfiguration.sizeLimitBytes else {
      throw Unreadable(description: "it has more than \(ImageConfiguration.sizeLimitBytes) bytes")
    }
    let bytes = try await store.open(link.stored(descriptor.digest)).collect()
    guard let configuration = bytes.withUnsafeReadableBytes({ ImageConfiguration(parsing: $0) }) else {
      throw Unreadable(description: "it is no JSON object")
    }
    return configuration
  }

  /// The facts of its images together.
  private func indexFacts(_ manifest: Manifest, _ due: DueFacts) async throws -> ImageFacts {
    let digests = manifest.requiredManifests.map(\.digest)
    let repository = due.repository.id
    let known = try await database.read { try $0.imageFacts(of: digests, in: repository) }
    let children = digests.compactMap { known[$0] }
    var facts = ImageFacts()
    for descriptor in manifest.manifests {
      let own = descriptor.platform.map { platform in
        "\(platform.os)/\(platform.architecture)" + (platform.variant.map { "/\($0)" } ?? "")
      }
      // So build records are marked that belong to an image.
      let all = (own.map { [$0] } ?? known[descriptor.digest]?.platforms ?? []).filter { $0 != "unknown/unknown" }
      for platform in all where !facts.platforms.contains(platform) { facts.platforms.append(platform) }
    }
    let sizes = children.compactMap(\.sizeBytes)
    facts.sizeBytes = sizes.isEmpty ? nil : sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
    facts.layerCount = children.compactMap(\.layerCount).max()
    for child in children { facts.labels.merge(child.labels) { first, _ in first } }
    facts.add(manifest.annotations, created: nil)
    facts.builtAt = facts.builtAt ?? children.compactMap(\.builtAt).max()
    return facts
  }
}

extension ImageFacts {
  /// Annotations count before labels; what both leave open stays open.
  ///
  /// - Parameter created: what the configuration says of when it was built.
  ///
  /// Source: image-spec, annotations.md, "Pre-Defined Annotation Keys".
  fileprivate mutating func add(_ annotations: Annotations, created: String?) {
    for entry in annotations { labels[entry.key] = entry.value }
    func text(_ name: String) -> String? {
      labels["org.opencontainers.image.\(name)"].flatMap { $0.isEmpty ? nil : $0 }
    }
    version = text("version")
    revision = text("revision")
    source = text("source")
    title = text("title")
    licenses = text("licenses")
    baseName = text("base.name")
    baseDigest = text("base.digest")
    builtAt =
      [annotations["org.opencontainers.image.created"], created, text("created")]
      .lazy.compactMap { $0 }.compactMap { Timestamp(parsing: $0) }.first
  }
}
