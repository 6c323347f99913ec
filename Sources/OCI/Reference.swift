/// What a client names a manifest by: a tag or a digest.
///
/// Source: distribution-spec, "Pulling manifests": `<reference>` MUST be either a digest or a tag.
public enum Reference: Sendable, Hashable, CustomStringConvertible {
  case tag(Tag)
  case digest(Digest)

  /// A colon makes it a digest, for no tag can contain one.
  ///
  /// - Throws: the errors of ``Digest`` or of ``Tag``.
  @inlinable
  public init(parsing text: some StringProtocol) throws(ParseError) {
    self = try text.withUTF8Bytes { Reference.parse($0) }.get()
  }

  /// As ``init(parsing:)``, from UTF-8 bytes.
  @inlinable
  public init(parsingUTF8 bytes: UnsafeBufferPointer<UInt8>) throws(ParseError) {
    self = try Reference.parse(bytes).get()
  }

  public var description: String {
    switch self {
    case .tag(let tag): tag.text
    case .digest(let digest): digest.description
    }
  }

  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<Reference, ParseError> {
    if bytes.isEmpty {
      return .failure(ParseError(.reference, "The reference is missing: expected a tag or a digest."))
    }
    // The algorithm names stand at the front, so a digest shows its colon early; a tag is short.
    if bytes.contains(ASCII.colon) { return Digest.parse(bytes).map(Reference.digest) }
    return Tag.parse(bytes).map(Reference.tag)
  }
}
