/// Percent-encoding of a value in a query, a form or a path: the inverse of what ``Query`` reads.
///
/// Everything but the unreserved characters is escaped.
///
/// Source: RFC 3986, section 2.3.
public enum PercentCoding {
  public static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    let bytes = text.utf8.flatMap { byte -> [UInt8] in
      let isPlain =
        byte.isAlphanumeric || byte == ASCII.dash || byte == ASCII.dot || byte == ASCII.underscore
        || byte == UInt8(ascii: "~")
      return isPlain ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text without its escapes; nil when one is broken, or the bytes are no UTF-8.
  public static func decoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue) else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
