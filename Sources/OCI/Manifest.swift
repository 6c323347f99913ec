/// A manifest or an index, of OCI or of Docker, as far as a registry needs it.
///
/// A value that exists has one meaning only: its media type, its fields and the `Content-Type` it came with agree.
///
/// Source: image-spec, manifest.md and image-index.md; distribution-spec, "Pushing Manifests".
public struct Manifest: Sendable, Hashable {
  /// What kind of document it is.
  public enum Kind: Sendable, Hashable {
    /// One image or one artifact: a configuration and layers.
    case image
    /// A list of manifests.
    case index
  }

  /// The largest manifest in bytes: what the specification asks registries to accept at least, and what clients read.
  public static let sizeLimitBytes = 4 * 1024 * 1024
  /// The most layers of one image. Container runtimes stop at some hundreds; artifacts use more.
  public static let layerLimit = 4096
  /// The most entries of one index: 256 bytes for each within ``sizeLimitBytes``.
  public static let indexEntryLimit = 16384

  public let kind: Kind
  public let mediaType: MediaType
  /// What listings of referrers show: the field of this name; for an image that lacks it, its configuration's type.
  public let artifactType: MediaType?
  public let config: Descriptor?
  public let layers: [Descriptor]
  public let manifests: [Descriptor]
  public let subject: Descriptor?
  public let annotations: Annotations

  /// Reads bytes that a client pushed.
  ///
  /// - Parameter contentType: the request's `Content-Type`, nil when it has none.
  /// - Throws: kind `.json` for what is no JSON, `.digest`, `.unsupportedAlgorithm` and `.mediaType` for these values,
  ///   `.manifest` for all else.
  /// - Cost: linear in the number of bytes, of which ``sizeLimitBytes`` is the most.
  public init(parsing bytes: UnsafeRawBufferPointer, contentType: MediaType?) throws(ParseError) {
    guard bytes.count <= Self.sizeLimitBytes else {
      throw ParseError(.manifest, "The manifest has \(bytes.count) bytes; the limit is \(Self.sizeLimitBytes).")
    }
    if let contentType { try Self.checkAccepted(contentType, "The Content-Type") }
    let document = try DocumentReader(try JSONValue.parse(bytes), place: "")
    try Self.checkSpelling(document.object)
    try Self.checkVersion(document)
    mediaType = try Self.mediaType(of: document, contentType: contentType)
    kind = mediaType.isIndex ? .index : .image
    try Self.checkFields(document, kind: kind)

    config = try document.descriptor("config")
    layers = try document.descriptors("layers", limit: Self.layerLimit)
    manifests = try document.descriptors("manifests", limit: Self.indexEntryLimit)
    subject = try document.descriptor("subject")
    annotations = try document.annotations()
    artifactType = try document.artifactType() ?? config?.mediaType
  }

  /// Blobs that must be in the repository before this manifest is: the configuration, then the layers, each once.
  ///
  /// Layers that clients do not push are exempt: those of a nondistributable type and those with `urls`. Entries of an
  /// index that are no manifests (build caches are made so) are blobs too, for nothing else can be pushed under them.
  public var requiredBlobs: [Descriptor] {
    var candidates: [Descriptor] = []
    if let config { candidates.append(config) }
    candidates += layers.filter { $0.urls.isEmpty && !$0.mediaType.isNonDistributableLayer }
    candidates += manifests.filter { !$0.mediaType.isManifest && !$0.mediaType.isIndex }
    return Self.unique(candidates)
  }

  /// Manifests that must be in the repository before this index is, each once, in their order.
  public var requiredManifests: [Descriptor] {
    Self.unique(manifests.filter { $0.mediaType.isManifest || $0.mediaType.isIndex })
  }

  private static func unique(_ descriptors: [Descriptor]) -> [Descriptor] {
    var seen = Set<Digest>(minimumCapacity: descriptors.count)
    return descriptors.filter { seen.insert($0.digest).inserted }
  }
}
