internal import Metadata

/// How packages are found by what their findings are graded.
enum GradedPackages {
  /// Packages whose findings are in memory at a time: some have a thousand.
  static let chunk = 200
}

extension Reading where Self: ~Copyable {
  /// Keys of versions of packages with a vulnerability so bad, as ``ImageFinding/severity`` tells it; some that no image has any more may
  /// be among them. What cannot be decided is none.
  ///
  /// - Parameter chunk: packages whose findings are in memory at a time.
  /// - Cost: looks at all findings; groups those of packages whose records do not say the same.
  func packages(withFindingsOf severities: [String], chunk: Int = GradedPackages.chunk) throws -> [Int64] {
    let flawed = try packages(flawed: severities)
    var found = flawed.certain
    var rest = flawed.doubtful[...]
    while !rest.isEmpty {
      found += try packages(among: Array(rest.prefix(chunk)), withFindingsOf: severities)
      rest = rest.dropFirst(chunk)
    }
    return found.sorted()
  }

  private func packages(among keys: [Int64], withFindingsOf severities: [String]) throws -> [Int64] {
    let found = try findings(ofPackages: keys)
    let names = try aliases(ofAdvisories: Set(found.values.lazy.joined().map(\.finding.advisory)).sorted())
    let groups = found.mapValues { rows in
      VulnerabilityGroup.all(of: rows, names: names).filter { $0.rows[0].finding.state != "undecidable" }
    }
    let recorded = try self.severities(
      of: Set(groups.values.lazy.joined().filter(\.isUngraded).flatMap(\.askedNames)).sorted())
    return keys.filter { key in
      groups[key]?.contains { severities.contains(Grade($0, recorded: recorded).severity) } ?? false
    }
  }
}
