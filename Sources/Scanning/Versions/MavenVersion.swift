/// A version of Maven's artifacts.
///
/// Source: Maven, POM reference, "Version order specification"; the documentation of `ComparableVersion`.
struct MavenVersion: Sendable, Hashable {
  private indirect enum Item: Sendable, Hashable {
    case number(Digits)
    /// A qualifier by its rank, and by its text where it is not known.
    case text(String)
    case list([Item])
  }

  private static let qualifiers = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"]
  private static let aliases = ["ga": "", "final": "", "release": "", "cr": "rc"]
  private static let releaseRank = 5
  /// Lists in lists: each dash opens one.
  private static let depthLimit = 128

  private let items: [Item]

  init?(_ text: [UInt8]) {
    var stack: [[Item]] = [[]]
    var position = 0
    var start = 0
    var isDigits = false
    let bytes = text.map(\.asciiLower)
    func item(_ range: Range<Int>, _ isDigits: Bool, followedByDigit: Bool) -> Item {
      let part = bytes[range]
      if isDigits { return .number(Digits(part)) }
      return .text(Self.qualifier(String(decoding: part, as: UTF8.self), followedByDigit))
    }
    func openList() -> Bool {
      guard stack.count < Self.depthLimit else { return false }
      stack.append([])
      return true
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: ".") {
        stack[stack.count - 1].append(
          position == start ? .number(.zero) : item(start..<position, isDigits, followedByDigit: false))
        start = position + 1
      } else if byte == UInt8(ascii: "-") {
        stack[stack.count - 1].append(
          position == start ? .number(.zero) : item(start..<position, isDigits, followedByDigit: false))
        start = position + 1
        guard openList() else { return nil }
      } else if byte.isDecimal {
        if !isDigits, position > start {
          if !stack[stack.count - 1].isEmpty { guard openList() else { return nil } }
          stack[stack.count - 1].append(item(start..<position, false, followedByDigit: true))
          start = position
          guard openList() else { return nil }
        }
        isDigits = true
      } else {
        if isDigits, position > start {
          stack[stack.count - 1].append(item(start..<position, true, followedByDigit: false))
          start = position
          guard openList() else { return nil }
        }
        isDigits = false
      }
      position += 1
    }
    if bytes.count > start {
      if !isDigits, !stack[stack.count - 1].isEmpty { guard openList() else { return nil } }
      stack[stack.count - 1].append(item(start..<bytes.count, isDigits, followedByDigit: false))
    }
    while stack.count > 1 {
      var last = Self.normalised(stack.removeLast())
      // A list of one list is that list.
      while last.count == 1, case .list(let inner) = last[0] { last = inner }
      stack[stack.count - 1].append(.list(last))
    }
    items = Self.normalised(stack[0])
  }

  private static func qualifier(_ text: String, _ followedByDigit: Bool) -> String {
    if followedByDigit, text.utf8.count == 1 {
      switch text {
      case "a": return "alpha"
      case "b": return "beta"
      case "m": return "milestone"
      default: break
      }
    }
    return aliases[text] ?? text
  }

  /// Without what says nothing before the end, or before a list.
  private static func normalised(_ items: [Item]) -> [Item] {
    var items = items
    var index = items.count - 1
    while index >= 0 {
      if isNull(items[index]) {
        if index == items.count - 1 || { if case .list = items[index + 1] { true } else { false } }() {
          items.remove(at: index)
        }
      } else if case .list = items[index] {
      } else {
        break
      }
      index -= 1
    }
    return items
  }

  private static func isNull(_ item: Item) -> Bool {
    switch item {
    case .number(let number): number.isZero
    case .text(let text): text.isEmpty
    case .list(let items): items.isEmpty
    }
  }

  static func compare(_ a: MavenVersion, _ b: MavenVersion) -> VersionComparison { lists(a.items, b.items) }

  private static func lists(_ a: [Item], _ b: [Item]) -> VersionComparison {
    for index in 0..<max(a.count, b.count) {
      let outcome: VersionComparison
      switch (index < a.count ? a[index] : nil, index < b.count ? b[index] : nil) {
      case (let x?, let y?): outcome = items(x, y)
      case (let x?, nil): outcome = toNothing(x)
      case (nil, let y?): outcome = toNothing(y).reversed
      case (nil, nil): outcome = .equal
      }
      if outcome != .equal { return outcome }
    }
    return .equal
  }

  private static func toNothing(_ item: Item) -> VersionComparison {
    switch item {
    case .number(let number): number.isZero ? .equal : .greater
    case .text(let text): qualifiers(text, "")
    case .list(let items): items.lazy.map { toNothing($0) }.first { $0 != .equal } ?? .equal
    }
  }

  private static func items(_ a: Item, _ b: Item) -> VersionComparison {
    switch (a, b) {
    case (.number(let x), .number(let y)): VersionComparison(x, y)
    case (.text(let x), .text(let y)): qualifiers(x, y)
    case (.list(let x), .list(let y)): lists(x, y)
    case (.number, .text), (.number, .list), (.list, .text): .greater
    case (.text, .number), (.list, .number), (.text, .list): .less
    }
  }

  /// What is not known comes after what is, in the order of its text.
  private static func qualifiers(_ a: String, _ b: String) -> VersionComparison {
    switch (qualifiers.firstIndex(of: a), qualifiers.firstIndex(of: b)) {
    case (let x?, let y?): VersionComparison(x, y)
    case (_?, nil): .less
    case (nil, _?): .greater
    case (nil, nil):
      a == b ? .equal : a.utf8.lexicographicallyPrecedes(b.utf8) ? .less : .greater
    }
  }
}
