extension JSONValue {
  /// Appends this value as JSON without white space.
  ///
  /// A number that JSON cannot express (infinity, not-a-number) is written as `null`.
  public func write(into output: inout [UInt8]) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: value ? "true".utf8 : "false".utf8)
    case .integer(let value): output.append(contentsOf: String(value).utf8)
    case .number(let value): output.append(contentsOf: value.isFinite ? "\(value)".utf8 : "null".utf8)
    case .string(let value): Self.write(value, into: &output)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      for index in elements.indices {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        elements[index].write(into: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      for index in object.members.indices {
        if index > 0 { output.append(UInt8(ascii: ",")) }
        Self.write(object.members[index].key, into: &output)
        output.append(UInt8(ascii: ":"))
        object.members[index].value.write(into: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }

  /// This value as JSON without white space.
  public var bytes: [UInt8] {
    var output: [UInt8] = []
    write(into: &output)
    return output
  }

  /// As ``bytes``, as a string.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Appends `text` as a JSON string, quotation marks included.
  static func write(_ text: String, into output: inout [UInt8]) {
    output.append(ASCII.quote)
    text.withUTF8Bytes { bytes in
      var plain = 0
      while true {
        let end = JSONText.plainEnd(of: UnsafeRawBufferPointer(bytes), from: plain)
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plain..<end]))
        guard end < bytes.count else { break }
        escape(bytes[end], into: &output)
        plain = end + 1
      }
    }
    output.append(ASCII.quote)
  }

  private static func escape(_ byte: UInt8, into output: inout [UInt8]) {
    output.append(ASCII.backslash)
    switch byte {
    case ASCII.quote, ASCII.backslash: output.append(byte)
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x0a: output.append(UInt8(ascii: "n"))
    case 0x0c: output.append(UInt8(ascii: "f"))
    case 0x0d: output.append(UInt8(ascii: "r"))
    default:
      output.append(contentsOf: byte < 0x10 ? "u000".utf8 : "u001".utf8)
      let low = byte & 0x0f
      output.append(low < 10 ? low + 0x30 : low + 0x57)
    }
  }
}
