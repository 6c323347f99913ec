/// Versions that are rows of numbers and words.
struct SegmentVersion: Sendable, Hashable {
  enum Dialect: Sendable, Hashable {
    /// Source: the documentation of `Gem::Version`.
    case rubyGems
    /// Numbers alone, with points and dashes between them; a longer row comes later. Source: R manual, `numeric_version`.
    case cran
    /// Numbers alone. Source: Haskell Package Versioning Policy.
    case hackage
    /// Four numbers, what is not written being zero (`1.0` is `1.0.0`), and what follows them as PHP orders it.
    ///
    /// Source: PHP manual, `version_compare`; getcomposer.org, "Versions and constraints".
    case composer
  }

  private enum Segment: Sendable, Hashable {
    case number(Digits)
    case word([UInt8])
  }

  private let segments: [Segment]
  private let dialect: Dialect
  /// Of Composer: how many numbers are written at its beginning; nil where others are added to none.
  private var writtenNumbers: Int?

  init?(_ text: [UInt8], _ dialect: Dialect) {
    self.dialect = dialect
    var bytes = text[...]
    if dialect == .composer {
      if let first = bytes.first?.asciiLower, first == UInt8(ascii: "v") { bytes = bytes.dropFirst() }
      // A build, or how stable a requirement has it.
      if let end = bytes.firstIndex(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "@") }) {
        bytes = bytes[..<end]
      }
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
    switch dialect {
    case .rubyGems: segments = Self.canonical(found)
    case .composer:
      writtenNumbers = Self.writtenNumbers(found)
      segments = writtenNumbers.map { Self.completed(found, $0) } ?? found
    case .cran, .hackage: segments = found
    }
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

  // MARK: Composer

  /// Nil for branches (`dev-main`), and where `#` stands for numbers that are not known.
  private static func writtenNumbers(_ segments: [Segment]) -> Int? {
    guard !segments.contains(.word([UInt8(ascii: "#")])) else { return nil }
    let count = segments.prefix { if case .number = $0 { true } else { false } }.count
    return count == 0 ? nil : count
  }

  /// With all four numbers. Those that a branch of a version leaves open (`1.2.x-dev`) come after all that it may bring.
  private static func completed(_ segments: [Segment], _ written: Int) -> [Segment] {
    var suffix = Array(segments[written...])
    var filler = Segment.number(.zero)
    if suffix.first == .word(Array("x".utf8)), suffix.last == .word(Array("dev".utf8)) {
      suffix = [.word(Array("dev".utf8))]
      filler = .number(Digits("9999999".utf8))
    } else if suffix == [.word(Array("stable".utf8))] {
      suffix = []
    }
    return segments[..<written] + Array(repeating: filler, count: max(0, 4 - written)) + suffix
  }

  /// What Composer takes for one version is one to PHP only when as many numbers are written.
  static func compareAsWritten(_ a: SegmentVersion, _ b: SegmentVersion) -> VersionComparison {
    guard let x = a.writtenNumbers, let y = b.writtenNumbers else { return .equal }
    return VersionComparison(x, y)
  }

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
