extension LoadedSettings {
  /// What `berth config show` prints: every setting as YAML that can be used as a file, with the source of its value.
  /// Secrets are masked.
  func listing(table: SettingTable = .standard) -> String {
    var lines = ["# Effective settings of Berth, and where each value comes from."]
    var open: [Substring] = []
    for definition in table.definitions {
      let parts = definition.path.split(separator: ".")
      let parents = Array(parts.dropLast())
      let shared = zip(open, parents).prefix { $0 == $1 }.count
      for level in shared..<parents.count {
        lines.append(indent(level) + parents[level] + ":")
      }
      open = parents
      let value = YAMLText.value(definition.shown(settings))
      lines.append("\(indent(parents.count))\(parts[parts.count - 1]): \(value)  # \(source(of: definition.path))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What `berth config check` prints when nothing is wrong.
  func checkReport() -> String {
    func count(_ isWanted: (SettingSource) -> Bool) -> Int { sources.values.count(where: isWanted) }
    let fromFile = count { if case .file = $0 { true } else { false } }
    let fromEnvironment = count { if case .environment = $0 { true } else { false } }
    let file = configPath.map { "\(ConfigurationFile.printable($0)): ok" } ?? "no configuration file: ok"
    return "\(file) (settings from the file: \(fromFile), from the environment: \(fromEnvironment))\n"
  }

  private func indent(_ level: Int) -> String { String(repeating: "  ", count: level) }
}

/// Values as YAML that any reader understands alike.
enum YAMLText {
  static func value(_ value: RenderedValue) -> String {
    switch value {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .text(let text): isSafe(text) ? text : JSONText.string(text).text()
    case .list(let texts): JSONText.array(texts.map { .string($0) }).text()
    }
  }

  /// Whether a text without quotation marks is read as this text by YAML 1.1 and 1.2.
  private static func isSafe(_ text: String) -> Bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
    guard let first = text.utf8.first, text.utf8.last != UInt8(ascii: " "), !words.contains(text.lowercased()) else {
      return false
    }
    // Also version numbers and anything in another base.
    let isNumber = text.hasPrefix("0") || text.utf8.allSatisfy { isDigit($0) || "._+-eE".utf8.contains($0) }
    return !isNumber && (isLetter(first) || isDigit(first) || first == UInt8(ascii: "/") || text.hasPrefix("./"))
      && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "_./- ".utf8.contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }
}
