/// How the values of a setting are read, shown and described. Types are values, put together by the functions below.
struct SettingType<Value: Sendable & Equatable>: Sendable {
  let summary: String
  let schema: JSONText
  let parse: @Sendable (RawValue) throws(ValueProblems) -> Value
  let render: @Sendable (Value) -> RenderedValue
}

extension SettingType {
  /// A type whose values are written as one word or text.
  static func scalar(
    summary: String, schema: JSONText, parse: @escaping @Sendable (String) throws(ValueProblem) -> Value,
    render: @escaping @Sendable (Value) -> RenderedValue
  ) -> SettingType {
    SettingType(
      summary: summary, schema: schema,
      parse: { (raw) throws(ValueProblems) in
        switch raw {
        case .null: throw ValueProblems("has no value; give one or remove the key")
        case .list: throw ValueProblems("takes one value, not a list")
        case .text(let text):
          do throws(ValueProblem) { return try parse(text) } catch { throw ValueProblems(error) }
        }
      }, render: render)
  }

  /// One of the cases of an enumeration.
  static func choice() -> SettingType where Value: CaseIterable & RawRepresentable<String> {
    let words = Value.allCases.map(\.rawValue)
    // A version such as 1.2 is a number to an editor, although we read it as text.
    let literals = words.flatMap { word in
      [JSONText.string(word)] + (word.allSatisfy { $0.isNumber || $0 == "." } ? [.number(word)] : [])
    }
    return scalar(
      summary: "one of " + words.map { "`\($0)`" }.joined(separator: ", "),
      schema: .object([("enum", .array(literals))])
    ) { (text) throws(ValueProblem) in
      if let value = Value(rawValue: text) { return value }
      let hint = nearest(to: text, among: words).map { "; did you mean \"\($0)\"?" } ?? ""
      throw ValueProblem("\(quoted(text)) is not one of \(words.joined(separator: ", "))\(hint)")
    } render: {
      .text($0.rawValue)
    }
  }

  /// A type whose value may be absent: the key has no value, or `null`.
  static func optional<Wrapped>(_ type: SettingType<Wrapped>) -> SettingType where Value == Wrapped? {
    SettingType(
      summary: "\(type.summary); may be absent",
      schema: .object([("anyOf", .array([type.schema, .object([("type", .string("null"))])]))]),
      parse: { (raw) throws(ValueProblems) in raw == .null ? nil : try type.parse(raw) },
      render: { $0.map(type.render) ?? .null })
  }

  /// A limit that can be lifted by `none` or 0.
  static func limit(_ type: SettingType<Int>) -> SettingType where Value == Int? { either("none", type) }

  /// A number that is chosen by the program for `auto` or 0.
  static func automatic(_ type: SettingType<Int>) -> SettingType where Value == Int? { either("auto", type) }

  private static func either(_ word: String, _ type: SettingType<Int>) -> SettingType where Value == Int? {
    SettingType(
      summary: "\(type.summary), or `\(word)` (also 0)",
      schema: .object([("anyOf", .array([type.schema, .object([("enum", .array([.string(word), .integer(0)]))])]))]),
      parse: { (raw) throws(ValueProblems) in
        raw == .text(word) || raw == .text("0") ? nil : try type.parse(raw)
      },
      render: { $0.map(type.render) ?? .text(word) })
  }

  /// A list: a sequence in the file, words between commas in an environment variable. A single word is a list of one,
  /// and `none` an empty one where that is allowed.
  static func list<Element>(of type: SettingType<Element>, atLeast minimum: Int = 0) -> SettingType
  where Value == [Element] {
    SettingType(
      summary: "list of \(type.summary)"
        + (minimum == 0 ? "; may be empty (`[]`, or `none`)" : "; at least \(minimum)"),
      schema: .object([
        ("type", .array([.string("array"), .string("string")])), ("items", type.schema),
        ("minItems", .integer(minimum)), ("maxItems", .integer(listLimit)),
      ]),
      parse: { (raw) throws(ValueProblems) in
        let texts = try listElements(raw, minimum: minimum)
        var values: [Element] = []
        var problems: [ValueProblem] = []
        for (position, text) in texts.enumerated() {
          do throws(ValueProblems) {
            let value = try type.parse(.text(text))
            if values.contains(value) {
              problems.append(ValueProblem("\(quoted(text)) appears twice", element: position))
            }
            values.append(value)
          } catch {
            problems += error.problems.map { ValueProblem($0.message, element: position) }
          }
        }
        guard problems.isEmpty else { throw ValueProblems(problems) }
        return values
      },
      render: { values in
        .list(
          values.map { value in
            guard case .text(let text) = type.render(value) else { preconditionFailure("list elements are text") }
            return text
          })
      })
  }
}

/// The most elements a list may have, which bounds the search for doubles. More addresses or networks than this point
/// to a mistake.
private let listLimit = 256

private func listElements(_ raw: RawValue, minimum: Int) throws(ValueProblems) -> [String] {
  var texts: [String]
  switch raw {
  case .null: throw ValueProblems("has no value; give one" + (minimum == 0 ? " or write []" : " or remove the key"))
  case .list(let list): texts = list
  case .text("none") where minimum == 0: texts = []
  case .text(let text): texts = text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
  }
  guard texts.count >= minimum else { throw ValueProblems("needs at least \(minimum)") }
  guard texts.count <= listLimit else { throw ValueProblems("has more than \(listLimit) elements") }
  return texts
}

extension SettingType<Bool> {
  /// `true` or `false`; the other words of YAML 1.1, 1 and 0 are understood too.
  static let boolean = SettingType.scalar(
    summary: "`true` or `false`", schema: .object([("type", .string("boolean"))])
  ) { (text) throws(ValueProblem) in
    switch text.lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw ValueProblem("\(quoted(text)) is not true or false")
    }
  } render: {
    .boolean($0)
  }
}

extension SettingType<Int> {
  /// A whole number in decimal digits.
  static func integer(_ range: ClosedRange<Int>) -> SettingType {
    let summary = "whole number, \(range.lowerBound) to \(range.upperBound)"
    return scalar(
      summary: summary,
      schema: .object([
        ("type", .string("integer")), ("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound)),
      ])
    ) { (text) throws(ValueProblem) in
      let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
      guard !digits.isEmpty, digits.allSatisfy(isDigit), text.utf8.count - digits.count < 2 else {
        throw ValueProblem("\(quoted(text)) is not a whole number")
      }
      guard let value = Int(text), range.contains(value) else {
        throw ValueProblem("\(text.prefix(40)) is out of range; it must be \(range.lowerBound) to \(range.upperBound)")
      }
      return value
    } render: {
      .integer($0)
    }
  }

  /// A number of bytes: `4096`, `64 KiB`, `10GB`.
  static func byteSize(_ range: ClosedRange<Int>) -> SettingType {
    let upper = range.upperBound == Int.max ? "or more" : "to \(ByteSize.text(range.upperBound))"
    let limits = "\(ByteSize.text(range.lowerBound)) \(upper)"
    return scalar(
      summary: "byte size, \(limits)",
      schema: .object([
        ("type", .array([.string("integer"), .string("string")])), ("minimum", .integer(range.lowerBound)),
        ("pattern", .string(ByteSize.pattern)),
      ])
    ) { (text) throws(ValueProblem) in
      let value = try ByteSize.parse(text)
      guard range.contains(value) else { throw ValueProblem("\(quoted(text)) is out of range; it must be \(limits)") }
      return value
    } render: {
      .text(ByteSize.text($0))
    }
  }
}

extension SettingType<Duration> {
  /// A length of time: `500ms`, `30s`, `5m`, `24h`, `7d`, `1h30m`.
  static func duration(_ range: ClosedRange<Duration>) -> SettingType {
    let limits = "\(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
    return scalar(
      summary: "duration, \(limits)",
      schema: .object([
        ("type", .string("string")), ("minLength", .integer(1)),
        ("pattern", .string(DurationText.pattern)),
      ])
    ) { (text) throws(ValueProblem) in
      let value = try DurationText.parse(text)
      guard range.contains(value) else { throw ValueProblem("\(quoted(text)) is out of range; it must be \(limits)") }
      return value
    } render: {
      .text(DurationText.text($0))
    }
  }
}

extension SettingType<String> {
  /// A file or directory. Relative ones count from the working directory.
  static let path = SettingType.scalar(
    summary: "path", schema: .object([("type", .string("string")), ("minLength", .integer(1))])
  ) { (text) throws(ValueProblem) in
    guard !text.isEmpty else { throw ValueProblem("is empty") }
    guard !text.unicodeScalars.contains(where: isControl) else {
      throw ValueProblem("\(quoted(text)) holds a control character")
    }
    guard text.utf8.count <= pathLimit else { throw ValueProblem("is longer than \(pathLimit) bytes") }
    if text == "~" || text.hasPrefix("~/") {
      throw ValueProblem("\(quoted(text)): \"~\" is not expanded; write the whole path")
    }
    return text
  } render: {
    .text($0)
  }
}

extension SettingType<ListenAddress> {
  static let listenAddress = SettingType.scalar(
    summary: "addresses (`127.0.0.1:5000`, `[::1]:5000`, `:5000`, `unix:/run/berth.sock`)",
    schema: .object([("type", .string("string"))])
  ) { (text) throws(ValueProblem) in
    try ListenAddress(parsing: text)
  } render: {
    .text($0.description)
  }
}

extension SettingType<TrustedPeer> {
  static let trustedPeer = SettingType.scalar(
    summary: "networks (`10.0.0.0/8`, `fd00::/8`, `192.0.2.7`) or `unix`",
    schema: .object([("type", .string("string"))])
  ) { (text) throws(ValueProblem) in
    text == "unix" ? .unixSockets : .network(try AddressRange(parsing: text))
  } render: {
    .text($0.description)
  }
}

extension SettingType<PublicURL> {
  static let publicURL = SettingType.scalar(
    summary: "URL (`https://registry.example.org`, `https://example.org/registry`)",
    schema: .object([("type", .string("string")), ("pattern", .string("^https?://"))])
  ) { (text) throws(ValueProblem) in
    try PublicURL(parsing: text)
  } render: {
    .text($0.description)
  }
}

/// Linux's PATH_MAX without its terminating zero.
private let pathLimit = 4095
