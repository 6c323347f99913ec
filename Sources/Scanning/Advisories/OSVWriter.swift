public import OCI

/// Writes advisories in the form of OSV. What that form has no place for stands in `database_specific.berth`, so that
/// ``OSVReader`` reads from it all that was written.
///
/// Source: OSV schema 1.7.
public enum OSVWriter {
  /// A record. What an advisory has nothing of is left out.
  public static func record(_ advisory: Advisory) -> JSONValue {
    var object: JSONObject = ["id": .string(advisory.id)]
    func add(_ name: String, _ text: String?) {
      if let text, !text.isEmpty { object.append(name, .string(text)) }
    }
    func add(_ name: String, _ list: [JSONValue]) { if !list.isEmpty { object.append(name, .array(list)) } }
    add("modified", advisory.modified)
    add("published", advisory.published)
    add("withdrawn", advisory.withdrawn)
    add("aliases", advisory.aliases.map { .string($0) })
    add("upstream", advisory.upstream.map { .string($0) })
    add("related", advisory.related.map { .string($0) })
    add("summary", advisory.summary)
    add("details", advisory.details)
    write(advisory.severities, state: .affected, into: &object)
    add("affected", advisory.affected.map { entry($0) })
    add("references", advisory.references.map { ["type": "WEB", "url": .string($0)] })
    return .object(object)
  }

  private static func entry(_ affected: Affected) -> JSONValue {
    var package: JSONObject = [
      "ecosystem": .string(affected.ecosystem.description), "name": .string(affected.name),
    ]
    if let purl = affected.purl { package.append("purl", .string(purl)) }
    var object: JSONObject = ["package": .object(package)]
    if !affected.ranges.isEmpty { object.append("ranges", .array(affected.ranges.map { range($0) })) }
    if !affected.versions.isEmpty { object.append("versions", .array(affected.versions.map { .string($0) })) }
    write(affected.severities, state: affected.state, into: &object)
    return .object(object)
  }

  private static func range(_ range: AdvisoryRange) -> JSONValue {
    let events = range.events.map { event -> JSONValue in
      switch event {
      case .introduced(let version): ["introduced": .string(version)]
      case .fixed(let version): ["fixed": .string(version)]
      case .lastAffected(let version): ["last_affected": .string(version)]
      case .limit(let version): ["limit": .string(version)]
      }
    }
    return ["type": .string(range.kind.rawValue), "events": .array(events)]
  }

  /// Severities where OSV has them, and exactly as they are where reading those would give others.
  private static func write(_ severities: [Severity], state: Affected.State, into object: inout JSONObject) {
    let vectors = severities.filter { !$0.text.isEmpty && ($0.source.hasPrefix("CVSS") || $0.source == "Ubuntu") }
    let words = severities.filter { $0.source == "database" && !$0.text.isEmpty }
    var plain = JSONObject()
    if !vectors.isEmpty {
      plain.append("severity", .array(vectors.map { ["type": .string($0.source), "score": .string($0.text)] }))
    }
    var database = JSONObject()
    if let word = words.first { database.append("severity", .string(word.text)) }
    if !database.members.isEmpty { plain.append("database_specific", .object(database)) }
    let isPlain = isSame(OSVReader.severities(.object(plain)), severities)
    for member in plain.members where member.key != "database_specific" { object.append(member.key, member.value) }
    var own = JSONObject()
    if state != .affected { own.append("state", .string(state.rawValue)) }
    if !isPlain { own.append("severities", .array(severities.map { view($0) })) }
    if !own.members.isEmpty { database.append("berth", .object(own)) }
    if !database.members.isEmpty { object.append("database_specific", .object(database)) }
  }

  /// Whether they are kept alike: scores in tenths.
  private static func isSame(_ a: [Severity], _ b: [Severity]) -> Bool {
    a.elementsEqual(b) {
      $0.source == $1.source && $0.text == $1.text && $0.band == $1.band && tenths($0.score) == tenths($1.score)
    }
  }

  private static func tenths(_ score: Double?) -> Int? { score.map { Int(($0 * 10).rounded()) } }

  private static func view(_ severity: Severity) -> JSONValue {
    [
      "source": .string(severity.source), "text": .string(severity.text), "band": .string(severity.band.rawValue),
      "score": severity.score.map { .number($0) } ?? .null,
    ]
  }
}

extension OSVReader {
  /// What ``OSVWriter`` wrote of severities beside what OSV has a place for; nil: nothing.
  static func ownSeverities(_ value: JSONValue) -> [Severity]? {
    guard let list = value["database_specific"]?["berth"]?["severities"]?.array else { return nil }
    return list.prefix(severityLimit).compactMap { entry in
      guard let source = entry["source"]?.string, let text = entry["text"]?.string,
        let band = entry["band"]?.string.flatMap({ Severity.Band(rawValue: $0) })
      else { return nil }
      return Severity(source: source, text: text, band: band, score: score(entry["score"]))
    }
  }

  /// What ``OSVWriter`` wrote of what the vendor means to do.
  static func ownState(_ value: JSONValue) -> Affected.State? {
    value["database_specific"]?["berth"]?["state"]?.string.flatMap { Affected.State(rawValue: $0) }
  }

  /// Sources that say how bad one thing is.
  private static let severityLimit = 100
}
