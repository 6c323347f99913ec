internal import OCI

// What some sources write elsewhere than OSV has a place for it.
extension OSVReader {
  /// The word before the first colon of a summary, as Red Hat and those that follow it grade: `Important: xz security update`.
  ///
  /// Source: access.redhat.com, "Severity ratings"; the records of AlmaLinux and Rocky Linux.
  static func severity(ofSummary summary: String?, by affected: [Affected]) -> Severity? {
    guard let summary, let first = affected.first?.ecosystem, first.isDistribution,
      let colon = summary.utf8.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    let word = String(summary[..<colon])
    guard ["Critical", "Important", "Moderate", "Low"].contains(word) else { return nil }
    return Severity(source: first.name, text: word, band: Severity.Band(word: word))
  }

  /// Scores without their vectors, as the advisories of RubyGems have them.
  static func bareScores(_ database: JSONValue?) -> [Severity] {
    guard let database else { return [] }
    return [("cvss_v4", "CVSS_V4"), ("cvss_v3", "CVSS_V3"), ("cvss_v2", "CVSS_V2")].compactMap { name, source in
      score(database[name]).map { Severity(source: source, text: "", band: Severity.Band(score: $0), score: $0) }
    }
  }

  /// Nil for what is no score.
  static func score(_ value: JSONValue?) -> Double? {
    let score: Double? =
      switch value {
      case .integer(let whole): Double(whole)
      case .number(let number): number
      default: nil
      }
    return score.flatMap { (0...10).contains($0) ? $0 : nil }
  }
}

extension Advisory {
  /// Under which names what it speaks of is known beside its own: the same flaw's, and those that a distribution mended with it.
  ///
  /// Distributions that know no `upstream` write CVEs into `related`. These count where a record of distributions names no CVE
  /// otherwise: in others they are what comes to mind.
  public var flaws: [String] {
    var names = aliases + upstream
    let others = related.filter { $0.hasPrefix("CVE-") }
    if !others.isEmpty, !names.contains(where: { $0.hasPrefix("CVE-") }), !id.contains("CVE-"), isOfDistributions {
      names += others
    }
    return names.count < 2 ? names : Set(names).sorted()
  }

  private var isOfDistributions: Bool {
    // Mostly all packages of a record are of one.
    var known: Ecosystem?
    for entry in affected where entry.ecosystem != known {
      guard entry.ecosystem.isDistribution else { return false }
      known = entry.ecosystem
    }
    return known != nil
  }
}

extension Ecosystem {
  /// It is a distribution of an operating system.
  var isDistribution: Bool {
    switch VersionOrder(ecosystem: name) {
    case .dpkg, .apk, .rpm: true
    default: false
    }
  }
}
