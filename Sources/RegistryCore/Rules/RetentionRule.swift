internal import Ground
public import Metadata
public import OCI

/// Which tags are kept: those that any of its parts keeps. With no part that keeps, it deletes no tag.
public struct RetentionRule: Sendable, Hashable {
  public static let countLimit: ClosedRange<Int64> = 1...1_000_000

  /// The newest so many tags, by when they were pointed where they point.
  public var keepLast: Int?
  /// Tags that were pointed in the last so many days.
  public var keepNewerThanDays: Int?
  /// Tags whose image was pulled in the last so many days.
  public var keepPulledWithinDays: Int?
  /// Tags of these kinds.
  public var keepTags: TagSelector?
  /// Tags that are versions in this range.
  public var keepVersions: VersionRange?
  /// The tags that it is about; others are left alone.
  public var appliesTo = TagSelector.everything
  /// Images that nothing names go after so many days.
  public var deleteUntaggedAfterDays: Int?

  private static let names = [
    "keepLast", "keepNewerThanDays", "keepPulledWithinDays", "keepTags", "keepVersions", "appliesTo",
    "deleteUntaggedAfterDays",
  ]

  /// `{"keepLast": 10, "keepTags": ["semver"], "deleteUntaggedAfterDays": 7}`
  public init(json: JSONValue) throws(ParseError) {
    let reader = try RuleReader(json, Self.names)
    keepLast = try reader.number("keepLast", Self.countLimit).map { Int($0) }
    keepNewerThanDays = try reader.number("keepNewerThanDays", HistoryRule.daysLimit).map { Int($0) }
    keepPulledWithinDays = try reader.number("keepPulledWithinDays", HistoryRule.daysLimit).map { Int($0) }
    if let texts = try reader.texts("keepTags") { keepTags = try TagSelector(parsing: texts) }
    if let text = try reader.text("keepVersions") { keepVersions = try VersionRange(parsing: text) }
    if let texts = try reader.texts("appliesTo") { appliesTo = try TagSelector(parsing: texts) }
    deleteUntaggedAfterDays = try reader.number("deleteUntaggedAfterDays", HistoryRule.daysLimit).map { Int($0) }
    guard deletesTags || deleteUntaggedAfterDays != nil else {
      throw ParseError(.parameter, "say what is kept, or when untagged images go")
    }
  }

  /// Whether any part keeps: else no tag is deleted.
  public var deletesTags: Bool {
    keepLast != nil || keepNewerThanDays != nil || keepPulledWithinDays != nil || keepTags != nil || keepVersions != nil
  }

  public var json: JSONValue {
    var object = JSONObject()
    func add(_ name: String, _ value: Int?) {
      if let value { object.append(name, .integer(Int64(value))) }
    }
    func add(_ name: String, _ value: TagSelector?) {
      if let value { object.append(name, .array(value.texts.map { .string($0) })) }
    }
    add("keepLast", keepLast)
    add("keepNewerThanDays", keepNewerThanDays)
    add("keepPulledWithinDays", keepPulledWithinDays)
    add("keepTags", keepTags)
    if let keepVersions { object.append("keepVersions", .string(keepVersions.text)) }
    add("appliesTo", appliesTo)
    add("deleteUntaggedAfterDays", deleteUntaggedAfterDays)
    return .object(object)
  }

  /// Decides for all tags of a repository, with the reason.
  ///
  /// - Parameters:
  ///   - tags: the newest first, by when they were pointed where they point.
  ///   - running: which environments run an image now.
  ///   - present: of the manifests to which tags belong by their names, those that are here.
  func decide(
    _ tags: [RetainedTag], _ rules: TagRules, running: [Digest: [Tag]], present: Set<Digest> = [], now: Timestamp
  ) -> [RetentionDecision] {
    let followed = Self.followedVersions(tags, rules)
    var position = 0
    var decisions = tags.map { tag in
      if let reason = whatHolds(tag, rules, running, present) {
        return RetentionDecision(tag: tag, isKept: true, reason: reason)
      }
      // Only what could go by itself counts among the last.
      let counts = followed[tag.name] == nil
      if counts { position += 1 }
      guard deletesTags else { return RetentionDecision(tag: tag, isKept: true, reason: "the rule deletes no tags") }
      if let reason = keeps(tag, counts ? position : nil, now) {
        return RetentionDecision(tag: tag, isKept: true, reason: reason)
      }
      return RetentionDecision(tag: tag, isKept: false, reason: "nothing keeps it: \(text)")
    }
    let kept = Set(decisions.filter(\.isKept).map(\.tag.name))
    for (index, decision) in decisions.enumerated() where !decision.isKept {
      guard let version = followed[decision.tag.name]?.first(where: kept.contains) else { continue }
      decisions[index] = RetentionDecision(tag: decision.tag, isKept: true, reason: "it follows \(version)")
    }
    return decisions
  }

  /// What keeps a tag whatever the rule says of it; nil: nothing does.
  private func whatHolds(
    _ tag: RetainedTag, _ rules: TagRules, _ running: [Digest: [Tag]], _ present: Set<Digest>
  ) -> String? {
    guard appliesTo.takes(tag.name) else { return "the rule is not about it" }
    if rules.isProtected(tag.name) { return "\(tag.name) is an environment" }
    if rules.isImmutable(tag.name) { return "it is immutable" }
    if let environments = running[tag.digest] { return Self.runningText(environments) }
    if let subject = ReferrersTag.subject(of: tag.name), present.contains(subject) {
      return "the image that it belongs to is here"
    }
    return nil
  }

  /// By channel the tags of those versions at which it is, the highest first: it stays with them, and goes with them.
  private static func followedVersions(_ tags: [RetainedTag], _ rules: TagRules) -> [Tag: [Tag]] {
    guard !rules.channels.isEmpty else { return [:] }
    var versions: [Digest: [(tag: Tag, version: SemanticVersion)]] = [:]
    for tag in tags {
      if let version = SemanticVersion(parsing: tag.name.text) {
        versions[tag.digest, default: []].append((tag.name, version))
      }
    }
    var followed: [Tag: [Tag]] = [:]
    for tag in tags {
      let found = (versions[tag.digest] ?? []).filter { rules.isChannel(tag.name, of: $0.version) }
      if !found.isEmpty { followed[tag.name] = found.sorted { $0.version > $1.version }.map(\.tag) }
    }
    return followed
  }

  private static func runningText(_ environments: [Tag]) -> String {
    environments.map(\.text).joined(separator: ", ") + (environments.count == 1 ? " runs it" : " run it")
  }

  /// - Parameter position: among the newest; nil: it is not one that counts.
  private func keeps(_ tag: RetainedTag, _ position: Int?, _ now: Timestamp) -> String? {
    if let keepLast, let position, position <= keepLast { return "it is one of the last \(keepLast)" }
    if let days = keepNewerThanDays, tag.pointedAt > now - .seconds(Int64(days) * 86_400) {
      return "it is newer than \(days) days"
    }
    if let days = keepPulledWithinDays, tag.pulledAt > now - .seconds(Int64(days) * 86_400) {
      return "it was pulled in the last \(days) days"
    }
    if let keepTags, keepTags.takes(tag.name) {
      return "it is of the kind \(keepTags.texts.joined(separator: ", "))"
    }
    if let keepVersions, let version = SemanticVersion(parsing: tag.name.text), keepVersions.contains(version) {
      return "it is a version in \(keepVersions.text)"
    }
    return nil
  }

  /// What it keeps, in words.
  public var text: String {
    var parts: [String] = []
    if let keepLast { parts.append("the last \(keepLast)") }
    if let keepNewerThanDays { parts.append("newer than \(keepNewerThanDays) days") }
    if let keepPulledWithinDays { parts.append("pulled in the last \(keepPulledWithinDays) days") }
    if let keepTags { parts.append("of the kind \(keepTags.texts.joined(separator: ", "))") }
    if let keepVersions { parts.append("versions in \(keepVersions.text)") }
    return "kept are " + parts.joined(separator: "; ")
  }
}

/// What becomes of a tag, and why.
public struct RetentionDecision: Sendable, Hashable {
  public let tag: RetainedTag
  public let isKept: Bool
  public let reason: String
}
