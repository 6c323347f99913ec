internal import Metadata

/// How bad a vulnerability is, and who says so.
struct Grade {
  static let unknown = "unknown"

  var severity = unknown
  var source = ""
  /// In tenths.
  var score: Int?

  /// By what advisories of the package say of a vulnerability, else by records of the same one in other packages.
  ///
  /// - Parameter recorded: by the names that ungraded groups are asked by.
  init(_ group: VulnerabilityGroup<some NamedRow>, recorded: [String: [RecordedSeverity]]) {
    if let graded = group.rows.first(where: { $0.finding.severity != Self.unknown })?.finding {
      (severity, source, score) = (graded.severity, graded.severitySource, graded.score)
    } else if let best = RecordedSeverity.chosen(group.askedNames.flatMap { recorded[$0] ?? [] }) {
      (severity, score) = (best.severity, best.score)
      source = best.source.isEmpty ? best.advisory : "\(best.source) of \(best.advisory)"
    }
  }
}
