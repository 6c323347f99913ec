/// `digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]`.
///
/// Source: apk-package(5), "Package version"; what apk-tools 3 does with versions that break off.
struct ApkVersion: Sendable {
  private enum Token: Sendable, Hashable {
    case first(Digits)
    /// With the digits as they stand: those with a zero before them are compared as fractions.
    case next([UInt8])
    case letter(UInt8)
    case suffix(Int)
    /// Of a suffix: one that has none comes before one with zero.
    case suffixNumber(Digits)
    case hash([UInt8])
    case revision(Digits)
    case end
    /// What is no part of a version begins here. It is compared as it stands, but for what follows a dash.
    case broken([UInt8])

    /// What may stand last comes before what goes on.
    var rank: Int {
      switch self {
      case .first: 0
      case .next: 1
      case .letter: 2
      case .suffix: 3
      case .suffixNumber: 4
      case .hash: 5
      case .revision: 6
      case .end: 7
      case .broken: 8
      }
    }
  }

  private static let suffixes = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"]
  private static let noSuffix = 4

  private let tokens: [Token]
  /// Whether all of the text is a version.
  let isValid: Bool

  init?(_ text: [UInt8]) {
    var rest = text[...]
    guard let first = rest.first else { return nil }
    guard first.isDecimal else {
      tokens = [.broken(text)]
      isValid = false
      return
    }
    var tokens: [Token] = [.first(Digits(Self.digits(&rest)))]
    while rest.first == UInt8(ascii: "."), rest.dropFirst().first?.isDecimal ?? false {
      rest = rest.dropFirst()
      tokens.append(.next(Self.digits(&rest)))
    }
    if let letter = rest.first, letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "z") {
      tokens.append(.letter(letter))
      rest = rest.dropFirst()
    }
    while rest.first == UInt8(ascii: "_"), let suffix = Self.suffix(&rest) {
      tokens.append(.suffix(suffix))
      if rest.first?.isDecimal ?? false { tokens.append(.suffixNumber(Digits(Self.digits(&rest)))) }
    }
    if rest.first == UInt8(ascii: "~") {
      let hash = rest.dropFirst().prefix { $0.isDecimal || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f")) }
      if !hash.isEmpty {
        tokens.append(.hash(Array(hash)))
        rest = rest.dropFirst(hash.count + 1)
      }
    }
    let after = rest.dropFirst(2).first
    if rest.starts(with: "-r".utf8), after == nil || after == UInt8(ascii: "-") || after?.isDecimal ?? false {
      rest = rest.dropFirst(2)
      tokens.append(.revision(Digits(Self.digits(&rest))))
      tokens.append(rest.isEmpty ? .end : .broken([]))
    } else {
      tokens.append(rest.isEmpty ? .end : .broken(rest.first == UInt8(ascii: "-") ? [] : Array(rest)))
    }
    isValid = rest.isEmpty
    self.tokens = tokens
  }

  private static func digits(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
    let digits = rest.prefix { $0.isDecimal }
    rest = rest.dropFirst(digits.count)
    return Array(digits)
  }

  private static func suffix(_ rest: inout ArraySlice<UInt8>) -> Int? {
    let name = rest.dropFirst().prefix { $0.isASCIILetter }
    guard let rank = suffixes.firstIndex(of: String(decoding: name, as: UTF8.self)), rank != noSuffix else {
      return nil
    }
    rest = rest.dropFirst(name.count + 1)
    return rank
  }

  static func compare(_ a: ApkVersion, _ b: ApkVersion) -> VersionComparison {
    for (x, y) in zip(a.tokens, b.tokens) {
      if x.rank != y.rank { return unlike(x, y) }
      let outcome: VersionComparison
      switch (x, y) {
      case (.first(let m), .first(let n)), (.revision(let m), .revision(let n)): outcome = VersionComparison(m, n)
      case (.next(let m), .next(let n)): outcome = fraction(m, n)
      case (.letter(let m), .letter(let n)): outcome = VersionComparison(m, n)
      case (.suffix(let m), .suffix(let n)): outcome = VersionComparison(m, n)
      case (.suffixNumber(let m), .suffixNumber(let n)): outcome = VersionComparison(m, n)
      case (.hash(let m), .hash(let n)), (.broken(let m), .broken(let n)): outcome = bytes(m, n)
      default: outcome = .equal
      }
      if outcome != .equal { return outcome }
    }
    return .equal
  }

  /// One goes on with something that the other has not: a suffix of before makes it older, everything else newer.
  private static func unlike(_ x: Token, _ y: Token) -> VersionComparison {
    if case .suffix(let rank) = x, rank < noSuffix { return .less }
    if case .suffix(let rank) = y, rank < noSuffix { return .greater }
    return x.rank > y.rank ? .less : .greater
  }

  /// With a zero before the digits of either, both are digits behind a point.
  private static func fraction(_ a: [UInt8], _ b: [UInt8]) -> VersionComparison {
    guard a.first == UInt8(ascii: "0") || b.first == UInt8(ascii: "0") else {
      return VersionComparison(Digits(a), Digits(b))
    }
    return bytes(a, b)
  }

  private static func bytes(_ a: [UInt8], _ b: [UInt8]) -> VersionComparison {
    a == b ? .equal : a.lexicographicallyPrecedes(b) ? .less : .greater
  }
}
