/// A version from before PEP 440, that is none by it. All of them come before all that are.
///
/// Source: the documentation of setuptools 0.6, "Specifying Your Project's Version".
struct LegacyPythonVersion: Sendable {
  private let parts: [[UInt8]]

  private static let aliases = ["pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"]
  /// Numbers are texts of this length, so that they stand in the order of texts.
  private static let numberLength = 8

  /// Numbers and words, each a part; a number comes after every word, which begins with a star.
  init(_ text: [UInt8]) {
    var parts: [[UInt8]] = []
    var rest = text.map(\.asciiLower)[...]
    func add(_ part: [UInt8]) {
      if part.first == UInt8(ascii: "*") {
        if part.lexicographicallyPrecedes("*final".utf8) {
          while parts.last == Array("*final-".utf8) { parts.removeLast() }
        }
        while parts.last == Array(repeating: UInt8(ascii: "0"), count: Self.numberLength) { parts.removeLast() }
      }
      parts.append(part)
    }
    while let byte = rest.first {
      if byte.isDecimal {
        let digits = rest.prefix { $0.isDecimal }
        let padding = max(Self.numberLength - digits.count, 0)
        add(Array(repeating: UInt8(ascii: "0"), count: padding) + digits)
        rest = rest.dropFirst(digits.count)
      } else if byte == UInt8(ascii: ".") {
        rest = rest.dropFirst()
      } else {
        let isWord = byte.isASCIILetter
        let word = isWord ? rest.prefix { $0.isASCIILetter } : rest.prefix(1)
        let name = String(decoding: word, as: UTF8.self)
        add(Array("*\(Self.aliases[name] ?? name)".utf8))
        rest = rest.dropFirst(word.count)
      }
    }
    add(Array("*final".utf8))
    self.parts = parts
  }

  static func compare(_ a: LegacyPythonVersion, _ b: LegacyPythonVersion) -> VersionComparison {
    for (x, y) in zip(a.parts, b.parts) where x != y { return x.lexicographicallyPrecedes(y) ? .less : .greater }
    return VersionComparison(a.parts.count, b.parts.count)
  }
}
