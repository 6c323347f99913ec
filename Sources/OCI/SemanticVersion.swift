/// A version as Semantic Versioning 2.0.0 has it, with or without a `v` before it.
///
/// Source: semver.org, items 2, 9, 10, 11.
public struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  enum Identifier: Sendable, Hashable {
    case number(String)
    case word(String)
  }

  /// Longer numbers are no versions that anybody meant: dates and build numbers fit.
  public static let digitLimit = 19

  public let major, minor, patch: UInt64
  let prerelease: [Identifier]
  /// It was written with a `v`.
  public let hasPrefix: Bool

  /// Nil when the text is no whole version: `1.2` is none.
  public init?(parsing text: some StringProtocol) {
    var rest = Substring(text)
    hasPrefix = rest.first == "v"
    if hasPrefix { rest.removeFirst() }
    if let plus = rest.firstIndex(of: "+") {
      guard Self.identifiers(rest[rest.index(after: plus)...]) != nil else { return nil }
      rest = rest[..<plus]
    }
    if let dash = rest.firstIndex(of: "-") {
      guard let words = Self.identifiers(rest[rest.index(after: dash)...]) else { return nil }
      var prerelease: [Identifier] = []
      for word in words {
        guard Self.isNumber(word) else {
          prerelease.append(.word(String(word)))
          continue
        }
        guard word == "0" || word.first != "0", word.utf8.count <= Self.digitLimit else { return nil }
        prerelease.append(.number(String(word)))
      }
      self.prerelease = prerelease
      rest = rest[..<dash]
    } else {
      prerelease = []
    }
    let core = rest.split(separator: ".", omittingEmptySubsequences: false).map { Self.number($0) }
    guard core.count == 3, let major = core[0], let minor = core[1], let patch = core[2] else { return nil }
    (self.major, self.minor, self.patch) = (major, minor, patch)
  }

  public var isPrerelease: Bool { !prerelease.isEmpty }

  public var description: String {
    let words = prerelease.map { identifier in
      switch identifier {
      case .number(let text), .word(let text): text
      }
    }
    return "\(major).\(minor).\(patch)" + (words.isEmpty ? "" : "-" + words.joined(separator: "."))
  }

  /// A text whose order by bytes is the precedence of versions (item 11); build metadata is not in it.
  ///
  /// A number begins with a letter that says how many digits follow. `~` follows a release, `-` a prerelease, so that the
  /// release is the later of the two.
  public var key: String {
    let core = Self.key(of: [major, minor, patch])
    guard isPrerelease else { return core + "~" }
    return core + "-"
      + prerelease.map { identifier in
        switch identifier {
        case .number(let text): "1" + Self.key(ofDigits: text)
        case .word(let text): "2" + text + "!"
        }
      }.joined()
  }

  /// What the ``key`` of every version begins with that begins with these numbers: `[2, 1]` for `2.1`.
  public static func key(of numbers: [UInt64]) -> String { numbers.map { key(ofDigits: String($0)) }.joined() }

  private static func key(ofDigits digits: String) -> String {
    String(UnicodeScalar(UInt8(ascii: "a") + UInt8(digits.utf8.count))) + digits
  }

  public static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
    left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
  }

  private static func isNumber(_ text: Substring) -> Bool { text.utf8.allSatisfy { (0x30...0x39).contains($0) } }

  private static func number(_ text: Substring) -> UInt64? {
    guard !text.isEmpty, isNumber(text), text == "0" || text.first != "0", text.utf8.count <= digitLimit else {
      return nil
    }
    return UInt64(text)
  }

  private static func identifiers(_ text: Substring) -> [Substring]? {
    let words = text.split(separator: ".", omittingEmptySubsequences: false)
    let isPlain = words.allSatisfy { word in
      !word.isEmpty
        && word.utf8.allSatisfy { byte in
          (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D
        }
    }
    return isPlain ? words : nil
  }
}
