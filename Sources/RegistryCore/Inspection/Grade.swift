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

  /// By records of the same vulnerability in other packages. Nil: there is none.
  init?(_ recorded: [RecordedSeverity]) {
    guard let best = RecordedSeverity.chosen(recorded) else { return nil }
    (severity, score) = (best.severity, best.score)
    source = best.source.isEmpty ? best.advisory : "\(best.source) of \(best.advisory)"
  }
}
