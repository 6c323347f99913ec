/// Versions that are rows of numbers and words.
struct SegmentVersion: Sendable, Hashable {
  enum Dialect: Sendable, Hashable {
    /// Source: the documentation of `Gem::Version`.
    case rubyGems
    /// Numbers alone, with points and dashes between them; a longer row comes later. Source: R manual, `numeric_version`.
    case cran
    /// Numbers alone. Source: Haskell Package Versioning Policy.
    case hackage
    /// Source: PHP manual, `version_compare`; getcomposer.org, "Versions and constraints".
    case composer
  }

  private enum Segment: Sendable, Hashable {
    case number(Digits)
    case word([UInt8])
  }

  private let segments: [Segment]
  private let dialect: Dialect

  init?(_ text: [UInt8], _ dialect: Dialect) {
    self.dialect = dialect
    var bytes = text[...]
    if dialect == .composer {
      if let first = bytes.first?.asciiLower, first == UInt8(ascii: "v") { bytes = bytes.dropFirst() }
      if let plus = bytes.firstIndex(of: UInt8(ascii: "+")) { bytes = bytes[..<plus] }
    }
    var found: [Segment] = []
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      if byte.isDecimal {
        let digits = bytes[index...].prefix { $0.isDecimal }
        found.append(.number(Digits(digits)))
        index += digits.count
      } else if byte == UInt8(ascii: "#"), dialect == .composer {
        // Stands for any number.
        found.append(.word([byte]))
        index += 1
      } else if byte.isASCIILetter {
        let word = bytes[index...].prefix { $0.isASCIILetter }
        found.append(.word(dialect == .composer ? word.map(\.asciiLower) : Array(word)))
        index += word.count
      } else {
        guard
          byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || (dialect == .composer)
        else { return nil }
        // A dash begins what comes before a release.
        if byte == UInt8(ascii: "-"), dialect == .rubyGems { found.append(.word(Array("pre".utf8))) }
        index += 1
      }
    }
    guard !found.isEmpty else { return nil }
    if dialect == .cran || dialect == .hackage {
      guard found.allSatisfy({ if case .number = $0 { true } else { false } }) else { return nil }
    }
    segments = dialect == .rubyGems ? Self.canonical(found) : found
  }

  /// Zeros before the first word, and before the end, say nothing.
  private static func canonical(_ segments: [Segment]) -> [Segment] {
    func trimmed(_ part: ArraySlice<Segment>) -> [Segment] {
      var part = part
      while part.last == .number(.zero) { part = part.dropLast() }
      return Array(part)
    }
    let first = segments.firstIndex { if case .word = $0 { true } else { false } } ?? segments.count
    return trimmed(segments[..<first]) + trimmed(segments[first...])
  }

  static func compare(_ a: SegmentVersion, _ b: SegmentVersion) -> VersionComparison {
    switch a.dialect {
    case .rubyGems: gems(a.segments, b.segments)
    case .composer: php(a.segments, b.segments)
    case .cran, .hackage: numbers(a.segments, b.segments)
    }
  }

  private static func gems(_ a: [Segment], _ b: [Segment]) -> VersionComparison {
    for index in 0..<max(a.count, b.count) {
      let x = index < a.count ? a[index] : .number(.zero)
      let y = index < b.count ? b[index] : .number(.zero)
      switch (x, y) {
      case (.number(let m), .number(let n)): if m != n { return VersionComparison(m, n) }
      case (.word(let m), .word(let n)): if m != n { return m.lexicographicallyPrecedes(n) ? .less : .greater }
      case (.word, .number): return .less
      case (.number, .word): return .greater
      }
    }
    return .equal
  }

  private static func numbers(_ a: [Segment], _ b: [Segment]) -> VersionComparison {
    for (x, y) in zip(a, b) {
      guard case .number(let m) = x, case .number(let n) = y, m != n else { continue }
      return VersionComparison(m, n)
    }
    return VersionComparison(a.count, b.count)
  }

  // MARK: PHP

  /// `dev` < `alpha` < `beta` < `rc` < a number < `pl`; what is not known comes before all.
  private static func rank(_ segment: Segment?) -> Int {
    switch segment {
    case nil, .number: 5
    case .word(let word):
      switch String(decoding: word, as: UTF8.self) {
      case "dev": 1
      case "alpha", "a": 2
      case "beta", "b": 3
      case "rc", "c": 4
      case "#": 5
      case "patch", "pl", "p": 7
      default: 0
      }
    }
  }

  private static func php(_ a: [Segment], _ b: [Segment]) -> VersionComparison {
    for index in 0..<max(a.count, b.count) {
      let x = index < a.count ? a[index] : nil
      let y = index < b.count ? b[index] : nil
      if case .number(let m)? = x, case .number(let n)? = y {
        if m != n { return VersionComparison(m, n) }
        continue
      }
      if x == nil, case .number? = y { return .less }
      if y == nil, case .number? = x { return .greater }
      let outcome = VersionComparison(rank(x), rank(y))
      if outcome != .equal { return outcome }
    }
    return .equal
  }
}
