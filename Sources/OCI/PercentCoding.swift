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
}
