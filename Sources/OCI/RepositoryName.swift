/// The name of a repository, such as `library/alpine`.
///
/// Names are compared byte by byte; the grammar has no two spellings of one name.
///
/// Source: distribution-spec, "Pulling manifests":
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
public struct RepositoryName: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The longest name in bytes. The specification warns that clients limit host and name together to 255 bytes.
  public static let lengthLimitBytes = 255

  public let text: String

  /// - Throws: kind `.repositoryName`.
  @inlinable
  public init(parsing text: some StringProtocol) throws(ParseError) {
    self = try text.withUTF8Bytes { RepositoryName.parse($0) }.get()
  }

  /// As ``init(parsing:)``, from UTF-8 bytes.
  @inlinable
  public init(parsingUTF8 bytes: UnsafeBufferPointer<UInt8>) throws(ParseError) {
    self = try RepositoryName.parse(bytes).get()
  }

  private init(valid text: String) { self.text = text }

  /// The first component of the name, which is all of it when there is no slash.
  public var namespace: String {
    let bytes = text.utf8
    return bytes.firstIndex(of: ASCII.slash).map { String(text[..<$0]) } ?? text
  }

  public var description: String { text }

  /// By bytes.
  public static func < (left: RepositoryName, right: RepositoryName) -> Bool { left.text < right.text }
}

extension RepositoryName {
  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<RepositoryName, ParseError> {
    guard bytes.count <= lengthLimitBytes, matches(bytes) else { return .failure(refusal(of: bytes)) }
    return .success(RepositoryName(valid: String(decoding: bytes, as: UTF8.self)))
  }

  private static func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var index = 0
    let end = bytes.count
    while true {
      // A run of letters and digits begins the name and follows every separator and every slash.
      let start = index
      while index < end, bytes[index].isLowerAlphanumeric { index += 1 }
      guard index > start else { return false }
      if index == end { return true }
      switch bytes[index] {
      case ASCII.slash, ASCII.dot:
        index += 1
      case ASCII.underscore:
        index += 1
        if index < end, bytes[index] == ASCII.underscore { index += 1 }
      case ASCII.dash:
        while index < end, bytes[index] == ASCII.dash { index += 1 }
      default:
        return false
      }
    }
  }

  @inline(never)
  private static func refusal(of bytes: UnsafeBufferPointer<UInt8>) -> ParseError {
    if bytes.isEmpty { return ParseError(.repositoryName, "The repository name is missing.") }
    if bytes.count > lengthLimitBytes {
      return ParseError(
        .repositoryName, "The repository name \(quoted(bytes)) is longer than \(lengthLimitBytes) bytes.")
    }
    return ParseError(
      .repositoryName,
      "\(quoted(bytes)) is not a repository name: expected components of lower-case letters and digits, separated by "
        + "slashes, in which '.', '_', '__' or dashes stand only between letters and digits.")
  }
}
