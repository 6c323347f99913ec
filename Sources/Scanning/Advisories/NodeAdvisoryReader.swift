internal import OCI

/// Reads the advisories of npm packages that the security working group of Node.js kept until 2019, by ranges of npm.
///
/// Source: nodejs/security-wg, `vuln/npm`: `module_name`, `vulnerable_versions`, `patched_versions`, `cves`, `cvss_vector`.
enum NodeAdvisoryReader {
  static func recognises(_ record: JSONValue) -> Bool {
    record["module_name"] != nil && record["vulnerable_versions"] != nil
  }

  /// - Throws: kind `.json` for what is no such record.
  static func advisory(_ record: JSONValue) throws(ParseError) -> Advisory {
    guard let id = record["id"]?.string, let name = record["module_name"]?.string,
      let text = record["vulnerable_versions"]?.string
    else { throw ParseError(.json, "an advisory of Node.js has id, module_name and vulnerable_versions as texts") }
    // Asked as `npm audit` does: what comes before a release that is affected is so too.
    guard let range = NodeRange(parsing: text, includesPrereleases: true) else {
      throw ParseError(.json, "\(id.prefix(80)): “\(text.prefix(80))” is no range of npm")
    }
    var advisory = Advisory(id: id)
    advisory.modified = record["updated_at"]?.string ?? ""
    advisory.published = record["publish_date"]?.string
    advisory.aliases = (record["cves"]?.array ?? []).compactMap(\.string)
    advisory.summary = record["title"]?.string
    advisory.details = record["overview"]?.string.map { String($0.prefix(OSVReader.detailsLimitBytes / 4)) }
    advisory.references = (record["references"]?.array ?? []).prefix(100).compactMap(\.string)
    if let vector = record["cvss_vector"]?.string, let rated = CVSS.rating(vector) {
      advisory.severities = [Severity(source: "CVSS_V3", text: vector, band: rated.band, score: rated.score)]
    }
    var affected = Affected(ecosystem: Ecosystem("npm"), name: name)
    affected.ranges = range.ranges
    advisory.affected = [affected]
    return advisory
  }
}
