import OCI

/// Findings in the form that code hosts and editors read.
///
/// Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
enum SARIF {
  private static let schema = "https://json.schemastore.org/sarif-2.1.0.json"

  /// - Parameter images: as the API tells of them, with their findings.
  static func log(of images: [JSONValue]) -> JSONValue {
    var rules: [JSONValue] = []
    var positions: [String: Int] = [:]
    var results: [JSONValue] = []
    for image in images {
      let name = image["image"]?.string ?? ""
      for finding in image["findings"]?.array ?? [] {
        let id = finding["vulnerability"]?.string ?? ""
        let position = positions[id] ?? rules.count
        if position == rules.count {
          rules.append(rule(id, finding))
          positions[id] = position
        }
        results.append(result(id, position, finding, name))
      }
    }
    return [
      "$schema": .string(schema), "version": "2.1.0",
      "runs": .array([
        [
          "tool": [
            "driver": [
              "name": "berth", "version": .string(Berth.version), "rules": .array(rules),
            ]
          ], "results": .array(results),
        ]
      ]),
    ]
  }

  private static func rule(_ id: String, _ finding: JSONValue) -> JSONValue {
    let severity = finding["severity"]?.string ?? "unknown"
    let summary = finding["summary"]?.string ?? ""
    return [
      "id": .string(id), "shortDescription": ["text": .string(summary.isEmpty ? id : summary)],
      "properties": [
        "tags": .array(["vulnerability", .string(severity)]), "security-severity": .string(score(finding, severity)),
      ],
    ]
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

  private static func result(_ id: String, _ rule: Int, _ finding: JSONValue, _ image: String) -> JSONValue {
    let (package, version) = (finding["package"]?.string ?? "", finding["version"]?.string ?? "")
    let remedy = finding["fixed"]?.string.map { "fixed in \($0)" } ?? "\(finding["state"]?.string ?? "affected")"
    let paths = (finding["paths"]?.array ?? []).compactMap(\.string)
    var object: JSONObject = [
      "ruleId": .string(id), "ruleIndex": .integer(Int64(rule)), "level": .string(level(finding)),
      "message": ["text": .string("\(package) \(version) in \(image): \(id), \(remedy)")],
      "locations": .array(
        (paths.isEmpty ? [image] : paths).map { path in
          [
            "physicalLocation": [
              "artifactLocation": ["uri": .string(PercentCoding.encodedPath(path))], "region": ["startLine": 1],
            ],
            "message": ["text": .string("\(image): \(package) \(version)")],
          ]
        }),
      "partialFingerprints": ["berth/v1": .string("\(id) \(package) \(version)")],
    ]
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
    return .object(object)
  }

  private static func level(_ finding: JSONValue) -> String {
    switch finding["severity"]?.string {
    case "critical", "high": "error"
    case "medium": "warning"
    default: "note"
    }
  }
}

extension PercentCoding {
  /// A path whose slashes stay.
  fileprivate static func encodedPath(_ path: String) -> String {
    path.split(separator: "/").map { encoded(String($0)) }.joined(separator: "/")
  }
}
