import OCI

/// An image with its findings, as the server tells of them.
struct InspectedReport {
  let json: JSONValue
  /// Those that are shown.
  private let findings: [JSONValue]
  /// Files that are findings of their own kind.
  private let notices: [JSONValue]

  init(_ image: JSONValue, keeping: (JSONValue) -> Bool) {
    findings = (image["findings"]?.array ?? []).filter(keeping)
    notices = (image["notices"]?.array ?? []).filter { NoticeKind.of($0) != nil }
    let kept = findings
    json = .object(
      JSONObject(
        (image.object?.members ?? []).map {
          $0.key == "findings" ? .init(key: "findings", value: .array(kept)) : $0
        }))
  }

  /// Why it cannot be judged, or not all of it; nil: it can.
  var gap: String? {
    switch json["state"]?.string {
    case "inventoried", "none", "not-here": json["unjudged"]?.string
    case let state: "\(state ?? ""): \(json["reason"]?.string ?? "it is not read yet")"
    }
  }

  /// Whether there is something that a command is to fail on, or nothing can be said.
  func fails(_ conditions: [FailCondition]) -> Bool {
    conditions.contains { condition in
      switch condition {
      // Without advisories, nothing found is no good news.
      case .severity(let limit): gap != nil || findings.contains { counts($0) && SeverityName.of($0) >= limit }
      case .notice(let kind): isUnread || notices.contains { NoticeKind.of($0) == kind }
      }
    }
  }

  /// An index may list images that nobody copied here.
  var isHere: Bool { json["state"]?.string != "not-here" }

  private func counts(_ finding: JSONValue) -> Bool { finding["suppressed"]?.isNull ?? true }

  /// Its files are not known. They are where only its distribution is not.
  private var isUnread: Bool { ["waiting", "failed", "beyond-limit"].contains(json["state"]?.string) }

  /// The finding with who says that it does not count, in words.
  private static func withReason(_ finding: JSONValue) -> JSONValue {
    guard var object = finding.object, let suppressed = finding["suppressed"], !suppressed.isNull else {
      return finding
    }
    let words = [suppressed["by"]?.string, suppressed["reason"]?.string].compactMap { $0 }
    object.append("because", .string("\(words.joined(separator: ": ")) (\(suppressed["author"]?.string ?? ""))"))
    return .object(object)
  }

  /// The finding with the probability that it will be exploited, in percent.
  static func withChance(_ finding: JSONValue) -> JSONValue {
    guard var object = finding.object, let millionths = finding["epss"]?.integer else { return finding }
    let tenths = (millionths + 500) / 1000
    object.append("chance", .string(tenths == 0 ? "<0.1%" : "\(tenths / 10).\(tenths % 10)%"))
    return .object(object)
  }

  /// - Parameter withNotices: also files that are no secrets.
  func tell(_ remote: RemoteOptions, withNotices: Bool = false) {
    let platform = json["platform"]?.string.map { "  \($0)" } ?? ""
    let system = json["distribution"]?.string ?? "no distribution"
    print("\(json["image"]?.string ?? "")\(platform)  \(system)  \(counted(json["packages"]?.integer ?? 0, "package"))")
    let isInventoried = json["state"]?.string == "inventoried"
    if json["state"]?.string == "none" { print("It holds nothing that could be inspected.") }
    if !isHere { print("It is not here: \(json["reason"]?.string ?? "")") }
    if let gap, !isInventoried { print(gap) }
    if let support = json["support"]?.string { print("Note: \(support)") }
    if let unjudged = json["unjudged"]?.string { print("Note: \(unjudged)") }
    tellGaps()
    let shown = withNotices ? notices : notices.filter { NoticeKind.of($0) == .secret }
    if findings.isEmpty, shown.isEmpty, isInventoried, gap == nil { print("Nothing that counts is known.") }
    if !findings.isEmpty { tellFindings(remote) }
    if !shown.isEmpty {
      remote.show(
        shown, [("kind", "kind"), ("what", "detail"), ("path", "path"), ("layer", "layer"), ("hidden", "hidden")])
    }
  }

  /// So many are told of what is not known of an image that is judged.
  private static let gapLimit = 5

  private func tellGaps() {
    let gaps = json["gaps"]?.array?.compactMap(\.string) ?? []
    for gap in gaps.prefix(Self.gapLimit) { print("Not known: \(gap)") }
    if gaps.count > Self.gapLimit { print("Not known: \(gaps.count - Self.gapLimit) more (--output json)") }
  }

  private func tellFindings(_ remote: RemoteOptions) {
    // Where no feed of it is here, it would be empty.
    let chance = findings.contains { $0["epss"]?.integer != nil } ? [("epss", "chance")] : []
    let columns =
      [
        ("severity", "severity"), ("vulnerability", "vulnerability"), ("package", "package"), ("version", "version"),
        ("fixed", "fixed"), ("state", "state"), ("exploited", "exploitedSince"),
      ] + chance + [("advisory", "advisory")]
    remote.show(
      findings.map(Self.withReason).map(Self.withChance),
      findings.allSatisfy(counts) ? columns : columns + [("does not count", "because")])
  }
}
