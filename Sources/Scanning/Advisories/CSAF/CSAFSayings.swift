internal import OCI

/// What a vulnerability says of products beside their status: how bad it is there, and what the vendor means to do.
///
/// Source: CSAF 2.0, sections 3.2.3.12 (`remediations`), 3.2.3.13 (`scores`) and 3.2.3.14 (`threats`).
struct CSAFSayings {
  /// Of the vulnerability as a whole.
  private(set) var severities: [Severity] = []
  /// The vendor's word, where it has several for different products.
  private var words: [String: Severity] = [:]
  private var states: [String: Affected.State] = [:]
  private var left = CSAFReader.mentionLimit

  /// - Throws: when groups of products are named too often.
  init(_ vulnerability: JSONValue, _ tree: CSAFProductTree, _ head: CSAFHead) throws(ParseError) {
    let vectors = Self.vectors(vulnerability)
    for remediation in vulnerability["remediations"]?.array ?? [] {
      guard let state = Self.state(remediation) else { continue }
      for product in try products(of: remediation, tree) { states[product] = state }
    }
    let impacts = (vulnerability["threats"]?.array ?? []).filter { $0["category"]?.string == "impact" }
      .compactMap { threat -> (threat: JSONValue, severity: Severity)? in
        guard let word = threat["details"]?.string else { return nil }
        return Self.severity(word, head.vendor, vectors).map { (threat, $0) }
      }
    if Set(impacts.map(\.severity.band)).count > 1 {
      for impact in impacts {
        for product in try products(of: impact.threat, tree) { words[product] = impact.severity }
      }
    }
    let worst = impacts.map(\.severity).max { $0.band < $1.band }
    let whole = worst ?? head.severity.flatMap { Self.severity($0, head.vendor, vectors) }
    severities = (whole.map { [$0] } ?? []) + vectors
  }

  func severity(_ product: String) -> Severity? { words[product] }

  /// Of a product that is affected and not mended.
  func state(_ product: String) -> Affected.State { states[product] ?? .affected }

  /// What an entry names, by itself or in groups.
  private mutating func products(of entry: JSONValue, _ tree: CSAFProductTree) throws(ParseError) -> [String] {
    var found = (entry["product_ids"]?.array ?? []).compactMap(\.string)
    for group in entry["group_ids"]?.array ?? [] {
      guard let group = group.string.flatMap({ tree.groups[$0] }) else { continue }
      guard found.count + group.count <= left else { throw Self.tooMany }
      found += group
    }
    guard found.count <= left else { throw Self.tooMany }
    left -= found.count
    return found
  }

  private static var tooMany: ParseError {
    ParseError(.json, "a vulnerability names products more than \(CSAFReader.mentionLimit) times")
  }

  /// In the words of Red Hat, which come to the categories.
  static func state(_ remediation: JSONValue) -> Affected.State? {
    let words = remediation["details"]?.string?.lowercased() ?? ""
    switch remediation["category"]?.string {
    case "no_fix_planned": return words.contains("out of support") ? .endOfLife : .willNotFix
    case "none_available":
      if words.contains("deferred") { return .deferred }
      if words.contains("out of support") { return .endOfLife }
      if words.contains("will not fix") { return .willNotFix }
      return words.contains("under investigation") ? .underInvestigation : .affected
    default: return nil
    }
  }

  private static func severity(_ word: String, _ vendor: CSAFVendor, _ vectors: [Severity]) -> Severity? {
    let band = Severity.Band(word: word)
    guard band != .unknown else { return nil }
    return Severity(source: vendor.name, text: word, band: band, score: vectors.first?.score)
  }

  /// The worst of each version of CVSS, the newest first.
  private static func vectors(_ vulnerability: JSONValue) -> [Severity] {
    let scores = vulnerability["scores"]?.array ?? []
    return [("cvss_v4", "CVSS_V4"), ("cvss_v3", "CVSS_V3"), ("cvss_v2", "CVSS_V2")].compactMap { key, source in
      scores.compactMap { score -> Severity? in
        guard let vector = score[key]?["vectorString"]?.string, let rating = CVSS.rating(vector) else { return nil }
        return Severity(source: source, text: vector, band: rating.band, score: rating.score)
      }.max { ($0.score ?? 0) < ($1.score ?? 0) }
    }
  }
}
