/// An element of a document that an object store has answered.
struct S3XML {
  let name: String
  fileprivate(set) var text = ""
  fileprivate(set) var children: [S3XML] = []

  /// The text of the first child of this name.
  subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

  func all(_ name: String) -> [S3XML] { children.filter { $0.name == name } }

  /// An element of this name, at any depth, the first that begins.
  func find(_ name: String) -> S3XML? {
    if self.name == name { return self }
    for child in children { if let found = child.find(name) { return found } }
    return nil
  }

  /// Reads what object stores write: elements, text, the five entities, references to characters. Attributes, comments and
  /// declarations are passed over; document types are refused.
  ///
  /// - Returns: nil for anything that is not well formed, deeper than 32 elements, or longer than 16 MiB.
  static func parse(_ bytes: [UInt8]) -> S3XML? {
    guard bytes.count <= 16 << 20 else { return nil }
    var parser = Parser(bytes: bytes)
    return parser.document()
  }

  private struct Parser {
    let bytes: [UInt8]
    var position = 0

    mutating func document() -> S3XML? {
      var open: [S3XML] = []
      while position < bytes.count {
        guard bytes[position] == UInt8(ascii: "<") else {
          guard let text = text() else { return nil }
          if open.isEmpty {
            guard text.allSatisfy(\.isWhitespace) else { return nil }
          } else {
            open[open.count - 1].text += text
          }
          continue
        }
        guard let tag = tag() else { return nil }
        switch tag {
        case .passedOver: continue
        case .open(let name, let isEmpty):
          guard open.count < 32 else { return nil }
          open.append(S3XML(name: name))
          if !isEmpty { continue }
        case .close(let name): guard open.last?.name == name else { return nil }
        }
        let done = open.removeLast()
        if open.isEmpty { return done }
        open[open.count - 1].children.append(done)
      }
      return nil
    }

    private enum Mark { case passedOver, open(String, isEmpty: Bool), close(String) }

    private mutating func tag() -> Mark? {
      if take("<?") { return skip(to: "?>") ? .passedOver : nil }
      if take("<!--") { return skip(to: "-->") ? .passedOver : nil }
      if take("<!") { return nil }
      if take("</") {
        guard let name = name(), skip(to: ">") else { return nil }
        return .close(name)
      }
      guard take("<"), let name = name() else { return nil }
      let start = position
      guard skip(to: ">") else { return nil }
      return .open(name, isEmpty: position - 2 >= start && bytes[position - 2] == UInt8(ascii: "/"))
    }

    private mutating func take(_ mark: String) -> Bool {
      guard bytes[position...].starts(with: mark.utf8) else { return false }
      position += mark.utf8.count
      return true
    }

    private mutating func skip(to mark: String) -> Bool {
      while position < bytes.count {
        if take(mark) { return true }
        position += 1
      }
      return false
    }

    /// The local part of a name.
    private mutating func name() -> String? {
      let start = position
      while position < bytes.count, !" \t\r\n/>".utf8.contains(bytes[position]) { position += 1 }
      let name = String(decoding: bytes[start..<position], as: UTF8.self)
      return name.isEmpty ? nil : name.split(separator: ":").last.map(String.init)
    }

    private mutating func text() -> String? {
      var text: [UInt8] = []
      while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
        guard bytes[position] == UInt8(ascii: "&") else {
          text.append(bytes[position])
          position += 1
          continue
        }
        guard let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let entity = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
        guard let character = Self.character(entity) else { return nil }
        text += String(character).utf8
        position = end + 1
      }
      return String(validating: text, as: UTF8.self)
    }

    private static func character(_ entity: String) -> Character? {
      switch entity {
      case "lt": return "<"
      case "gt": return ">"
      case "amp": return "&"
      case "quot": return "\""
      case "apos": return "'"
      default:
        let isHexadecimal = entity.hasPrefix("#x")
        guard entity.hasPrefix("#"),
          let code = UInt32(entity.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10)
        else { return nil }
        return Unicode.Scalar(code).map { Character($0) }
      }
    }
  }
}
