import Foundation

/// An image in an OCI layout on disk: what a client takes to push, or what it has pulled.
struct LayoutImage: Sendable {
  let path: String
  let tag: String

  /// The digest of the manifest or index that the tag names.
  func digest() throws -> String { try descriptor().digest }

  /// The digest of the configuration: what podman, buildah and docker call the image's id.
  func configDigest() throws -> String {
    guard let config = try manifest().config else { throw HarnessError("\(path):\(tag) is not an image") }
    return config.digest
  }

  func manifest() throws -> ImageManifest {
    try JSONDecoder().decode(ImageManifest.self, from: Data(blob(digest())))
  }

  /// Bytes of a blob of the layout.
  func blob(_ digest: String) throws -> [UInt8] {
    try readFile("\(path)/blobs/\(digest.replacingOccurrences(of: ":", with: "/"))")
  }

  /// For skopeo and buildah.
  var reference: String { "oci:\(path):\(tag)" }

  private func descriptor() throws -> ManifestDescriptor {
    let index = try JSONDecoder().decode(ImageManifest.self, from: Data(readFile("\(path)/index.json")))
    let named = index.manifests?.first { $0.annotations?["org.opencontainers.image.ref.name"] == tag }
    guard let found = named else { throw HarnessError("\(path) has no tag \(tag)") }
    return found
  }
}

/// Writes OCI layouts by hand, for images that no tool makes.
struct LayoutWriter {
  let path: String
  private var tagged: [ManifestDescriptor] = []

  init(_ path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: "\(path)/blobs/sha256", withIntermediateDirectories: true)
    try Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8).write(to: URL(fileURLWithPath: "\(path)/oci-layout"))
  }

  /// Adds bytes and returns their descriptor.
  func add(
    _ bytes: [UInt8], _ mediaType: String, platform: ManifestDescriptor.Platform? = nil
  ) throws -> ManifestDescriptor {
    let descriptor = ManifestDescriptor(mediaType, bytes, platform: platform)
    let file = "\(path)/blobs/\(descriptor.digest.replacingOccurrences(of: ":", with: "/"))"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return descriptor
  }

  /// Adds a manifest or index under a tag.
  mutating func tag(_ name: String, _ descriptor: ManifestDescriptor) throws -> LayoutImage {
    var named = descriptor
    named.annotations = ["org.opencontainers.image.ref.name": name]
    tagged.append(named)
    let index = ImageManifest(mediaType: MediaTypes.index, manifests: tagged)
    try Data(index.encoded()).write(to: URL(fileURLWithPath: "\(path)/index.json"))
    return LayoutImage(path: path, tag: name)
  }
}

/// Media types of the specifications.
enum MediaTypes {
  static let manifest = "application/vnd.oci.image.manifest.v1+json"
  static let index = "application/vnd.oci.image.index.v1+json"
  static let config = "application/vnd.oci.image.config.v1+json"
  static let layerGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
  static let empty = "application/vnd.oci.empty.v1+json"
}
