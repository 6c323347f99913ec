/// A version of Python's packages.
///
/// Source: PEP 440, "Version scheme", "Summary of permitted suffixes and relative ordering", "Normalization".
struct PythonVersion: Sendable {
  private let epoch: Digits
  /// Without zeros at its end.
  private let release: [Digits]
  /// What comes before what: a development release, a, b, rc, the release itself.
  private let phase: Int
  private let phaseNumber: Digits
  private let post: Digits?
  private let dev: Digits?
  private let local: [Local]

  private enum Local: Sendable, Hashable, Comparable {
    case text([UInt8])
    case number(Digits)

    static func < (a: Local, b: Local) -> Bool {
      switch (a, b) {
      case (.text(let x), .text(let y)): x.lexicographicallyPrecedes(y)
      case (.number(let x), .number(let y)): x < y
      case (.text, .number): true
      case (.number, .text): false
      }
    }
  }

  private static let phases: [(name: String, rank: Int)] = [
    ("alpha", 1), ("a", 1), ("beta", 2), ("b", 2), ("preview", 3), ("pre", 3), ("rc", 3), ("c", 3),
  ]

  init?(_ text: [UInt8]) {
    var reader = SuffixReader(text.map(\.asciiLower))
    reader.skip(UInt8(ascii: "v"))
    var number = reader.digits()
    if let first = number, reader.skip(UInt8(ascii: "!")) {
      epoch = first
      number = reader.digits()
    } else {
      epoch = .zero
    }
    guard let major = number else { return nil }
    var release = [major]
    while let next = reader.attempt({ $0.skip(UInt8(ascii: ".")) ? $0.digits() : nil }) { release.append(next) }
    while release.last?.isZero ?? false { release.removeLast() }
    self.release = release
    let pre = Self.pre(&reader)
    let post = Self.post(&reader)
    let dev = reader.attempt { reader -> Digits? in
      reader.skipSeparator()
      return reader.skip("dev") ? reader.numberAfterSeparator() : nil
    }
    self.post = post
    self.dev = dev
    phase = pre?.0 ?? (dev != nil && post == nil ? 0 : 4)
    phaseNumber = pre?.1 ?? .zero
    guard let local = Self.local(&reader), reader.isAtEnd else { return nil }
    self.local = local
  }

  private static func pre(_ reader: inout SuffixReader) -> (Int, Digits)? {
    for entry in phases {
      let found = reader.attempt { reader -> (Int, Digits)? in
        reader.skipSeparator()
        return reader.skip(entry.name) ? (entry.rank, reader.numberAfterSeparator()) : nil
      }
      if let found { return found }
    }
    return nil
  }

  private static func post(_ reader: inout SuffixReader) -> Digits? {
    for name in ["post", "rev", "r"] {
      let found = reader.attempt { reader -> Digits? in
        reader.skipSeparator()
        return reader.skip(name) ? reader.numberAfterSeparator() : nil
      }
      if let found { return found }
    }
    return reader.attempt { $0.skip(UInt8(ascii: "-")) ? $0.digits() : nil }
  }

  /// Nil when it is broken; empty when there is none.
  private static func local(_ reader: inout SuffixReader) -> [Local]? {
    guard reader.skip(UInt8(ascii: "+")) else { return [] }
    var parts: [Local] = []
    repeat {
      let part = reader.letters { $0.isDecimal || $0.isASCIILetter }
      guard !part.isEmpty else { return nil }
      parts.append(Digits(parsing: part).map { .number($0) } ?? .text(part))
    } while reader.skipSeparator()
    return parts
  }

  static func compare(_ a: PythonVersion, _ b: PythonVersion) -> VersionComparison {
    VersionComparison(a.epoch, b.epoch).or(Scanning.compare(a.release, b.release, filler: .zero))
      .or(VersionComparison(a.phase, b.phase)).or(VersionComparison(a.phaseNumber, b.phaseNumber))
      .or(optional(a.post, b.post, missing: .less)).or(optional(a.dev, b.dev, missing: .greater)).or(
        locals(a.local, b.local))
  }

  /// - Parameter missing: what a version without it is to one with it.
  private static func optional(_ a: Digits?, _ b: Digits?, missing: VersionComparison) -> VersionComparison {
    switch (a, b) {
    case (nil, nil): .equal
    case (nil, _?): missing
    case (_?, nil): missing.reversed
    case (let x?, let y?): VersionComparison(x, y)
    }
  }

  private static func locals(_ a: [Local], _ b: [Local]) -> VersionComparison {
    for (x, y) in zip(a, b) where x != y { return x < y ? .less : .greater }
    return VersionComparison(a.count, b.count)
  }
}

/// Walks over the parts of a version.
struct SuffixReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  @discardableResult
  mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  mutating func skip(_ word: String) -> Bool {
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  @discardableResult
  mutating func skipSeparator() -> Bool {
    skip(UInt8(ascii: ".")) || skip(UInt8(ascii: "-")) || skip(UInt8(ascii: "_"))
  }

  mutating func letters(_ isPart: (UInt8) -> Bool) -> [UInt8] {
    let part = bytes[position...].prefix(while: isPart)
    position += part.count
    return Array(part)
  }

  mutating func digits() -> Digits? { Digits(parsing: letters { $0.isDecimal }) }

  /// A number that may be left out and is zero then, also behind a separator (`1.0b.`).
  mutating func numberAfterSeparator() -> Digits {
    skipSeparator()
    return digits() ?? .zero
  }

  /// Goes back when nothing comes of it.
  mutating func attempt<T>(_ body: (inout SuffixReader) -> T?) -> T? {
    var copy = self
    guard let found = body(&copy) else { return nil }
    self = copy
    return found
  }
}
