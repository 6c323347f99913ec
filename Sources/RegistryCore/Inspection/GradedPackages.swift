internal import Metadata

extension Reading where Self: ~Copyable {
  /// Keys of versions of packages with a vulnerability so bad, as ``ImageFinding/severity`` tells it. What cannot be decided is none.
  ///
  /// - Cost: looks at all findings; groups those of packages whose records do not say the same.
  func packages(withFindingsOf severities: [String]) throws -> [Int64] {
    let flawed = try packages(flawed: severities)
    let names = try aliases(ofFindingsInPackages: flawed.doubtful)
    let groups = try findings(ofPackages: flawed.doubtful).mapValues { rows in
      VulnerabilityGroup.all(of: rows, names: names).filter { $0.rows[0].finding.state != "undecidable" }
    }
    let recorded = try self.severities(
      of: Set(groups.values.lazy.joined().filter(\.isUngraded).flatMap(\.askedNames)).sorted())
    let found = groups.filter { _, groups in
      groups.contains { severities.contains(Grade($0, recorded: recorded).severity) }
    }
    return (flawed.certain + found.keys).sorted()
  }
}
