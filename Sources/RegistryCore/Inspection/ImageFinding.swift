public import Metadata

/// One vulnerability of one version of a package in an image: all advisories that speak of it, told as one.
public struct ImageFinding: Sendable, Hashable {
  /// A CVE where one is known, else the name of the advisory.
  public let vulnerability: String
  /// The advisory that counts: the distribution's own before others, one that knows a remedy before one that does not.
  public let advisory: ImageFindingRow
  /// The others.
  public let others: [String]
  /// Every name of it.
  public let names: [String]
  public let package: ImagePackageRow
  /// Files of the image that name the package.
  public let paths: [String]
  /// The version that mends it by all advisories that know one: the highest of theirs.
  public let fixed: String?
  /// `affected`, `will-not-fix`, `deferred`, `end-of-life`, `under-investigation`, `undecidable`.
  public let state: String
  public let severity: String
  public let severitySource: String
  /// In tenths.
  public let score: Int?
  /// The day since which it is known to be exploited.
  public let exploitedSince: String?
  /// In millionths.
  public let epss: Int?
  public let epssPercentile: Int?
  /// Why it does not count; nil: it does.
  public internal(set) var suppression: Suppression?

  /// Somebody has said that a finding does not count here. It is shown all the same.
  public struct Suppression: Sendable, Hashable {
    public enum Source: String, Sendable, Hashable {
      case vex, exception
    }

    public let source: Source
    /// `not_affected`, `fixed`; of an exception `accepted`.
    public let status: String
    /// The justification of a VEX statement, or the reason of an exception.
    public let reason: String
    public let author: String
    /// Of an exception, its number; of VEX the document.
    public let reference: String
  }
}

extension ImageFinding {
  /// Tells findings of an image by vulnerability.
  ///
  /// Two advisories of the same version of a package are one vulnerability when they share a name: their own, an alias, or what a
  /// distribution made the record from.
  ///
  /// - Parameters:
  ///   - names: every name of each advisory, by its key.
  ///   - known: what is known beside advisories, by names.
  /// - Returns: package by package; ``sorted(_:)`` brings the worst to the front.
  static func grouping(
    _ rows: [ImageFindingRow], names: [Int64: [String]], known: [String: VulnerabilityRow]
  ) -> [ImageFinding] {
    var found: [ImageFinding] = []
    for (_, rows) in Dictionary(grouping: rows, by: \.package.key).sorted(by: { $0.key < $1.key }) {
      for group in groups(of: rows, names: names) { found.append(finding(group, names: names, known: known)) }
    }
    return found
  }

  /// Those that count first, of them the worst first.
  static func sorted(_ findings: [ImageFinding]) -> [ImageFinding] {
    let orders = findings.map(\.order)
    return orders.indices.sorted { orders[$0] < orders[$1] }.map { findings[$0] }
  }

  /// Rows of one package whose advisories share names, transitively.
  private static func groups(of rows: [ImageFindingRow], names: [Int64: [String]]) -> [[ImageFindingRow]] {
    var groups: [(names: Set<String>, rows: [ImageFindingRow])] = []
    for row in rows {
      var own = Set(names[row.finding.advisory] ?? [])
      own.insert(row.advisory)
      var joined = [row]
      groups.removeAll { group in
        guard !group.names.isDisjoint(with: own) else { return false }
        own.formUnion(group.names)
        joined = group.rows + joined
        return true
      }
      groups.append((own, joined))
    }
    return groups.map(\.rows)
  }

  private static func finding(
    _ rows: [ImageFindingRow], names: [Int64: [String]], known: [String: VulnerabilityRow]
  ) -> ImageFinding {
    let ranked = rows.count == 1 ? rows : rows.sorted { rank($0) < rank($1) }
    let first = ranked[0]
    let all = Set(rows.flatMap { (names[$0.finding.advisory] ?? []) + [$0.advisory] }).sorted()
    let vulnerability = all.first { $0.hasPrefix("CVE-") } ?? first.advisory
    let facts = all.compactMap { known[$0] }
    let graded = ranked.first { $0.finding.severity != "unknown" } ?? first
    return ImageFinding(
      vulnerability: vulnerability, advisory: first,
      others: Set(ranked.dropFirst().map(\.advisory)).subtracting([first.advisory]).sorted(), names: all,
      package: first.package, paths: Set(rows.map(\.package.path)).sorted(),
      fixed: PackageOrder.highest(ranked.compactMap(\.finding.fixed), ofType: first.package.type),
      state: first.finding.state,
      severity: graded.finding.severity, severitySource: graded.finding.severitySource, score: graded.finding.score,
      exploitedSince: facts.lazy.compactMap(\.exploitedSince).first, epss: facts.lazy.compactMap(\.epss).max(),
      epssPercentile: facts.lazy.compactMap(\.percentile).max(), suppression: nil)
  }

  private struct Rank: Comparable {
    let parts: [Int]
    let name: String
    static func < (a: Rank, b: Rank) -> Bool {
      a.parts == b.parts ? a.name < b.name : a.parts.lexicographicallyPrecedes(b.parts)
    }
  }

  private static func rank(_ row: ImageFindingRow) -> Rank {
    // What decides counts before what cannot decide; a record of this very flaw before a bundle of several.
    Rank(
      parts: [
        row.finding.state == "undecidable" ? 1 : 0, row.advisory.contains("CVE-") ? 0 : 1,
        row.finding.fixed == nil ? 1 : 0,
      ], name: row.advisory)
  }

  private var order: Rank {
    Rank(
      parts: [suppression == nil ? 0 : 1, -Self.severities.distance(to: severity)],
      name: "\(package.name)\u{0}\(package.version)\u{0}\(vulnerability)")
  }

  /// From the least on.
  public static let severities = ["unknown", "negligible", "low", "medium", "high", "critical"]
}

extension [String] {
  fileprivate func distance(to word: String) -> Int { firstIndex(of: word) ?? 0 }
}
