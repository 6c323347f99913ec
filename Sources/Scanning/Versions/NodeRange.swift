/// A range of versions as npm writes them: `^1.2.3 || ~2.0 || 3.x || 4.0.0 - 4.5.1 || >=5 <5.2.0`.
///
/// Source: the documentation of node-semver, "Ranges", "Advanced Range Syntax" and "Range Grammar".
public struct NodeRange: Sendable {
  private struct Comparator: Sendable {
    enum Sign: Sendable { case less, atMost, equal, atLeast, greater }

    let sign: Sign
    let version: NodeVersion

    func holds(_ other: NodeVersion) -> Bool {
      switch sign {
      case .less: other < version
      case .atMost: other <= version
      case .equal: other == version
      case .atLeast: other >= version
      case .greater: other > version
      }
    }
  }

  /// No range is longer: those that are, are none.
  public static let lengthLimitBytes = 16 << 10

  /// A version is in the range when all comparators of one of them hold.
  private let sets: [[Comparator]]
  private let includesPrereleases: Bool

  /// Nil for what is no range.
  ///
  /// - Parameter includesPrereleases: also those whose numbers no end of the range shares. So `npm audit` asks.
  public init?(parsing text: String, includesPrereleases: Bool = false) {
    guard text.utf8.count <= Self.lengthLimitBytes else { return nil }
    var sets: [[Comparator]] = []
    for part in Self.alternatives(text) {
      guard let set = Self.comparators(part, includesPrereleases) else { return nil }
      sets.append(set)
    }
    self.sets = sets
    self.includesPrereleases = includesPrereleases
  }

  /// False also for what is no version.
  public func contains(_ text: String) -> Bool {
    guard let version = NodeVersion(parsing: text.trimmed) else { return false }
    return sets.contains { set in
      guard set.allSatisfy({ $0.holds(version) }) else { return false }
      // Who does not speak of a version before a release does not mean it.
      return includesPrereleases || version.prerelease.isEmpty
        || set.contains { !$0.version.prerelease.isEmpty && $0.version.numbers == version.numbers }
    }
  }

  /// The same as rows of events, those before releases included; what holds nothing is left out.
  var ranges: [AdvisoryRange] {
    sets.compactMap { set in
      var low: NodeVersion?
      var high: (version: NodeVersion, isIn: Bool)?
      func lower(_ version: NodeVersion) { low = max(low ?? version, version) }
      func upper(_ version: NodeVersion, isIn: Bool) {
        guard let known = high else { return high = (version, isIn) }
        if version < known.version || (version == known.version && !isIn) { high = (version, isIn) }
      }
      for comparator in set {
        switch comparator.sign {
        case .less: upper(comparator.version, isIn: false)
        case .atMost: upper(comparator.version, isIn: true)
        case .atLeast: lower(comparator.version)
        case .greater: lower(comparator.version.successor)
        case .equal:
          lower(comparator.version)
          upper(comparator.version, isIn: true)
        }
      }
      let begin = AdvisoryRange.Event.introduced(low.map { $0 == Self.least ? "0" : "\($0)" } ?? "0")
      guard let high else { return AdvisoryRange(.semver, [begin]) }
      if high.version < low ?? Self.least || (high.version == low ?? Self.least && !high.isIn) { return nil }
      return AdvisoryRange(.semver, [begin, high.isIn ? .lastAffected("\(high.version)") : .fixed("\(high.version)")])
    }
  }

  private static let least = NodeVersion(0, 0, 0, NodeVersion.first)

  // MARK: Reading

  /// What stands between `||`.
  private static func alternatives(_ text: String) -> [[UInt8]] {
    var parts: [[UInt8]] = [[]]
    var bytes = Array(text.utf8)[...]
    while let byte = bytes.first {
      if bytes.starts(with: "||".utf8) {
        parts.append([])
        bytes = bytes.dropFirst(2)
      } else {
        parts[parts.count - 1].append(byte)
        bytes = bytes.dropFirst()
      }
    }
    return parts
  }

  private static func comparators(_ part: [UInt8], _ includesPrereleases: Bool) -> [Comparator]? {
    let words = part.split { $0 == 0x20 || $0 == 0x09 }.map { String(decoding: $0, as: UTF8.self) }
    if words.count == 3, words[1] == "-" { return hyphen(words[0], words[2], includesPrereleases) }
    var found: [Comparator] = []
    var sign = ""
    for word in words {
      let signs = word.prefix { "<>=~^".contains($0) }
      sign += signs
      // A space may stand between a sign and its version.
      guard signs.count < word.count else { continue }
      guard let partial = NodePartial(word.dropFirst(signs.count)),
        let own = comparators(sign, partial, includesPrereleases)
      else { return nil }
      found += own
      sign = ""
    }
    return sign.isEmpty ? found : nil
  }

  private static func hyphen(_ from: String, _ to: String, _ includesPrereleases: Bool) -> [Comparator]? {
    guard let from = NodePartial(from), let to = NodePartial(to) else { return nil }
    let low = from.numbers.isEmpty ? [] : [Comparator(sign: .atLeast, version: bottom(from, includesPrereleases))]
    if to.numbers.isEmpty { return low }
    return low + [to.numbers.count == 3 ? Comparator(sign: .atMost, version: bottom(to, false)) : below(to)]
  }

  private static func comparators(
    _ sign: String, _ partial: NodePartial, _ includesPrereleases: Bool
  ) -> [Comparator]? {
    let isWhole = partial.numbers.count == 3
    let low = Comparator(sign: .atLeast, version: bottom(partial, includesPrereleases))
    guard !partial.numbers.isEmpty else {
      // More, or less, than any: nothing.
      if sign == ">" || sign == "<" { return [Comparator(sign: .less, version: least)] }
      return ["", "=", ">=", "<=", "~", "~>", "^"].contains(sign) ? [] : nil
    }
    switch sign {
    case "", "=": return isWhole ? [Comparator(sign: .equal, version: low.version)] : [low, below(partial)]
    case ">=": return [low]
    case ">":
      guard !isWhole else { return [Comparator(sign: .greater, version: low.version)] }
      let next = NodePartial(next(partial.numbers))
      return [Comparator(sign: .atLeast, version: bottom(next, includesPrereleases))]
    case "<": return [Comparator(sign: .less, version: bottom(partial, true))]
    case "<=": return [isWhole ? Comparator(sign: .atMost, version: low.version) : below(partial)]
    case "~", "~>": return [low, below(NodePartial(Array(partial.numbers.prefix(2))))]
    case "^":
      // Up to the first number that is not zero.
      let count = partial.numbers.firstIndex { $0 != 0 }.map { $0 + 1 } ?? partial.numbers.count
      return [low, below(NodePartial(Array(partial.numbers.prefix(count))))]
    default: return nil
    }
  }

  /// The first version that a partial one stands for.
  private static func bottom(_ partial: NodePartial, _ includesPrereleases: Bool) -> NodeVersion {
    let numbers = partial.numbers + Array(repeating: 0, count: 3 - partial.numbers.count)
    let isWhole = partial.numbers.count == 3
    return NodeVersion(
      numbers[0], numbers[1], numbers[2],
      isWhole || !includesPrereleases ? partial.prerelease : NodeVersion.first)
  }

  /// Less than everything that comes after what a partial version stands for.
  private static func below(_ partial: NodePartial) -> Comparator {
    let numbers = next(partial.numbers) + Array(repeating: 0, count: 3 - partial.numbers.count)
    return Comparator(
      sign: .less, version: NodeVersion(numbers[0], numbers[1], numbers[2], NodeVersion.first))
  }

  private static func next(_ numbers: [UInt64]) -> [UInt64] {
    numbers.dropLast() + [(numbers.last ?? 0) + 1]
  }
}
