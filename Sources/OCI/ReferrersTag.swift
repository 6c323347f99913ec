/// The tag under which a client that does not use the referrers API keeps the list of what refers to a manifest.
///
/// Source: distribution-spec, "Referrers Tag Schema": the algorithm, a dash, and the hash as far as 64 characters go.
public struct ReferrersTag: Sendable, Hashable {
  /// How much of a hash such a tag holds: all of a sha256's, half of a sha512's.
  public static let hexLimit = 64

  /// What the digest of the subject begins with, such as `sha256:…`; for sha256 all of it.
  public let digestPrefix: String

  /// Nil for a tag of any other form.
  public init?(_ tag: Tag) {
    let text = tag.text
    guard text.utf8.count == Self.length, let dash = text.firstIndex(of: "-") else { return nil }
    let hex = text[text.index(after: dash)...]
    guard Digest.Algorithm(rawValue: String(text[..<dash])) != nil, hex.utf8.count == Self.hexLimit,
      hex.utf8.allSatisfy({ $0.isDigit || ($0.isLowerLetter && $0 <= UInt8(ascii: "f")) })
    else { return nil }
    digestPrefix = text[..<dash] + ":" + hex
  }

  /// The manifest to which a tag belongs by its name: a referrers tag, or what signers keep of an image,
  /// `sha256-<hex>.sig`, `.att`, `.sbom`. Nil for any other, and of sha512, whose hash no tag holds whole.
  ///
  /// Source: cosign's "Signature Spec", "Storage": a tag is made of the digest and a suffix.
  public static func subject(of tag: Tag) -> Digest? {
    let parts = tag.text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let list = (try? Tag(parsing: parts[0])).flatMap({ ReferrersTag($0) }), parts.last?.isEmpty == false else {
      return nil
    }
    return try? Digest(parsing: list.digestPrefix)
  }

  /// Of both algorithms, whose names are of one length.
  private static let length = 7 + hexLimit
}
