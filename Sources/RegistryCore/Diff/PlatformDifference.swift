public import OCI

/// What two indexes hold for which platforms.
public struct PlatformDifference: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    /// `linux/arm64/v8`; nil for what is for no platform, such as a build's attestations.
    public let platform: String?
    public let digest: Digest
    public let mediaType: MediaType
  }

  /// A platform that both have, with other content.
  public struct Pair: Sendable, Equatable {
    public let platform: String
    public let from: Descriptor
    public let to: Descriptor
  }

  /// What came of comparing such a pair.
  public enum Outcome: Sendable, Equatable {
    case compared(ImageDifference)
    /// Why it could not be, in words.
    case failed(String)
  }

  public struct Change: Sendable, Equatable {
    public let platform: String
    public let from: Digest
    public let to: Digest
    public let outcome: Outcome

    public init(_ pair: Pair, _ outcome: Outcome) {
      platform = pair.platform
      from = pair.from.digest
      to = pair.to.digest
      self.outcome = outcome
    }
  }

  public let added: [Entry]
  public let removed: [Entry]
  public let same: [Entry]
  public let pairs: [Pair]
  public var changed: [Change] = []

  /// Which entries belong together; ``pairs`` are to be compared. Of several for one platform the first counts, as for
  /// clients, and the others are compared by their digests, as are those for no platform.
  public init(from: Manifest, to: Manifest) {
    let (old, oldRest) = Self.byPlatform(from.manifests)
    let (new, newRest) = Self.byPlatform(to.manifests)
    let oldDigests = Set(oldRest.map(\.digest))
    let newDigests = Set(newRest.map(\.digest))
    func entries(_ part: [String: Descriptor]) -> [Entry] {
      part.sorted { $0.key < $1.key }.map {
        Entry(platform: $0.key, digest: $0.value.digest, mediaType: $0.value.mediaType)
      }
    }
    func rest(_ part: [Descriptor]) -> [Entry] {
      part.map { Entry(platform: nil, digest: $0.digest, mediaType: $0.mediaType) }
    }
    added = entries(new.filter { old[$0.key] == nil }) + rest(newRest.filter { !oldDigests.contains($0.digest) })
    removed = entries(old.filter { new[$0.key] == nil }) + rest(oldRest.filter { !newDigests.contains($0.digest) })
    same =
      entries(new.filter { old[$0.key]?.digest == $0.value.digest })
      + rest(newRest.filter { oldDigests.contains($0.digest) })
    pairs = new.sorted { $0.key < $1.key }.compactMap { platform, entry in
      guard let before = old[platform], before.digest != entry.digest else { return nil }
      return Pair(platform: platform, from: before, to: entry)
    }
  }

  private static func byPlatform(_ entries: [Descriptor]) -> ([String: Descriptor], [Descriptor]) {
    var found: [String: Descriptor] = [:]
    var rest: [Descriptor] = []
    for entry in entries {
      if let text = entry.platform?.comparedText, found[text] == nil { found[text] = entry } else { rest.append(entry) }
    }
    return (found, rest)
  }
}

extension Platform {
  /// `linux/arm64/v8`, `windows/amd64@10.0.20348.2322`. Nil for what runs nowhere: `unknown/unknown`.
  var comparedText: String? {
    guard os != "unknown" else { return nil }
    return "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") + (osVersion.map { "@\($0)" } ?? "")
  }
}
