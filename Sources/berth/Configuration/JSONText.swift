/// A JSON document with members in the order given, so that its text is always the same.
enum JSONText: Sendable {
  case null
  case boolean(Bool)
  case integer(Int)
  /// A number by its text, which must be valid JSON.
  case number(String)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  /// The document over several lines, indented by two spaces.
  func text(indent: Int = 0) -> String {
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let text): return text
    case .string(let value): return Self.quote(value)
    case .array(let values) where values.allSatisfy(\.isScalar):
      return "[" + values.map { $0.text() }.joined(separator: ", ") + "]"
    case .array(let values):
      return "[\n" + values.map { inner + $0.text(indent: indent + 2) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members) where members.isEmpty: return "{}"
    case .object(let members):
      let lines = members.map { "\(inner)\(Self.quote($0)): \($1.text(indent: indent + 2))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    case .null, .boolean, .integer, .number, .string: true
    }
  }

  private static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
