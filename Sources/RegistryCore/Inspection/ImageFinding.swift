public import Ground
public import Metadata

/// One vulnerability of one version of a package in an image: all advisories that speak of it, told as one. An advisory that speaks of
/// several stands with each of them.
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
  /// When the first of the advisories that speak of it was known here.
  public let foundAt: Timestamp
  /// That of its own advisories; else of any record of the same vulnerability; `unknown` where none says it.
  public let severity: String
  /// Who says so: the vendor, or the kind of CVSS. ` of ` and a name follow where it is said by a record of another package.
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
  /// Those that count first, of them the worst first.
  static func sorted(_ findings: [ImageFinding]) -> [ImageFinding] {
    let orders = findings.map(\.order)
    return orders.indices.sorted { orders[$0] < orders[$1] }.map { findings[$0] }
  }

  /// - Parameters:
  ///   - known: what is known beside advisories, by names.
  ///   - recorded: how bad it is by other records, for where those of the package do not say; by names.
  init(
    _ group: VulnerabilityGroup<ImageFindingRow>, known: [String: VulnerabilityRow],
    recorded: [String: [RecordedSeverity]]
  ) {
    let rows = group.rows
    let first = rows[0]
    let facts = group.cve.flatMap { known[$0] }
    let grade = Grade(group, recorded: recorded)
    self.init(
      vulnerability: group.cve ?? first.advisory, advisory: first,
      others: Set(rows.dropFirst().map(\.advisory)).subtracting([first.advisory]).sorted(), names: group.names,
      package: first.package, paths: Set(rows.map(\.package.path)).sorted(),
      fixed: PackageOrder.highest(rows.compactMap(\.finding.fixed), ofType: first.package.type),
      state: first.finding.state, foundAt: rows.map(\.foundAt).min() ?? first.foundAt,
      severity: grade.severity, severitySource: grade.source, score: grade.score,
      exploitedSince: facts?.exploitedSince, epss: facts?.epss, epssPercentile: facts?.percentile, suppression: nil)
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
