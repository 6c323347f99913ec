/// The type of content, such as `application/vnd.oci.image.manifest.v1+json`: lower-case, without parameters.
///
/// Source: RFC 6838, section 4.2, restricted names; image-spec, media-types.md.
public struct MediaType: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The longest type and the longest subtype, in bytes.
  public static let partLimitBytes = 255

  public let text: String

  /// Reads `type/subtype`. Parameters after a semicolon are dropped, letters become lower-case.
  ///
  /// - Throws: kind `.mediaType`.
  @inlinable
  public init(parsing text: some StringProtocol) throws(ParseError) {
    self = try text.withUTF8Bytes { MediaType.parse($0) }.get()
  }

  private init(valid text: String) { self.text = text }

  public var description: String { text }

  /// By bytes.
  public static func < (left: MediaType, right: MediaType) -> Bool { left.text < right.text }
}

// MARK: - The types a registry knows

extension MediaType {
  public static let ociManifest = MediaType(valid: "application/vnd.oci.image.manifest.v1+json")
  public static let ociIndex = MediaType(valid: "application/vnd.oci.image.index.v1+json")
  public static let ociConfig = MediaType(valid: "application/vnd.oci.image.config.v1+json")
  public static let emptyJSON = MediaType(valid: "application/vnd.oci.empty.v1+json")
  public static let dockerManifest = MediaType(valid: "application/vnd.docker.distribution.manifest.v2+json")
  public static let dockerManifestList = MediaType(valid: "application/vnd.docker.distribution.manifest.list.v2+json")
  public static let dockerSchema1 = MediaType(valid: "application/vnd.docker.distribution.manifest.v1+json")
  public static let dockerSchema1Signed = MediaType(valid: "application/vnd.docker.distribution.manifest.v1+prettyjws")
  public static let dockerConfig = MediaType(valid: "application/vnd.docker.container.image.v1+json")
  public static let octetStream = MediaType(valid: "application/octet-stream")
  public static let json = MediaType(valid: "application/json")

  /// The types a manifest may be pushed under.
  public static let pushable: [MediaType] = [.ociManifest, .ociIndex, .dockerManifest, .dockerManifestList]

  /// A manifest of one image or artifact, of OCI or of Docker.
  public var isManifest: Bool { self == .ociManifest || self == .dockerManifest }

  /// A manifest of manifests: an OCI index or a Docker manifest list.
  public var isIndex: Bool { self == .ociIndex || self == .dockerManifestList }

  /// Docker's first format, which this registry does not accept.
  public var isSchema1: Bool { self == .dockerSchema1 || self == .dockerSchema1Signed }

  /// A layer that its maker does not allow to be distributed; clients do not push it.
  public var isNonDistributableLayer: Bool {
    text.hasPrefix("application/vnd.oci.image.layer.nondistributable.")
      || text == "application/vnd.docker.image.rootfs.foreign.diff.tar"
      || text.hasPrefix("application/vnd.docker.image.rootfs.foreign.diff.tar.")
  }
}

// MARK: - Parsing

extension MediaType {
  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<MediaType, ParseError> {
    let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
    let name = bytes.part(0..<end).trimmed()
    guard let slash = name.firstIndex(of: ASCII.slash),
      isRestrictedName(name.part(0..<slash)), isRestrictedName(name.part(slash + 1..<name.count))
    else {
      return .failure(
        ParseError(.mediaType, "\(quoted(bytes)) is not a media type: expected type/subtype as in RFC 6838."))
    }
    let lowered = String(unsafeUninitializedCapacity: name.count) { target in
      for index in 0..<name.count {
        let byte = name[index]
        target[index] = byte.isLetter ? byte | 0x20 : byte
      }
      return name.count
    }
    return .success(MediaType(valid: lowered))
  }

  /// A letter or digit, then letters, digits and `! # $ & - ^ _ . +`.
  private static func isRestrictedName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = bytes.first, first.isAlphanumeric, bytes.count <= partLimitBytes else { return false }
    for byte in bytes where !byte.isAlphanumeric {
      guard "!#$&-^_.+".utf8.contains(byte) else { return false }
    }
    return true
  }
}
