import OCI

/// Findings in the form that code hosts and editors read.
///
/// Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
enum SARIF {
  private static let schema = "https://json.schemastore.org/sarif-2.1.0.json"

  /// - Parameter images: as the API tells of them, with their findings.
  static func log(of images: [JSONValue]) -> JSONValue {
    var run = SARIFRun()
    for image in images { run.add(image) }
    let gaps = images.isEmpty ? ["there are no images in it"] : images.compactMap(gap)
    return [
      "$schema": .string(schema), "version": "2.1.0",
      "runs": .array([
        [
          "tool": [
            "driver": ["name": "berth", "version": .string(Berth.version), "rules": .array(run.rules)]
          ], "invocations": .array([invocation(gaps)]), "results": .array(run.results),
        ]
      ]),
    ]
  }

  /// Why nothing found is no good news of an image; nil: it is.
  private static func gap(_ image: JSONValue) -> String? {
    InspectedReport(image) { _ in true }.gap.map { "\(image["image"]?.string ?? ""): \($0)" }
  }

  private static func invocation(_ gaps: [String]) -> JSONValue {
    [
      "executionSuccessful": .bool(gaps.isEmpty),
      "toolExecutionNotifications": .array(gaps.map { ["level": "error", "message": ["text": .string($0)]] }),
    ]
  }

  fileprivate static func rule(_ id: String, _ finding: JSONValue) -> JSONValue {
    let severity = finding["severity"]?.string ?? "unknown"
    let summary = finding["summary"]?.string ?? ""
    let likelihood = likelihood(finding)
    let tags: [JSONValue] = ["vulnerability", .string(severity)]
    let properties: JSONObject = [
      "tags": .array(tags + (likelihood["exploitedSince"] == nil ? [] : ["exploited"])),
      "security-severity": .string(score(finding, severity)),
    ]
    return [
      "id": .string(id), "shortDescription": ["text": .string(summary.isEmpty ? id : summary)],
      "properties": .object(JSONObject(properties.members + likelihood.members)),
    ]
  }

  /// Since when it is exploited (KEV), and how likely it will be, from 0 to 1 (EPSS), as far as that is known.
  private static func likelihood(_ finding: JSONValue) -> JSONObject {
    var object = JSONObject()
    if let day = finding["exploitedSince"]?.string { object.append("exploitedSince", .string(day)) }
    if let millionths = finding["epss"]?.integer { object.append("epss", .number(Double(millionths) / 1e6)) }
    return object
  }

  /// From 0.0 to 10.0, as code hosts rank by it: that of CVSS, or else one in the middle of the band.
  private static func score(_ finding: JSONValue, _ severity: String) -> String {
    if let tenths = finding["score"]?.integer { return "\(tenths / 10).\(tenths % 10)" }
    switch severity {
    case "critical": return "9.5"
    case "high": return "8.0"
    case "medium": return "5.5"
    case "low": return "2.0"
    default: return "0.0"
    }
  }

  fileprivate static func rule(_ id: String, _ kind: NoticeKind) -> JSONValue {
    [
      "id": .string(id), "shortDescription": ["text": .string(kind.title)],
      "properties": [
        "tags": .array([.string(kind.rawValue)]), "security-severity": .string(kind == .secret ? "8.0" : "0.0"),
      ],
    ]
  }

  fileprivate static func result(_ id: String, _ finding: JSONValue, _ image: String) -> JSONObject {
    let (package, version) = (finding["package"]?.string ?? "", finding["version"]?.string ?? "")
    let remedy = finding["fixed"]?.string.map { "fixed in \($0)" } ?? "\(finding["state"]?.string ?? "affected")"
    let paths = (finding["paths"]?.array ?? []).compactMap(\.string)
    var object: JSONObject = [
      "ruleId": .string(id), "level": .string(level(finding)),
      "message": ["text": .string("\(package) \(version) in \(image): \(id), \(remedy)")],
      "locations": .array(
        (paths.isEmpty ? [image] : paths).map { location($0, "\(image): \(package) \(version)") }),
    ]
    let likelihood = likelihood(finding)
    if !likelihood.members.isEmpty { object.append("properties", .object(likelihood)) }
    if let suppressed = finding["suppressed"], !suppressed.isNull {
      object.append(
        "suppressions",
        .array([
          [
            "kind": "external", "status": "accepted",
            "justification": .string(suppressed["reason"]?.string ?? ""),
          ]
        ]))
    }
    return object
  }

  fileprivate static func result(_ id: String, _ kind: NoticeKind, _ notice: JSONValue, _ image: String) -> JSONObject {
    let path = notice["path"]?.string ?? ""
    let words = [kind.title, notice["detail"]?.string ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
    let hidden = notice["hidden"]?.bool ?? false ? "; an upper layer removes it, and its layer still carries it" : ""
    return [
      "ruleId": .string(id), "kind": kind == .secret ? "fail" : "review", "level": kind == .secret ? "error" : "none",
      "message": ["text": .string("\(path) in \(image) is \(words)\(hidden)")],
      "locations": .array([location(path, "\(image): \(path)")]),
    ]
  }

  private static func location(_ path: String, _ text: String) -> JSONValue {
    [
      "physicalLocation": [
        "artifactLocation": ["uri": .string(PercentCoding.encodedPath(path))], "region": ["startLine": 1],
      ],
      "message": ["text": .string(text)],
    ]
  }

  private static func level(_ finding: JSONValue) -> String {
    switch finding["severity"]?.string {
    case "critical", "high": "error"
    case "medium": "warning"
    default: "note"
    }
  }
}

/// The rules and results of a run, as they are gathered.
private struct SARIFRun {
  private(set) var rules: [JSONValue] = []
  private(set) var results: [JSONValue] = []
  private var positions: [String: Int] = [:]
  private var fingerprints: [String: Int] = [:]

  mutating func add(_ image: JSONValue) {
    let name = image["image"]?.string ?? ""
    // The same flaw of two images is two results; that of the same image of another day is the same one.
    let place = "\(name.prefix { $0 != "@" && $0 != ":" }) \(image["platform"]?.string ?? "")"
    for finding in image["findings"]?.array ?? [] {
      let id = finding["vulnerability"]?.string ?? ""
      let parts = ["type", "package", "version"].map { finding[$0]?.string ?? "" }
      add(SARIF.result(id, finding, name), id, SARIF.rule(id, finding), ([id] + parts + [place]))
    }
    for notice in image["notices"]?.array ?? [] {
      guard let kind = NoticeKind.of(notice) else { continue }
      let detail = notice["detail"]?.string ?? ""
      let id = kind == .secret && !detail.isEmpty ? "\(kind.rawValue)/\(detail)" : kind.rawValue
      add(SARIF.result(id, kind, notice, name), id, SARIF.rule(id, kind), [id, notice["path"]?.string ?? "", place])
    }
  }

  private mutating func add(_ result: JSONObject, _ id: String, _ rule: JSONValue, _ mark: [String]) {
    let position = positions[id] ?? rules.count
    if position == rules.count {
      rules.append(rule)
      positions[id] = position
    }
    var result = result
    result.append("ruleIndex", .integer(Int64(position)))
    let text = mark.joined(separator: " ")
    let count = (fingerprints[text] ?? 0) + 1
    fingerprints[text] = count
    result.append("partialFingerprints", ["berth/v1": .string(count == 1 ? text : "\(text) \(count)")])
    results.append(.object(result))
  }
}

extension PercentCoding {
  /// A path whose slashes stay.
  fileprivate static func encodedPath(_ path: String) -> String {
    path.split(separator: "/").map { encoded(String($0)) }.joined(separator: "/")
  }
}
