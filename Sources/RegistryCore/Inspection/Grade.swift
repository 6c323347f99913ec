internal import Metadata

/// How bad a vulnerability is, and who says so.
struct Grade {
  static let unknown = "unknown"

  var severity = unknown
  var source = ""
  /// In tenths.
  var score: Int?

  init() {}

  /// By what advisories of the package say; nil: none says it.
  ///
  /// - Parameter ranked: the one that counts most first.
  init?(_ ranked: [ImageFindingRow]) {
    guard let graded = ranked.first(where: { $0.finding.severity != Self.unknown })?.finding else { return nil }
    (severity, source, score) = (graded.severity, graded.severitySource, graded.score)
  }

  /// By records of the same vulnerability in other packages: that of the CVE itself, then vectors of the newest kind, then the word of
  /// whatever vendor. Nil: there is none.
  init?(_ recorded: [RecordedSeverity]) {
    func rank(_ one: RecordedSeverity) -> Int {
      if one.advisory == one.vulnerability { return 0 }
      switch one.source {
      case "CVSS_V4": return 1
      case "CVSS_V3": return 2
      case "CVSS_V2": return 4
      default: return 3
      }
    }
    guard let best = recorded.min(by: { (rank($0), $0.advisory) < (rank($1), $1.advisory) }) else { return nil }
    (severity, score) = (best.severity, best.score)
    source = best.source.isEmpty ? best.advisory : "\(best.source) of \(best.advisory)"
  }
}
