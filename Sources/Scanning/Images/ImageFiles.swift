internal import Glibc
public import OCI

/// Images that lie on this machine: an OCI layout in a folder or in an archive, or what `docker save` writes.
///
/// Source: image-spec, image-layout.md; moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format".
public struct ImageFiles: Sendable {
  /// Some bytes of a file: a layer, as it is stored.
  public struct Extent: Sendable, Hashable {
    public let path: String
    public let offset: Int64
    public let sizeBytes: Int64
  }

  public struct Image: Sendable {
    /// A tag or an annotation where it has one, else the digest.
    public let name: String
    public let digest: Digest
    /// `linux/amd64`, where it says so.
    public let platform: String?
    /// From the base on.
    public let layers: [Layer]
  }

  public struct Layer: Sendable {
    public let digest: Digest
    public let extent: Extent
    /// The digest is that of the bytes as they lie here, and not of what is packed in them.
    public let isOfStored: Bool

    /// Whether the bytes are those that the digest names, as far as it names them.
    ///
    /// - Throws: ``Failure`` when they cannot be read.
    public func isIntact() throws(Failure) -> Bool {
      guard isOfStored else { return true }
      return try extent.digest(digest.algorithm) == digest
    }
  }

  /// Why there is no image to be read.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
  }

  public private(set) var images: [Image] = []
  /// Where each file of the layout or archive lies, by its path there.
  private let extents: [String: Extent]
  private let root: String

  /// Images of an index, and indexes in it.
  static let imageLimit = 64
  static let documentLimitBytes: Int64 = 4 << 20

  /// - Throws: ``Failure`` with what is missing or broken.
  public init(at path: String) throws(Failure) {
    root = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      extents = [:]
      guard let index = try? document("index.json") else {
        throw Failure(description: "\(path) is no OCI layout: it has no index.json")
      }
      try take(index: index, depth: 0)
    } else {
      extents = try Self.extents(ofArchive: path)
      if extents["index.json"] != nil {
        try take(index: try document("index.json"), depth: 0)
      } else if extents["manifest.json"] != nil {
        try takeSaved(try document("manifest.json"))
      } else {
        throw Failure(description: "\(path) is no archive of an image: it has neither index.json nor manifest.json")
      }
    }
    guard !images.isEmpty else { throw Failure(description: "\(path) holds no image") }
  }

  // MARK: OCI layouts

  private mutating func take(index: JSONValue, depth: Int) throws(Failure) {
    for entry in index["manifests"]?.array ?? [] where images.count < Self.imageLimit {
      let annotations = entry["annotations"]
      let name =
        annotations?["io.containerd.image.name"]?.string ?? annotations?["org.opencontainers.image.ref.name"]?.string
      try take(manifest: entry, name, depth: depth)
    }
  }

  private mutating func take(manifest entry: JSONValue, _ name: String?, depth: Int) throws(Failure) {
    guard let text = entry["digest"]?.string, let digest = try? Digest(parsing: text) else {
      throw Failure(description: "\(root): its index has an entry without a digest")
    }
    let document = try document(Self.blobPath(digest), of: digest)
    if document["manifests"] != nil {
      guard depth < 4 else { throw Failure(description: "\(root): indexes are too deep in one another") }
      return try take(index: document, depth: depth + 1)
    }
    let platform = entry["platform"]
    if platform?["os"]?.string == "unknown" { return }
    var layers: [Layer] = []
    for layer in document["layers"]?.array ?? [] {
      guard let text = layer["digest"]?.string, let digest = try? Digest(parsing: text) else {
        throw Failure(description: "\(root): \(digest) has a layer without a digest")
      }
      layers.append(Layer(digest: digest, extent: try extent(Self.blobPath(digest)), isOfStored: true))
    }
    let words = [platform?["os"]?.string, platform?["architecture"]?.string, platform?["variant"]?.string]
    images.append(
      Image(
        name: name ?? digest.description, digest: digest,
        platform: platform == nil ? nil : words.compactMap { $0 }.joined(separator: "/"), layers: layers))
  }

  private static func blobPath(_ digest: Digest) -> String { "blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

  // MARK: docker save

  /// Its layers are known by their paths; a path is as good as a digest to tell them from one another.
  private mutating func takeSaved(_ list: JSONValue) throws(Failure) {
    for entry in (list.array ?? []).prefix(Self.imageLimit) {
      let config = entry["Config"]?.string ?? ""
      let file = config.split(separator: "/").last.map { $0.split(separator: ".").first ?? $0 } ?? ""
      // Some write the algorithm before it.
      guard let digest = try? Digest(parsing: file.hasPrefix("sha256:") ? String(file) : "sha256:\(file)") else {
        throw Failure(description: "\(root): its manifest.json names no configuration")
      }
      let document = try document(config, of: digest)
      let diffs = document["rootfs"]?["diff_ids"]?.array ?? []
      var layers: [Layer] = []
      for (index, layer) in (entry["Layers"]?.array ?? []).enumerated() {
        let id = diffs.indices.contains(index) ? diffs[index].string ?? "" : ""
        guard let path = layer.string, let digest = try? Digest(parsing: id) else {
          throw Failure(description: "\(root): its manifest.json and its configuration tell of other layers")
        }
        layers.append(Layer(digest: digest, extent: try extent(path), isOfStored: false))
      }
      let tag = entry["RepoTags"]?.array?.first?.string
      let words = [document["os"]?.string, document["architecture"]?.string, document["variant"]?.string]
      images.append(
        Image(
          name: tag ?? digest.description, digest: digest, platform: words.compactMap { $0 }.joined(separator: "/"),
          layers: layers))
    }
  }

  // MARK: Files

  private func extent(_ path: String) throws(Failure) -> Extent {
    if let known = extents[path] { return known }
    guard extents.isEmpty, !path.split(separator: "/").contains("..") else {
      throw Failure(description: "\(root): \(path) is missing")
    }
    let whole = "\(root)/\(path)"
    var status = stat()
    guard stat(whole, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure(description: "\(root): \(path) is missing")
    }
    return Extent(path: whole, offset: 0, sizeBytes: Int64(status.st_size))
  }

  /// - Parameter digest: what the file is called by; it is not read when it is another. Nil: nothing calls it so.
  private func document(_ path: String, of digest: Digest? = nil) throws(Failure) -> JSONValue {
    let extent = try extent(path)
    guard extent.sizeBytes <= Self.documentLimitBytes else {
      throw Failure(description: "\(root): \(path) is larger than any manifest")
    }
    if let digest, try extent.digest(digest.algorithm) != digest {
      throw Failure(description: "\(root): \(path) is not what its digest names: it was damaged or exchanged")
    }
    let bytes = try extent.bytes()
    let parsed = bytes.withUnsafeBytes { bytes -> JSONValue? in
      do throws(ParseError) { return try JSONValue.parse(bytes) } catch { return nil }
    }
    guard let parsed else { throw Failure(description: "\(root): \(path) is no JSON") }
    return parsed
  }

  /// An archive as it is written to disk is not packed: what lies in it can be read where it lies.
  private static func extents(ofArchive path: String) throws(Failure) -> [String: Extent] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(description: "\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    do throws(LayerError) {
      let source = try DecompressedSource(DescriptorSource(descriptor))
      guard source.compression == .none else {
        throw LayerError.broken("it is packed by \(source.compression.rawValue): unpack it first")
      }
      let archive = TarReader(source, limits: ArchiveLimits())
      var found: [String: Extent] = [:]
      var links: [(path: String, target: [UInt8])] = []
      while let entry = try archive.next() {
        guard let name = LayerPath.normalised(entry.path, ArchiveLimits()) else { continue }
        switch entry.kind {
        case .file where !entry.isSparse:
          found[name] = Extent(path: path, offset: archive.position, sizeBytes: entry.size)
        case .symbolicLink: links.append((name, entry.link))
        case .hardLink: found[name] = LayerPath.normalised(entry.link, ArchiveLimits()).flatMap { found[$0] }
        default: break
        }
      }
      // Older versions of docker save link layers that are the same.
      for link in links {
        found[link.path] = LayerPath.resolved(link.target, from: link.path, ArchiveLimits()).flatMap { found[$0] }
      }
      return found
    } catch {
      throw Failure(description: "\(path): \(error.description)")
    }
  }
}

extension ImageFiles.Extent {
  private static let pieceBytes = 256 << 10

  /// All of it. Look at its size first.
  fileprivate func bytes() throws(ImageFiles.Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(sizeBytes))
    try each { bytes.append(contentsOf: $0) }
    return bytes
  }

  fileprivate func digest(_ algorithm: Digest.Algorithm) throws(ImageFiles.Failure) -> Digest {
    let hash: ContentHash
    do throws(LayerError) {
      hash = try ContentHash(algorithm)
      try hash.begin()
    } catch {
      throw ImageFiles.Failure(description: error.description)
    }
    try each { hash.add($0) }
    return hash.end().withUnsafeBytes { Digest(algorithm, bytes: $0) }
  }

  /// Reads it from its first byte to its last.
  private func each(_ body: (UnsafeRawBufferPointer) -> Void) throws(ImageFiles.Failure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ImageFiles.Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
    defer { space.deallocate() }
    var position: Int64 = 0
    while position < sizeBytes {
      let wanted = Int(min(sizeBytes - position, Int64(space.count)))
      let count = pread(descriptor, space.baseAddress, wanted, off_t(offset + position))
      guard count > 0 else { throw ImageFiles.Failure(description: "\(path): it cannot be read to its end") }
      body(UnsafeRawBufferPointer(rebasing: space[..<count]))
      position += Int64(count)
    }
  }
}
