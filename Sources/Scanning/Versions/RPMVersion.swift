/// `[epoch:]version[-release]`.
///
/// Source: rpm-version(7).
struct RPMVersion: Sendable {
  /// A number; zero where there is none.
  let epoch: Digits
  let version: [UInt8]
  /// Nil: there is none.
  let release: [UInt8]?

  init?(_ text: [UInt8]) {
    guard !text.isEmpty, !text.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return nil }
    var rest = text[...]
    // Behind anything but digits a colon is a part of the version.
    let digits = rest.prefix { $0.isDecimal }
    if rest[digits.endIndex...].first == UInt8(ascii: ":") {
      epoch = Digits(digits)
      rest = rest[(digits.endIndex + 1)...]
    } else {
      epoch = .zero
    }
    if let dash = rest.lastIndex(of: UInt8(ascii: "-")) {
      version = Array(rest[..<dash])
      release = Array(rest[(dash + 1)...])
    } else {
      version = Array(rest)
      release = nil
    }
  }

  static func compare(_ a: RPMVersion, _ b: RPMVersion) -> VersionComparison {
    VersionComparison(a.epoch, b.epoch).or(part(a.version, b.version)).or(part(a.release ?? [], b.release ?? []))
      .or(VersionComparison(a.release == nil ? 0 : 1, b.release == nil ? 0 : 1))
  }

  /// Stretches of digits and of letters in turn, whatever stands between them; `~` before the end and `^` after it.
  static func part(_ a: [UInt8], _ b: [UInt8]) -> VersionComparison {
    func isSeparator(_ byte: UInt8) -> Bool {
      !byte.isDecimal && !byte.isASCIILetter && byte != UInt8(ascii: "~") && byte != UInt8(ascii: "^")
    }
    var (x, y) = (a[...], b[...])
    while !x.isEmpty || !y.isEmpty {
      x = x.drop(while: isSeparator)
      y = y.drop(while: isSeparator)
      let tildes = (x.first == UInt8(ascii: "~"), y.first == UInt8(ascii: "~"))
      if tildes.0 || tildes.1 {
        if tildes.0 != tildes.1 { return tildes.0 ? .less : .greater }
        (x, y) = (x.dropFirst(), y.dropFirst())
        continue
      }
      let carets = (x.first == UInt8(ascii: "^"), y.first == UInt8(ascii: "^"))
      if carets.0 || carets.1 {
        if x.isEmpty { return .less }
        if y.isEmpty { return .greater }
        if carets.0 != carets.1 { return carets.0 ? .less : .greater }
        (x, y) = (x.dropFirst(), y.dropFirst())
        continue
      }
      guard let first = x.first, let other = y.first else { break }
      if first.isDecimal {
        // A number is newer than letters.
        guard other.isDecimal else { return .greater }
        let (m, n) = (x.prefix { $0.isDecimal }, y.prefix { $0.isDecimal })
        let outcome = VersionComparison(Digits(m), Digits(n))
        if outcome != .equal { return outcome }
        (x, y) = (x.dropFirst(m.count), y.dropFirst(n.count))
      } else {
        guard !other.isDecimal else { return .less }
        let (m, n) = (x.prefix { $0.isASCIILetter }, y.prefix { $0.isASCIILetter })
        if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) ? .less : .greater }
        (x, y) = (x.dropFirst(m.count), y.dropFirst(n.count))
      }
    }
    return x.isEmpty ? (y.isEmpty ? .equal : .less) : .greater
  }

}
