public import OCI

/// Reads advisories in the form of OSV.
///
/// Source: OSV schema 1.7.
public enum OSVReader {
  /// Of one record. The largest that OSV publishes have some megabytes.
  public static let recordLimitBytes = 16 << 20
  /// Of a text that is shown.
  static let detailsLimitBytes = 16 << 10
  /// Of lists in a record: packages, ranges, versions, names. The largest published have tens of thousands of versions.
  static let listLimit = 200_000

  /// - Throws: ``ParseError`` for what is no record.
  public static func advisory(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> Advisory {
    guard bytes.count <= recordLimitBytes else {
      throw ParseError(.json, "a record has more than \(recordLimitBytes) bytes")
    }
    return try advisory(try JSONValue.parse(bytes, depthLimit: 64))
  }

  /// - Throws: ``ParseError`` for what is no record.
  public static func advisory(_ record: JSONValue) throws(ParseError) -> Advisory {
    guard let id = record["id"]?.string, !id.isEmpty else { throw ParseError(.json, "a record has no id") }
    // Other catalogues have an id too. What we write of feeds that know no moment of change has what it affects alone.
    guard record["modified"]?.string != nil || record["affected"]?.array != nil else {
      throw ParseError(.json, "\(id.prefix(80)) is no record of OSV: it has neither “modified” nor “affected”")
    }
    var advisory = Advisory(id: id)
    advisory.modified = record["modified"]?.string ?? ""
    advisory.published = record["published"]?.string
    advisory.withdrawn = record["withdrawn"]?.string
    advisory.aliases = texts(record["aliases"])
    advisory.upstream = texts(record["upstream"])
    advisory.related = texts(record["related"])
    advisory.summary = record["summary"]?.string
    advisory.details = record["details"]?.string.map {
      $0.utf8.count > detailsLimitBytes ? String($0.prefix(detailsLimitBytes / 4)) : $0
    }
    advisory.references = (record["references"]?.array ?? []).prefix(100).compactMap { $0["url"]?.string }
    advisory.severities = severities(record)
    // Mostly all packages of a record are of one.
    var ecosystem: (text: String, value: Ecosystem)?
    for entry in (record["affected"]?.array ?? []).prefix(listLimit) {
      guard let name = entry["package"]?["name"]?.string, let text = entry["package"]?["ecosystem"]?.string
      else { continue }
      if ecosystem?.text != text { ecosystem = (text, Ecosystem(parsing: text)) }
      guard let ecosystem else { continue }
      var affected = Affected(ecosystem: ecosystem.value, name: name)
      affected.purl = entry["package"]?["purl"]?.string
      affected.versions = texts(entry["versions"])
      affected.ranges = (entry["ranges"]?.array ?? []).compactMap { range($0) }
      affected.severities = severities(entry)
      if let state = ownState(entry) { affected.state = state }
      advisory.affected.append(affected)
    }
    if ownSeverities(record) == nil, let word = severity(ofSummary: advisory.summary, by: advisory.affected) {
      advisory.severities.append(word)
    }
    return advisory
  }

  private static func texts(_ value: JSONValue?) -> [String] {
    (value?.array ?? []).prefix(listLimit).compactMap(\.string)
  }

  private static func range(_ value: JSONValue) -> AdvisoryRange? {
    // Records of Kubernetes have had ranges without a type, of versions. Other types than the schema's name nothing that we know.
    let type = value["type"]?.string ?? (value["repo"] == nil ? AdvisoryRange.Kind.ecosystem : .git).rawValue
    guard let kind = AdvisoryRange.Kind(rawValue: type) else { return nil }
    let events = (value["events"]?.array ?? []).prefix(listLimit).compactMap { event -> AdvisoryRange.Event? in
      if let version = event["introduced"]?.string { return .introduced(version) }
      if let version = event["fixed"]?.string { return .fixed(version) }
      if let version = event["last_affected"]?.string { return .lastAffected(version) }
      if let version = event["limit"]?.string { return .limit(version) }
      return nil
    }
    return AdvisoryRange(kind, events)
  }

  /// Vectors of CVSS, and the words of vendors.
  static func severities(_ value: JSONValue) -> [Severity] {
    if let own = ownSeverities(value) { return own }
    var found: [Severity] = []
    for entry in value["severity"]?.array ?? [] {
      guard let type = entry["type"]?.string, let score = entry["score"]?.string else { continue }
      if type.hasPrefix("CVSS") {
        let rated = CVSS.rating(score)
        found.append(Severity(source: type, text: score, band: rated?.band ?? .unknown, score: rated?.score))
      } else {
        found.append(Severity(source: type, text: score, band: Severity.Band(word: score)))
      }
    }
    found += bareScores(value["database_specific"])
    for (place, source) in [("ecosystem_specific", "distribution"), ("database_specific", "database")] {
      let word = value[place]?["urgency"]?.string ?? value[place]?["severity"]?.string
      guard let word, Severity.Band(word: word) != .unknown else { continue }
      found.append(Severity(source: source, text: word, band: Severity.Band(word: word)))
    }
    return found
  }
}

extension Severity.Band {
  /// The word of a vendor, in whatever case.
  public init(word: String) {
    switch word.lowercased() {
    case "critical": self = .critical
    case "high", "important": self = .high
    case "medium", "moderate": self = .medium
    case "low": self = .low
    case "negligible", "unimportant", "none": self = .negligible
    default: self = .unknown
    }
  }

  /// Source: CVSS 3.1 and 4.0, "Qualitative Severity Rating Scale".
  public init(score: Double) {
    switch score {
    case 9...: self = .critical
    case 7..<9: self = .high
    case 4..<7: self = .medium
    case 0.1..<4: self = .low
    default: self = .negligible
    }
  }
}

extension Severity {
  /// The one to be shown: a vendor's own word before vectors, of those the newest kind.
  public static func chosen(_ all: [Severity]) -> Severity? {
    func rank(_ severity: Severity) -> Int {
      switch severity.source {
      case "CVSS_V4": 1
      case "CVSS_V3": 2
      case "CVSS_V2": 3
      case "database": 4
      default: 0
      }
    }
    return all.filter { $0.band != .unknown }.min { rank($0) < rank($1) }
  }
}
