/// `[epoch:]upstream[-revision]`.
///
/// Source: deb-version(7).
struct DpkgVersion: Sendable {
  let epoch: Digits
  let upstream: [UInt8]
  let revision: [UInt8]

  init?(_ text: [UInt8]) {
    var rest = text[...]
    if let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
      guard let epoch = Digits(parsing: rest[..<colon]) else { return nil }
      self.epoch = epoch
      rest = rest[(colon + 1)...]
    } else {
      epoch = .zero
    }
    if let dash = rest.lastIndex(of: UInt8(ascii: "-")) {
      upstream = Array(rest[..<dash])
      revision = Array(rest[(dash + 1)...])
    } else {
      upstream = Array(rest)
      revision = []
    }
    guard !upstream.isEmpty, upstream.allSatisfy(Self.isUpstream), revision.allSatisfy(Self.isRevision) else {
      return nil
    }
  }

  private static func isRevision(_ byte: UInt8) -> Bool {
    byte.isDecimal || byte.isASCIILetter || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".")
      || byte == UInt8(ascii: "~")
  }

  private static func isUpstream(_ byte: UInt8) -> Bool {
    isRevision(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
  }

  static func compare(_ a: DpkgVersion, _ b: DpkgVersion) -> VersionComparison {
    VersionComparison(a.epoch, b.epoch).or(part(a.upstream, b.upstream)).or(part(a.revision, b.revision))
  }

  /// Stretches without digits by letters before others, with `~` before the end; stretches of digits as numbers; in turn.
  static func part(_ a: [UInt8], _ b: [UInt8]) -> VersionComparison {
    func order(_ list: [UInt8], _ index: Int) -> Int {
      guard index < list.count, !list[index].isDecimal else { return 0 }
      let byte = list[index]
      if byte == UInt8(ascii: "~") { return -1 }
      return byte.isASCIILetter ? Int(byte) : Int(byte) + 256
    }
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      while (i < a.count && !a[i].isDecimal) || (j < b.count && !b[j].isDecimal) {
        let (x, y) = (order(a, i), order(b, j))
        if x != y { return x < y ? .less : .greater }
        i += 1
        j += 1
      }
      let (x, y) = (a.dropFirst(i).prefix { $0.isDecimal }, b.dropFirst(j).prefix { $0.isDecimal })
      let outcome = VersionComparison(Digits(x), Digits(y))
      if outcome != .equal { return outcome }
      i += x.count
      j += y.count
    }
    return .equal
  }
}
