/// The bytes that the grammars of the specification are made of: all ASCII, so parsing works on UTF-8 bytes.
enum ASCII {
  static let tab = UInt8(ascii: "\t")
  static let space = UInt8(ascii: " ")
  static let slash = UInt8(ascii: "/")
  static let colon = UInt8(ascii: ":")
  static let dot = UInt8(ascii: ".")
  static let dash = UInt8(ascii: "-")
  static let underscore = UInt8(ascii: "_")
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
}

extension UInt8 {
  /// 0-9
  @inline(__always) var isDigit: Bool { self &- 0x30 < 10 }
  /// a-z
  @inline(__always) var isLowerLetter: Bool { self &- 0x61 < 26 }
  /// A-Z, a-z; bit 5 is the only difference between the cases of an ASCII letter.
  @inline(__always) var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
  /// a-z, 0-9
  @inline(__always) var isLowerAlphanumeric: Bool { isLowerLetter || isDigit }
  /// A-Z, a-z, 0-9
  @inline(__always) var isAlphanumeric: Bool { isLetter || isDigit }
}

extension StringProtocol {
  /// Calls `body` with the UTF-8 bytes of this text; without a copy for every string that Swift itself made.
  @inlinable
  func withUTF8Bytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
    var copy = String(self)
    return copy.withUTF8(body)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Part of these bytes, as a buffer that starts at zero.
  @inline(__always)
  func part(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: self[range]) }

  /// Whether these bytes are exactly the ASCII text `literal`.
  @inline(__always)
  func equals(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    let other = literal.utf8Start
    for index in 0..<count where self[index] != other[index] { return false }
    return true
  }

  /// Where the last `byte` before `end` is.
  @inline(__always)
  func last(_ byte: UInt8, before end: Int) -> Int? {
    var index = end
    while index > 0 {
      index -= 1
      if self[index] == byte { return index }
    }
    return nil
  }

  /// These bytes without spaces and tabs at either end (RFC 9110, OWS).
  func trimmed() -> UnsafeBufferPointer<UInt8> {
    var start = 0
    var end = count
    while start < end, self[start] == ASCII.space || self[start] == ASCII.tab { start += 1 }
    while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab { end -= 1 }
    return part(start..<end)
  }

  /// A number of decimal digits only. Nil when there is none or another byte. Values past `Int64.max` become that.
  func saturatingDecimal() -> Int64? {
    guard count > 0 else { return nil }
    var value: Int64 = 0
    var overflow = false
    for byte in self {
      guard byte.isDigit else { return nil }
      let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(Int64(byte &- 0x30))
      overflow = overflow || overflowed || carried
      value = sum
    }
    return overflow ? .max : value
  }
}
