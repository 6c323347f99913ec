import BlobStorage
import Ground
public import Metadata
public import NIOCore
public import OCI

/// Bytes with their digest.
public struct SampleBlob: Sendable, Hashable {
  public let bytes: [UInt8]
  public let digest: Digest

  public init(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) {
    self.bytes = bytes
    digest = bytes.withUnsafeBytes { Digest.computing(algorithm, over: $0) }
  }

  /// The same bytes for the same seed and size.
  public init(seed: UInt64, size: Int, _ algorithm: Digest.Algorithm = .sha256) {
    let chance = SeededRandom(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size + 8)
    while bytes.count < size { withUnsafeBytes(of: chance.next()) { bytes += $0 } }
    self.init(Array(bytes.prefix(size)), algorithm)
  }

  public var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

  public func descriptor(_ type: MediaType = .octetStream) -> Descriptor {
    Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count))
  }
}

/// A manifest with what it names.
public struct SampleManifest: Sendable, Hashable {
  public let content: SampleBlob
  public let mediaType: MediaType

  public var digest: Digest { content.digest }

  /// An image of a configuration and layers.
  public static func image(
    config: SampleBlob, layers: [SampleBlob], subject: SampleManifest? = nil, artifactType: String? = nil,
    note: String = ""
  ) -> SampleManifest {
    var object: JSONObject = [
      "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociManifest.text),
      "config": config.descriptor(.ociConfig).json, "layers": .array(layers.map { $0.descriptor().json }),
    ]
    if let subject { object.append("subject", subject.descriptor.json) }
    if let artifactType { object.append("artifactType", .string(artifactType)) }
    if !note.isEmpty { object.append("annotations", .object(["note": .string(note)])) }
    return SampleManifest(object, .ociManifest)
  }

  /// As the database takes it.
  public func record() throws -> ManifestRecord {
    let manifest = try content.bytes.withUnsafeBytes { try Manifest(parsing: $0, contentType: mediaType) }
    return ManifestRecord(digest: digest, manifest: manifest, bytes: content.bytes)
  }

  /// An index of manifests.
  public static func index(_ children: [SampleManifest], note: String = "") -> SampleManifest {
    var object: JSONObject = [
      "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociIndex.text),
      "manifests": .array(children.map { $0.descriptor.json }),
    ]
    if !note.isEmpty { object.append("annotations", .object(["note": .string(note)])) }
    return SampleManifest(object, .ociIndex)
  }

  private init(_ object: JSONObject, _ mediaType: MediaType) {
    content = SampleBlob(Array(JSONValue.object(object).text.utf8))
    self.mediaType = mediaType
  }

  public var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: Int64(content.bytes.count))
  }
}

/// Bytes as a client sends them: in pieces, with other work between any two, and perhaps an end that is no end.
public struct Pieces: AsyncSequence, Sendable {
  /// The client went away.
  public struct Interrupted: Error { public init() {} }

  private let pieces: [ByteBuffer]
  private let isCutShort: Bool

  public init(_ bytes: some Swift.Collection<UInt8>, by size: Int = 16 * 1024, isCutShort: Bool = false) {
    let bytes = Array(bytes)
    pieces = stride(from: 0, to: bytes.count, by: size).map { start in
      ByteBuffer(bytes: bytes[start..<Swift.min(start + size, bytes.count)])
    }
    self.isCutShort = isCutShort
  }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate var rest: ArraySlice<ByteBuffer>
    fileprivate let isCutShort: Bool

    public mutating func next() async throws -> ByteBuffer? {
      await Task.yield()
      if let piece = rest.popFirst() { return piece }
      if isCutShort { throw Interrupted() }
      return nil
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(rest: pieces[...], isCutShort: isCutShort) }
}

extension Tag {
  /// A tag that stands in a test, and so is one.
  public static func sample(_ text: String) -> Tag {
    do { return try Tag(parsing: text) } catch { preconditionFailure(error.message) }
  }
}

extension RepositoryName {
  /// A name that stands in a test, and so is one.
  public static func sample(_ text: String) -> RepositoryName {
    do { return try RepositoryName(parsing: text) } catch { preconditionFailure(error.message) }
  }
}
