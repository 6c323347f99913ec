/// A version of the family of Semantic Versioning, with what its members do otherwise.
///
/// Source: semver.org 2.0.0, clauses 9 to 11; OSV schema, "SEMVER"; pub.dev, "Versioning"; NuGet, "Package versioning".
struct SemanticOrder: Sendable, Hashable {
  enum Dialect: Sendable, Hashable {
    /// Three numbers at the most; fewer are filled up. A `v` before them counts for nothing, builds neither.
    case plain
    /// As many numbers as there are.
    case long
    /// What is before a release is compared without regard to case.
    case nuGet
    /// Builds are ordered.
    case pub
  }

  private let numbers: [Digits]
  private let prerelease: [SemanticIdentifier]
  /// Only where it is ordered.
  private let build: [SemanticIdentifier]

  init?(_ text: [UInt8], _ dialect: Dialect) {
    var rest = text[...]
    rest = rest.drop { $0 == UInt8(ascii: "v") || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: " ") }
    var build: [SemanticIdentifier] = []
    if let plus = rest.firstIndex(of: UInt8(ascii: "+")) {
      if dialect == .pub { build = Self.identifiers(rest[(plus + 1)...]) }
      rest = rest[..<plus]
    }
    var prerelease: ArraySlice<UInt8> = []
    let core = rest.prefix { $0.isDecimal || $0 == UInt8(ascii: ".") }
    var after = rest.dropFirst(core.count)
    if !after.isEmpty {
      if after.first == UInt8(ascii: "-") { after = after.dropFirst() }
      prerelease = after
      guard !prerelease.isEmpty || dialect == .long else { return nil }
    }
    var numbers: [Digits] = []
    for part in core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard let number = Digits(parsing: part) else {
        // `1.x`, `1.`: what is not there is nothing.
        if part.isEmpty, !numbers.isEmpty { continue }
        return nil
      }
      numbers.append(number)
    }
    guard !numbers.isEmpty else { return nil }
    while numbers.last?.isZero ?? false { numbers.removeLast() }
    self.numbers = numbers
    let isCaseless = dialect == .nuGet
    self.prerelease = Self.identifiers(isCaseless ? ArraySlice(prerelease.map(\.asciiLower)) : prerelease)
    self.build = build
  }

  private static func identifiers(_ bytes: ArraySlice<UInt8>) -> [SemanticIdentifier] {
    bytes.isEmpty ? [] : SemanticIdentifier.list(bytes)
  }

  static func compare(_ a: SemanticOrder, _ b: SemanticOrder) -> VersionComparison {
    Scanning.compare(a.numbers, b.numbers, filler: .zero).or(
      a.prerelease.isEmpty || b.prerelease.isEmpty
        ? VersionComparison(a.prerelease.isEmpty ? 1 : 0, b.prerelease.isEmpty ? 1 : 0)
        : list(a.prerelease, b.prerelease)
    ).or(list(a.build, b.build))
  }

  /// A longer list comes after the one that it begins with.
  private static func list(_ a: [SemanticIdentifier], _ b: [SemanticIdentifier]) -> VersionComparison {
    for (x, y) in zip(a, b) where x != y { return x < y ? .less : .greater }
    return VersionComparison(a.count, b.count)
  }
}
