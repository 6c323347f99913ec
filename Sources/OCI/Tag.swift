/// A name that points to a manifest and may be moved, such as `latest`.
///
/// Source: distribution-spec, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
public struct Tag: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The longest tag in bytes, which the grammar sets.
  public static let lengthLimitBytes = 128

  public let text: String

  /// - Throws: kind `.tag`.
  @inlinable
  public init(parsing text: some StringProtocol) throws(ParseError) {
    self = try text.withUTF8Bytes { Tag.parse($0) }.get()
  }

  /// As ``init(parsing:)``, from UTF-8 bytes.
  @inlinable
  public init(parsingUTF8 bytes: UnsafeBufferPointer<UInt8>) throws(ParseError) {
    self = try Tag.parse(bytes).get()
  }

  init(valid text: String) { self.text = text }

  public var description: String { text }

  /// By bytes: the order in which tags are listed (distribution-spec, "Listing Tags").
  public static func < (left: Tag, right: Tag) -> Bool { left.text < right.text }
}

extension Tag {
  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<Tag, ParseError> {
    guard matches(bytes) else { return .failure(refusal(of: bytes)) }
    return .success(Tag(valid: String(decoding: bytes, as: UTF8.self)))
  }

  static func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = bytes.first, bytes.count <= lengthLimitBytes else { return false }
    guard first.isAlphanumeric || first == ASCII.underscore else { return false }
    for byte in bytes {
      guard byte.isAlphanumeric || byte == ASCII.underscore || byte == ASCII.dot || byte == ASCII.dash else {
        return false
      }
    }
    return true
  }

  @inline(never)
  static func refusal(of bytes: UnsafeBufferPointer<UInt8>) -> ParseError {
    ParseError(
      .tag,
      "\(quoted(bytes)) is not a tag: expected at most \(lengthLimitBytes) letters, digits, '_', '.' and '-', "
        + "the first of them a letter, a digit or '_'.")
  }
}
