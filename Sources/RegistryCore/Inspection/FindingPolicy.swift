internal import Ground
public import OCI

/// Which images are refused, or given out with a warning, for what is wrong with them.
public struct FindingPolicy: Sendable, Hashable {
  /// When it is asked.
  public enum Moment: String, Sendable, Hashable, CaseIterable {
    case pull, promotion
  }

  public var moments: Set<Moment>
  public var block: Conditions
  public var warn: Conditions

  /// `{"at": ["pull", "promotion"], "block": {"severity": "critical", "onlyFixable": true}, "warn": {"unscanned": true}}`
  public init(json: JSONValue) throws(ParseError) {
    try self.init(json, unlessSaid: Moment.allCases)
  }

  /// What an environment asks of the images that are promoted to it and, where `at` says so, of pulls of those that it runs. Promotions
  /// alone unless `at` is given.
  public init(ofEnvironment json: JSONValue) throws(ParseError) { try self.init(json, unlessSaid: [.promotion]) }

  private init(_ json: JSONValue, unlessSaid usual: [Moment]) throws(ParseError) {
    let reader = try RuleReader(json, ["at", "block", "warn"])
    let words = try reader.texts("at") ?? usual.map(\.rawValue)
    let moments = words.compactMap { Moment(rawValue: $0) }
    guard moments.count == words.count, !moments.isEmpty else {
      let all = Moment.allCases.map(\.rawValue).joined(separator: ", ")
      throw ParseError(.parameter, "“at” is a list of \(all)")
    }
    self.moments = Set(moments)
    (block, warn) = try Self.conditions(reader)
  }

  private static func conditions(_ reader: RuleReader) throws(ParseError) -> (block: Conditions, warn: Conditions) {
    let block = try Conditions(json: reader.value("block") ?? [:])
    let warn = try Conditions(json: reader.value("warn") ?? [:])
    guard !block.isEmpty || !warn.isEmpty else {
      throw ParseError(.parameter, "say what is to be blocked, or warned of")
    }
    return (block, warn)
  }

  public var json: JSONValue {
    [
      "at": .array(Moment.allCases.filter { moments.contains($0) }.map { .string($0.rawValue) }), "block": block.json,
      "warn": warn.json,
    ]
  }

  /// As ``init(ofEnvironment:)`` reads it; `at` only where it is not as usual.
  public var environmentJSON: JSONValue { moments == [.promotion] ? ["block": block.json, "warn": warn.json] : json }

  /// What makes an image fall under a policy. Each part does by itself; `onlyFixable` and `graceDays` make the findings fewer
  /// that count.
  public struct Conditions: Sendable, Hashable {
    /// Findings of this severity or worse; `unknown`: every finding, also one of which nobody says how bad it is.
    public var severity: String?
    /// Findings that are known to be exploited.
    public var isExploited = false
    /// Findings whose probability of being exploited is above so many percent.
    public var epssPercentAbove: Int?
    /// Only findings for which there is a version that mends them.
    public var onlyFixable = false
    /// Only findings that have been known here for longer than so many days.
    public var graceDays: Int?
    /// Images that were not read, or cannot be judged.
    public var isUnscanned = false
    /// Images of a distribution that gets no updates any more.
    public var isEndOfLife = false
    /// Images with a private key or a credential in them.
    public var hasSecret = false

    static let names = [
      "severity", "exploited", "epssPercentAbove", "onlyFixable", "graceDays", "unscanned", "endOfLife", "secret",
    ]
    static let daysLimit: ClosedRange<Int64> = 0...3650

    init(json: JSONValue) throws(ParseError) {
      let reader = try RuleReader(json, Self.names)
      severity = try reader.text("severity")
      if let severity, !ImageFinding.severities.contains(severity) {
        throw ParseError(.parameter, "“severity” is one of \(ImageFinding.severities.joined(separator: ", "))")
      }
      isExploited = try reader.flag("exploited")
      epssPercentAbove = try reader.number("epssPercentAbove", 0...99).map { Int($0) }
      onlyFixable = try reader.flag("onlyFixable")
      graceDays = try reader.number("graceDays", Self.daysLimit).map { Int($0) }
      isUnscanned = try reader.flag("unscanned")
      isEndOfLife = try reader.flag("endOfLife")
      hasSecret = try reader.flag("secret")
      guard onlyFixable == false && graceDays == nil || asksFindings else {
        throw ParseError(
          .parameter, "“onlyFixable” and “graceDays” go with “severity”, “exploited” or “epssPercentAbove”")
      }
    }

    var asksFindings: Bool { severity != nil || isExploited || epssPercentAbove != nil }

    public var isEmpty: Bool { !asksFindings && !isUnscanned && !isEndOfLife && !hasSecret }

    var json: JSONValue {
      var object = JSONObject()
      if let severity { object.append("severity", .string(severity)) }
      if isExploited { object.append("exploited", true) }
      if let epssPercentAbove { object.append("epssPercentAbove", .integer(Int64(epssPercentAbove))) }
      if onlyFixable { object.append("onlyFixable", true) }
      if let graceDays { object.append("graceDays", .integer(Int64(graceDays))) }
      if isUnscanned { object.append("unscanned", true) }
      if isEndOfLife { object.append("endOfLife", true) }
      if hasSecret { object.append("secret", true) }
      return .object(object)
    }
  }
}
