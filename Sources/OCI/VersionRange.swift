/// Which versions are meant: `2`, `2.1`, `>=2.1 <3`, each part of which must hold. A version with fewer than three numbers
/// stands for all that begin so: `<3` leaves out `3.0.0-rc.1`, `>2` begins after every `2.…`.
public struct VersionRange: Sendable, Hashable {
  public static let partLimit = 8

  private enum Bound: Sendable, Hashable {
    case from(String)
    case before(String)
  }

  public let text: String
  private let bounds: [Bound]

  /// - Throws: ``ParseError``.
  public init(parsing text: String) throws(ParseError) {
    let parts = text.split { $0 == " " || $0 == "," }
    guard !parts.isEmpty, parts.count <= Self.partLimit else {
      throw ParseError(.parameter, "a range of versions is like 2.1 or >=2.1 <3")
    }
    var bounds: [Bound] = []
    for part in parts { bounds += try Self.bounds(part) }
    self.text = text
    self.bounds = bounds
  }

  private static func bounds(_ part: Substring) throws(ParseError) -> [Bound] {
    let comparison = part.prefix { "<>=".contains($0) }
    var rest = part.dropFirst(comparison.count)
    if rest.hasSuffix(".x") { rest = rest.dropLast(2) }
    let begin: String
    let end: String
    if let whole = SemanticVersion(parsing: rest) {
      // `!` is before everything that can follow in a key.
      (begin, end) = (whole.key, whole.key + "!")
    } else {
      if rest.hasPrefix("v") { rest = rest.dropFirst() }
      let numbers = rest.split(separator: ".", omittingEmptySubsequences: false).map { UInt64($0) }
      guard !numbers.isEmpty, numbers.count < 3, !numbers.contains(nil) else {
        throw ParseError(.parameter, "\(quoted(part)) is no version or beginning of one, such as >=2.1")
      }
      begin = SemanticVersion.key(of: numbers.compactMap { $0 })
      // Letters and digits alone follow in a key.
      end = begin + "\u{7F}"
    }
    switch comparison {
    case "", "=": return [.from(begin), .before(end)]
    case ">=": return [.from(begin)]
    case ">": return [.from(end)]
    case "<": return [.before(begin)]
    case "<=": return [.before(end)]
    default: throw ParseError(.parameter, "\(quoted(part)) begins with none of =, <, <=, >, >=")
    }
  }

  public func contains(_ version: SemanticVersion) -> Bool {
    let key = Array(version.key.utf8)
    return bounds.allSatisfy { bound in
      switch bound {
      case .from(let least): !key.lexicographicallyPrecedes(Array(least.utf8))
      case .before(let end): key.lexicographicallyPrecedes(Array(end.utf8))
      }
    }
  }
}
