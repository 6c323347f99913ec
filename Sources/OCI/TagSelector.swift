/// Which tags something is about: patterns, each a text in which `*` stands for any text, or `semver` for every whole semantic
/// version; and those that are left out, written with a `!` before.
///
/// `["v*"]`, `["semver"]`, `["*", "!latest"]`.
public struct TagSelector: Sendable, Hashable {
  public static let patternLimit = 32

  private enum Pattern: Sendable, Hashable {
    case versions
    case glob(String)

    func takes(_ tag: Tag) -> Bool {
      switch self {
      case .versions: SemanticVersion(parsing: tag.text) != nil
      case .glob(let text): Glob.matches(tag.text, text)
      }
    }
  }

  public let texts: [String]
  private let taken: [Pattern]
  private let leftOut: [Pattern]

  /// Every tag.
  public static let everything = TagSelector(["*"], [.glob("*")], [])

  private init(_ texts: [String], _ taken: [Pattern], _ leftOut: [Pattern]) {
    self.texts = texts
    self.taken = taken
    self.leftOut = leftOut
  }

  /// - Throws: ``ParseError`` that says which pattern could never take a tag.
  public init(parsing texts: [String]) throws(ParseError) {
    guard !texts.isEmpty, texts.count <= Self.patternLimit else {
      throw ParseError(.tag, "name 1 to \(Self.patternLimit) patterns of tags")
    }
    var taken: [Pattern] = []
    var leftOut: [Pattern] = []
    for text in texts {
      let isLeftOut = text.hasPrefix("!")
      let pattern = try Self.pattern(isLeftOut ? String(text.dropFirst()) : text)
      if isLeftOut { leftOut.append(pattern) } else { taken.append(pattern) }
    }
    // Only exceptions: from everything.
    self.init(texts, taken.isEmpty ? [.glob("*")] : taken, leftOut)
  }

  private static func pattern(_ text: String) throws(ParseError) -> Pattern {
    if text == "semver" { return .versions }
    // What is left without its stars must be able to stand in a tag.
    let rest = text.filter { $0 != "*" }
    let stars = text.utf8.count { $0 == 0x2A }
    guard !text.isEmpty, text.utf8.count <= 128, stars <= RepositoryPattern.starLimit,
      rest.isEmpty || (try? Tag(parsing: "x" + rest)) != nil
    else {
      throw ParseError(.tag, "“\(text.prefix(80))” is no pattern of tags, such as v* or semver or !latest")
    }
    return .glob(text)
  }

  public func takes(_ tag: Tag) -> Bool {
    taken.contains { $0.takes(tag) } && !leftOut.contains { $0.takes(tag) }
  }
}
