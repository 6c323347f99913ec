/// A run of bytes of a blob, both ends included, as HTTP counts.
public struct ByteRange: Sendable, Hashable {
  public let first: Int64
  public let last: Int64

  /// - Precondition: `0 <= first <= last < Int64.max`.
  public init(first: Int64, last: Int64) {
    precondition(first >= 0 && first <= last && last < .max, "a byte range is not empty and not negative")
    self.first = first
    self.last = last
  }

  /// How many bytes it has; never zero.
  public var count: Int64 { last - first + 1 }
}

/// What a client asks for in a `Range` header, before the size of the content is known.
///
/// Source: RFC 9110, section 14.1.2.
public enum RangeRequest: Sendable, Hashable {
  /// From the byte at `first`, to the end or to the byte at `last`.
  case from(first: Int64, last: Int64?)
  /// The last so many bytes.
  case suffix(Int64)

  /// Reads one range of bytes. A range that ends before it begins is one that ``resolve(size:)`` cannot satisfy.
  /// Nil for anything else (a syntax error, another unit, several ranges): such a header is
  /// ignored and the whole content is answered, which RFC 9110, section 14.2 allows.
  ///
  /// Positions past `Int64.max` are read as `Int64.max`: no content is as large.
  public static func parse(header: some StringProtocol) -> RangeRequest? { header.withUTF8Bytes { parse($0) } }

  /// The bytes that exist of what is asked for. Nil: nothing of it exists, to be answered with 416.
  ///
  /// A suffix of empty content is nil too: `Content-Range` has no form for a range without bytes.
  public func resolve(size: Int64) -> ByteRange? {
    guard size > 0 else { return nil }
    switch self {
    case .from(let first, let last):
      guard first >= 0, first < size, last.map({ $0 >= first }) ?? true else { return nil }
      return ByteRange(first: first, last: min(last ?? size - 1, size - 1))
    case .suffix(let count):
      guard count > 0 else { return nil }
      return ByteRange(first: max(0, size - count), last: size - 1)
    }
  }

  private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> RangeRequest? {
    let header = bytes.trimmed()
    guard let equals = header.firstIndex(of: UInt8(ascii: "=")), isBytesUnit(header.part(0..<equals)) else {
      return nil
    }
    let spec = header.part(equals + 1..<header.count).trimmed()
    guard let dash = spec.firstIndex(of: ASCII.dash) else { return nil }
    let left = spec.part(0..<dash)
    let right = spec.part(dash + 1..<spec.count)
    if left.isEmpty { return right.saturatingDecimal().map(RangeRequest.suffix) }
    guard let first = left.saturatingDecimal() else { return nil }
    if right.isEmpty { return .from(first: first, last: nil) }
    guard let last = right.saturatingDecimal() else { return nil }
    return .from(first: first, last: last)
  }
}

/// Where the chunk of an upload belongs.
///
/// Source: distribution-spec, "Pushing a blob in chunks": `<start>-<end>`, both included. The forms of RFC 9110 that
/// clients send instead, `bytes 0-1023/*` and `bytes=0-1023`, are read as well.
public struct ContentRange: Sendable, Hashable {
  public let first: Int64
  public let last: Int64

  /// How many bytes the chunk must have.
  public var count: Int64 { last - first + 1 }

  /// - Throws: kind `.range`.
  public init(parsing text: some StringProtocol) throws(ParseError) {
    guard let range = text.withUTF8Bytes({ Self.parse($0) }) else {
      throw ParseError(
        .range,
        "\(quoted(text)) is not a content range: expected the positions of the first and the last byte, such as 0-1023."
      )
    }
    first = range.first
    last = range.last
  }

  private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> ByteRange? {
    var rest = bytes.trimmed()
    if rest.count > 6, isBytesUnit(rest.part(0..<5)), rest[5] == ASCII.space || rest[5] == UInt8(ascii: "=") {
      rest = rest.part(6..<rest.count)
    }
    var total: Int64 = .max
    if let slash = rest.firstIndex(of: ASCII.slash) {
      let length = rest.part(slash + 1..<rest.count)
      if !length.equals("*") {
        guard let stated = length.saturatingDecimal() else { return nil }
        total = stated
      }
      rest = rest.part(0..<slash)
    }
    guard let dash = rest.firstIndex(of: ASCII.dash),
      let first = rest.part(0..<dash).saturatingDecimal(),
      let last = rest.part(dash + 1..<rest.count).saturatingDecimal(),
      first <= last, last < total
    else { return nil }
    return ByteRange(first: first, last: last)
  }
}

/// Whether this is the unit `bytes`; names of units have no case (RFC 9110, section 14.1).
private func isBytesUnit(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
  guard bytes.count == 5 else { return false }
  let name: StaticString = "bytes"
  for index in 0..<5 where bytes[index] | 0x20 != name.utf8Start[index] { return false }
  return true
}
