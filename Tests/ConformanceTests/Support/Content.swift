import CLibCrypto
import Testing

/// Digest algorithms that every registry of ours stores.
enum Algorithm: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case sha256, sha512

  var testDescription: String { rawValue }

  func digest(of bytes: [UInt8]) -> String {
    var result: [UInt8]
    switch self {
    case .sha256:
      result = [UInt8](repeating: 0, count: 32)
      SHA256(bytes, bytes.count, &result)
    case .sha512:
      result = [UInt8](repeating: 0, count: 64)
      SHA512(bytes, bytes.count, &result)
    }
    let digits = Array("0123456789abcdef")
    let hex = result.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return rawValue + ":" + String(hex)
  }
}

/// Bytes with their digest: a blob, or a manifest.
struct Content: Sendable {
  let bytes: [UInt8]
  let digest: String
  var mediaType: String

  init(_ bytes: [UInt8], _ algorithm: Algorithm = .sha256, mediaType: String = MediaType.layer) {
    self.bytes = bytes
    digest = algorithm.digest(of: bytes)
    self.mediaType = mediaType
  }

  init(text: String, _ algorithm: Algorithm = .sha256, mediaType: String = MediaType.layer) {
    self.init(Array(text.utf8), algorithm, mediaType: mediaType)
  }

  /// Bytes that no other test has, the same in every run of the same order.
  static func unique(
    size: Int = 600, _ algorithm: Algorithm = .sha256, mediaType: String = MediaType.layer
  ) -> Content {
    var state = UInt64(Unique.number()) &* 0x9E37_79B9_7F4A_7C15
    let bytes = (0..<size).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
    return Content(bytes, algorithm, mediaType: mediaType)
  }

  /// The descriptor of this content as JSON; `extra` is appended inside the object.
  ///
  /// - Parameter size: another one than the content has.
  func descriptor(_ extra: String = "", size: Int? = nil) -> String {
    let tail = extra.isEmpty ? "" : ",\(extra)"
    return #"{"mediaType":"\#(mediaType)","digest":"\#(digest)","size":\#(size ?? bytes.count)\#(tail)}"#
  }
}

enum MediaType {
  static let layer = "application/vnd.oci.image.layer.v1.tar"
  static let config = "application/vnd.oci.image.config.v1+json"
  static let image = "application/vnd.oci.image.manifest.v1+json"
  static let index = "application/vnd.oci.image.index.v1+json"
  static let emptyJSON = "application/vnd.oci.empty.v1+json"
  static let dockerImage = "application/vnd.docker.distribution.manifest.v2+json"
  static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let dockerConfig = "application/vnd.docker.container.image.v1+json"
  static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
  static let foreignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
  static let nonDistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
  static let dockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json"
  static let dockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
}

extension Content {
  static let emptyJSON = Content(text: "{}", mediaType: MediaType.emptyJSON)

  static func uniqueConfig(_ algorithm: Algorithm = .sha256) -> Content {
    let text = """
      {"architecture":"amd64","os":"linux","author":"\(Unique.number())","rootfs":{"type":"layers","diff_ids":[]}}
      """
    return Content(text: text, algorithm, mediaType: MediaType.config)
  }

  /// An image manifest.
  ///
  /// - Parameter extra: further members, as JSON text without the comma before them.
  static func image(
    config: Content, layers: [Content], mediaType: String = MediaType.image, extra: String = "",
    _ algorithm: Algorithm = .sha256
  ) -> Content {
    let list = layers.map { $0.descriptor() }.joined(separator: ",")
    let tail = extra.isEmpty ? "" : ",\(extra)"
    let text = """
      {"schemaVersion":2,"mediaType":"\(mediaType)","config":\(config.descriptor()),"layers":[\(list)]\(tail)}
      """
    return Content(text: text, algorithm, mediaType: mediaType)
  }

  /// An index of manifests.
  static func index(
    _ children: [Content], mediaType: String = MediaType.index, extra: String = "", _ algorithm: Algorithm = .sha256
  ) -> Content {
    let list = children.map { $0.descriptor() }.joined(separator: ",")
    let tail = extra.isEmpty ? "" : ",\(extra)"
    return Content(
      text: #"{"schemaVersion":2,"mediaType":"\#(mediaType)","manifests":[\#(list)]\#(tail)}"#, algorithm,
      mediaType: mediaType)
  }

  /// A `subject` member that points to this manifest.
  var asSubject: String { #""subject":\#(descriptor())"# }
}
