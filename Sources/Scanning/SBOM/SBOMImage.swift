public import OCI

/// An image as an SBOM describes it.
public struct SBOMImage: Sendable, Hashable {
  public var digest: Digest
  /// Where it lies: `registry.example/team/app`, or `team/app` where the registry has no name.
  public var repository: String
  /// As image configurations spell it: `amd64`.
  public var architecture: String?
  /// Under which it was asked for.
  public var tag: String?
  public var distribution: Distribution?
  public var packages: [SBOMPackage] = []
  /// Why ``packages`` may not be all that is in it, for people; nil when nothing is known to be missing.
  public var gap: String?

  public init(digest: Digest, repository: String) {
    self.digest = digest
    self.repository = repository
  }

  /// - Parameter layers: their digests, from the base on, as the layers that were folded into the inventory.
  public init(digest: Digest, repository: String, inventory: ImageInventory, layers: [Digest]) {
    self.init(digest: digest, repository: repository)
    distribution = inventory.distribution
    packages = inventory.components.map { installed in
      SBOMPackage(
        installed.component, path: installed.path,
        layer: layers.indices.contains(installed.layer) ? layers[installed.layer] : nil, ownedBy: installed.ownedBy)
    }
    switch inventory.state {
    case .inventoried: gap = nil
    case .unknownDistribution: gap = "the distribution is not known"
    case .packageDatabaseMissing: gap = "no package database names what is installed"
    case .packageDatabaseRemoved(let paths):
      gap = "a layer removed the package database: \(paths.prefix(8).joined(separator: ", "))"
    }
  }

  var purl: PackageURL? { .image(digest, repository: repository, architecture: architecture, tag: tag) }
}

/// One package of an image, and where it was found.
public struct SBOMPackage: Sendable, Hashable {
  public var component: Component
  /// The file that names it, from the root of the image.
  public var path: String
  /// The layer that has the file.
  public var layer: Digest?
  /// The package of the operating system that the file belongs to.
  public var ownedBy: String?

  public init(_ component: Component, path: String, layer: Digest? = nil, ownedBy: String? = nil) {
    self.component = component
    self.path = path
    self.layer = layer
    self.ownedBy = ownedBy
  }
}

/// An index as an SBOM describes it: itself, and the images that it lists.
public struct SBOMIndex: Sendable, Hashable {
  public var digest: Digest
  /// As ``SBOMImage/repository``.
  public var repository: String
  public var tag: String?
  /// In the order of the index. One that is listed twice is described once.
  public var images: [SBOMImage]

  public init(digest: Digest, repository: String, tag: String? = nil, images: [SBOMImage]) {
    self.digest = digest
    self.repository = repository
    self.tag = tag
    self.images = images
  }

  var purl: PackageURL? { .image(digest, repository: repository, tag: tag) }

  var distinctImages: [SBOMImage] {
    var seen: Set<Digest> = []
    return images.filter { seen.insert($0.digest).inserted }
  }
}

/// By what and when an SBOM was made. The same image and the same origin give the same bytes.
public struct SBOMOrigin: Sendable, Hashable {
  /// The version of berth.
  public var toolVersion: String
  /// RFC 3339 in UTC, in whole seconds: `2026-01-31T12:00:00Z`. Neither format takes fractions everywhere.
  public var created: String

  public init(toolVersion: String, created: String) {
    self.toolVersion = toolVersion
    self.created = created
  }

  /// An identity for the document: that of the image or index, with the format and this origin mixed in.
  ///
  /// Source: RFC 9562, section 5.8.
  func uuid(of digest: Digest, format: String) -> String {
    // FNV-1a. The digest brings the chance; this has only to tell documents about it from one another.
    var mixed: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(format)\n\(toolVersion)\n\(created)".utf8 {
      mixed = (mixed ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    let digits = digest.withBytes { bytes in
      (0..<16).map { index -> String in
        var byte = bytes[index] ^ UInt8(truncatingIfNeeded: mixed >> UInt64(index % 8 * 8))
        if index == 6 { byte = byte & 0x0f | 0x80 }
        if index == 8 { byte = byte & 0x3f | 0x80 }
        let text = String(byte, radix: 16)
        return text.utf8.count == 1 ? "0" + text : text
      }
    }
    let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16]
    return groups.map { digits[$0].joined() }.joined(separator: "-")
  }
}
