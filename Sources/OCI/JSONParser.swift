extension JSONValue {
  /// How many values one text may hold. A manifest of the largest size with a value every eight bytes stays below it;
  /// it keeps a text of nothing but commas from becoming a hundred megabytes of values.
  public static let valueLimit = 512 * 1024

  /// Reads one JSON text, strictly: valid UTF-8, no byte order mark, no lone surrogates, nothing after the value.
  ///
  /// Members with the same name are all kept; see ``JSONObject/duplicateKey``.
  ///
  /// - Parameters:
  ///   - depthLimit: how deep arrays and objects may stand in one another; at most 512 is honoured.
  ///   - valueLimit: how many values it may hold; more than ``valueLimit`` for documents that are known to be large.
  /// - Throws: kind `.json`, with the offset in bytes.
  /// - Cost: linear in the number of bytes.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, depthLimit: Int = JSONValue.defaultDepthLimit,
    valueLimit: Int = JSONValue.valueLimit
  ) throws(ParseError) -> JSONValue {
    // Each level is a call, and threads of the worker pool have small stacks.
    var parser = JSONParser(
      bytes.assumingMemoryBound(to: UInt8.self), depthLimit: min(depthLimit, 512), valueLimit: valueLimit)
    return try parser.document()
  }

  /// As ``parse(_:depthLimit:valueLimit:)``, for text at hand.
  public static func parse(
    _ text: some StringProtocol, depthLimit: Int = JSONValue.defaultDepthLimit
  ) throws(ParseError) -> JSONValue {
    try text.withUTF8Bytes { bytes -> Result<JSONValue, ParseError> in
      do throws(ParseError) {
        return .success(try parse(UnsafeRawBufferPointer(bytes), depthLimit: depthLimit))
      } catch {
        return .failure(error)
      }
    }.get()
  }
}

/// Reads JSON from bytes by recursive descent, no deeper than its limit.
private struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let depthLimit: Int
  private let valueLimit: Int
  private var position = 0
  private var depth = 0
  private var valueCount = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int, valueLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
    self.valueLimit = valueLimit
  }

  mutating func document() throws(ParseError) -> JSONValue {
    skipSpace()
    let result = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("nothing more was expected") }
    return result
  }

  private mutating func value() throws(ParseError) -> JSONValue {
    valueCount += 1
    guard valueCount <= valueLimit else { throw failure("more than \(valueLimit) values") }
    guard let byte = peek else { throw failure("a value was expected") }
    switch byte {
    case ASCII.quote: return .string(try string())
    case UInt8(ascii: "{"): return .object(try nested { (parser) throws(ParseError) in try parser.object() })
    case UInt8(ascii: "["): return .array(try nested { (parser) throws(ParseError) in try parser.array() })
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default:
      guard byte == ASCII.dash || byte.isDigit else { throw failure("a value was expected") }
      return try number()
    }
  }

  private mutating func nested<R>(_ body: (inout JSONParser) throws(ParseError) -> R) throws(ParseError) -> R {
    guard depth < depthLimit else {
      throw failure("arrays and objects stand more than \(depthLimit) deep in one another")
    }
    depth += 1
    position += 1
    skipSpace()
    let result = try body(&self)
    depth -= 1
    return result
  }

  private mutating func object() throws(ParseError) -> JSONObject {
    var members: [JSONObject.Member] = []
    if take(UInt8(ascii: "}")) { return JSONObject(members) }
    // Most objects have some, and growing from one to two to four costs more than what is left empty.
    members.reserveCapacity(4)
    while true {
      guard peek == ASCII.quote else { throw failure("the name of a member was expected") }
      let key = try string()
      skipSpace()
      guard take(ASCII.colon) else { throw failure("a colon was expected") }
      skipSpace()
      members.append(JSONObject.Member(key: key, value: try value()))
      skipSpace()
      if take(UInt8(ascii: "}")) { return JSONObject(members) }
      guard take(UInt8(ascii: ",")) else { throw failure("a comma or '}' was expected") }
      skipSpace()
    }
  }

  private mutating func array() throws(ParseError) -> [JSONValue] {
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: "]")) { return elements }
      guard take(UInt8(ascii: ",")) else { throw failure("a comma or ']' was expected") }
      skipSpace()
    }
  }

  private mutating func literal(_ name: StaticString, _ value: JSONValue) throws(ParseError) -> JSONValue {
    let end = position + name.utf8CodeUnitCount
    guard end <= bytes.count, bytes.part(position..<end).equals(name) else { throw failure("a value was expected") }
    position = end
    return value
  }

  // MARK: Numbers

  private mutating func number() throws(ParseError) -> JSONValue {
    let start = position
    _ = take(ASCII.dash)
    if !take(UInt8(ascii: "0")) { try digits() }
    var isWhole = true
    if take(ASCII.dot) {
      isWhole = false
      try digits()
    }
    if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      if !take(UInt8(ascii: "+")) { _ = take(ASCII.dash) }
      try digits()
    }
    let text = String(decoding: bytes.part(start..<position), as: UTF8.self)
    if isWhole, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw failure("a number is too large") }
    return .number(value)
  }

  private mutating func digits() throws(ParseError) {
    let start = position
    while let byte = peek, byte.isDigit { position += 1 }
    guard position > start else { throw failure("a digit was expected") }
  }

  // MARK: Strings

  private mutating func string() throws(ParseError) -> String {
    position += 1
    let start = position
    position = JSONText.plainEnd(of: UnsafeRawBufferPointer(bytes), from: start)
    guard position < bytes.count else { throw failure("a string does not end") }
    switch bytes[position] {
    case ASCII.quote:
      let text = try utf8(bytes.part(start..<position))
      position += 1
      return text
    case ASCII.backslash: return try escapedString(from: start)
    default: throw failure("a control character in a string must be escaped")
    }
  }

  /// Goes on with a string in which the first escape was met.
  private mutating func escapedString(from start: Int) throws(ParseError) -> String {
    var decoded = Array(bytes.part(start..<position))
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case ASCII.quote:
        return try decoded.withUnsafeBufferPointer { (decoded) throws(ParseError) in try utf8(decoded) }
      case ASCII.backslash: try escape(into: &decoded)
      default: throw failure("a control character in a string must be escaped")
      }
      let end = JSONText.plainEnd(of: UnsafeRawBufferPointer(bytes), from: position)
      decoded.append(contentsOf: bytes.part(position..<end))
      position = end
    }
    throw failure("a string does not end")
  }

  private mutating func escape(into decoded: inout [UInt8]) throws(ParseError) {
    guard let byte = peek else { throw failure("a string does not end") }
    position += 1
    switch byte {
    case ASCII.quote, ASCII.backslash, ASCII.slash: decoded.append(byte)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0c)
    case UInt8(ascii: "n"): decoded.append(0x0a)
    case UInt8(ascii: "r"): decoded.append(0x0d)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try unicodeEscape()
      decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw failure("an escape is not one of JSON")
    }
  }

  private mutating func unicodeEscape() throws(ParseError) -> Unicode.Scalar {
    var code = try fourHexDigits()
    if 0xd800..<0xdc00 ~= code {
      guard take(ASCII.backslash), take(UInt8(ascii: "u")) else { throw failure("half of a surrogate pair") }
      let low = try fourHexDigits()
      guard 0xdc00..<0xe000 ~= low else { throw failure("half of a surrogate pair") }
      code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
    return scalar
  }

  private mutating func fourHexDigits() throws(ParseError) -> UInt32 {
    guard bytes.count - position >= 4 else { throw failure("four hexadecimal digits were expected") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let value = hexValue(bytes[position]) else { throw failure("four hexadecimal digits were expected") }
      code = code << 4 | UInt32(value)
      position += 1
    }
    return code
  }

  private func utf8(_ part: UnsafeBufferPointer<UInt8>) throws(ParseError) -> String {
    guard let text = String(checking: part) else { throw failure("a string is not valid UTF-8") }
    return text
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  private func failure(_ reason: String) -> ParseError {
    ParseError(.json, "The JSON is not valid at byte \(position): \(reason).")
  }
}
