/// A pointer from a manifest to content: what it is, its digest and its size.
///
/// Source: image-spec, descriptor.md.
public struct Descriptor: Sendable, Hashable {
  /// The largest size that every JSON reader understands exactly: 2^53 - 1 bytes.
  public static let sizeLimitBytes: Int64 = (1 << 53) - 1

  public var mediaType: MediaType
  public var digest: Digest
  /// In bytes, from 0 to ``sizeLimitBytes``.
  public var size: Int64
  public var urls: [String]
  public var annotations: Annotations
  public var artifactType: MediaType?
  public var platform: Platform?
  /// Whether the content itself stands in the descriptor too. A registry has no use for it.
  public var hasData: Bool

  public init(
    mediaType: MediaType, digest: Digest, size: Int64, urls: [String] = [], annotations: Annotations = [:],
    artifactType: MediaType? = nil, platform: Platform? = nil, hasData: Bool = false
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.urls = urls
    self.annotations = annotations
    self.artifactType = artifactType
    self.platform = platform
    self.hasData = hasData
  }

  /// As a JSON object, without `data`; members that are empty are left out.
  public var json: JSONValue {
    var object: JSONObject = [
      "mediaType": .string(mediaType.text), "digest": .string(digest.description), "size": .integer(size),
    ]
    if !urls.isEmpty { object.append("urls", .array(urls.map(JSONValue.string))) }
    if !annotations.isEmpty { object.append("annotations", annotations.json) }
    if let artifactType { object.append("artifactType", .string(artifactType.text)) }
    if let platform { object.append("platform", platform.json) }
    return .object(object)
  }
}

/// What an image of an index runs on.
///
/// Source: image-spec, image-index.md, "platform".
public struct Platform: Sendable, Hashable {
  public var architecture: String
  public var os: String
  public var osVersion: String?
  public var osFeatures: [String]
  public var variant: String?

  public init(
    architecture: String, os: String, osVersion: String? = nil, osFeatures: [String] = [], variant: String? = nil
  ) {
    self.architecture = architecture
    self.os = os
    self.osVersion = osVersion
    self.osFeatures = osFeatures
    self.variant = variant
  }

  /// As a JSON object; members that are empty are left out.
  public var json: JSONValue {
    var object: JSONObject = ["architecture": .string(architecture), "os": .string(os)]
    if let osVersion { object.append("os.version", .string(osVersion)) }
    if !osFeatures.isEmpty { object.append("os.features", .array(osFeatures.map(JSONValue.string))) }
    if let variant { object.append("variant", .string(variant)) }
    return .object(object)
  }
}
