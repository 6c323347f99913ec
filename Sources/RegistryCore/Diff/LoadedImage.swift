public import OCI

/// An image, an artifact or an index with what a comparison looks at.
public struct LoadedImage: Sendable {
  public enum Configuration: Sendable {
    case image(ImageConfiguration)
    /// An artifact or an index: there is no image configuration.
    case none
    /// There is one, and it cannot be read: why, in words.
    case missing(String)
  }

  public let name: ImageReference
  public let digest: Digest
  public let manifest: Manifest
  public let configuration: Configuration

  public init(_ name: ImageReference, _ digest: Digest, _ manifest: Manifest, _ configuration: Configuration) {
    self.name = name
    self.digest = digest
    self.manifest = manifest
    self.configuration = configuration
  }

  /// What it runs on, when its configuration says so.
  public var platform: String? {
    if case .image(let configuration) = configuration { configuration.platform } else { nil }
  }

  /// Its configuration and its layers, each once.
  public var sizeBytes: Int64 {
    var seen = Set<Digest>()
    return ((manifest.config.map { [$0] } ?? []) + manifest.layers).reduce(0) { sum, part in
      guard seen.insert(part.digest).inserted else { return sum }
      let (total, isTooMuch) = sum.addingReportingOverflow(part.size)
      return isTooMuch ? .max : total
    }
  }
}
