import Ground
import OCI
import Testing

@testable import Metadata
@testable import RegistryCore

/// What `berth retention preview` prints beside every tag.
@Suite struct `Retention says` {
  private static let now = Timestamp(parsing: "2026-11-26T00:00:00Z") ?? .distantPast

  private static func image(_ character: Character) throws -> Digest {
    try Digest(parsing: "sha256:" + String(repeating: character, count: 64))
  }

  private static func tag(
    _ name: String, daysAgo: Int64, pulledDaysAgo: Int64? = nil, image: Character = "a"
  ) throws -> RetainedTag {
    RetainedTag(
      name: try Tag(parsing: name), digest: try Self.image(image), pointedAt: now - .seconds(daysAgo * 86_400),
      pulledAt: pulledDaysAgo.map { now - .seconds($0 * 86_400) } ?? .distantPast)
  }

  private static func rule(_ json: String) throws -> RetentionRule {
    try RetentionRule(json: try JSONValue.parse(json))
  }

  private static func rules() throws -> TagRules {
    try TagRules(
      [
        .init(kind: "environment", pattern: "production", value: #"["acme/*"]"#),
        .init(kind: "immutable", pattern: "*", value: #"["gold"]"#),
      ], of: try RepositoryName(parsing: "acme/api"))
  }

  @Test func `of every tag by what it is kept, and of one that goes all that would keep it`() throws {
    let rule = try Self.rule(
      #"""
      {"keepLast":1,"keepNewerThanDays":2,"keepPulledWithinDays":7,"keepTags":["stable","v*"],"keepVersions":">=2.1 <3",
       "appliesTo":["*","!keep-*"]}
      """#)
    let decisions = rule.decide(
      [
        try Self.tag("keep-me", daysAgo: 0), try Self.tag("production", daysAgo: 0, image: "b"),
        try Self.tag("gold", daysAgo: 0), try Self.tag("2.9.9", daysAgo: 0, image: "b"),
        try Self.tag("newest", daysAgo: 1), try Self.tag("young", daysAgo: 1),
        try Self.tag("wanted", daysAgo: 30, pulledDaysAgo: 3), try Self.tag("stable", daysAgo: 30),
        try Self.tag("2.1.3", daysAgo: 40), try Self.tag("3.0.0", daysAgo: 40, pulledDaysAgo: 8),
      ], try Self.rules(),
      running: [try Self.image("b"): [try Tag(parsing: "production"), try Tag(parsing: "staging")]], now: Self.now)
    #expect(
      decisions.map { "\($0.tag.name) \($0.isKept ? "stays" : "goes"): \($0.reason)" } == [
        "keep-me stays: the rule is not about it", "production stays: production is an environment",
        "gold stays: it is immutable", "2.9.9 stays: production, staging run it",
        "newest stays: it is one of the last 1", "young stays: it is newer than 2 days",
        "wanted stays: it was pulled in the last 7 days", "stable stays: it is of the kind stable, v*",
        "2.1.3 stays: it is a version in >=2.1 <3",
        "3.0.0 goes: nothing keeps it: kept are the last 1; newer than 2 days; pulled in the last 7 days; "
          + "of the kind stable, v*; versions in >=2.1 <3",
      ])
  }

  @Test func `that a rule about untagged images deletes no tags`() throws {
    let decisions = try Self.rule(#"{"deleteUntaggedAfterDays":1}"#).decide(
      [try Self.tag("old", daysAgo: 900)], try Self.rules(), running: [:], now: Self.now)
    #expect(decisions.map(\.reason) == ["the rule deletes no tags"])
    #expect(decisions.map(\.isKept) == [true])
  }

  @Test func `that a channel stays and goes with the version at which it is, and does not count`() throws {
    let rules = try TagRules(
      [.init(kind: "channels", pattern: "*", value: #"{"channels":["major","minor","latest"]}"#)],
      of: try RepositoryName(parsing: "acme/api"))
    // As the database tells them: of those that one push pointed, by name.
    let tags = try [
      ("2", "c"), ("2.0", "c"), ("2.0.0", "c"), ("latest", "c"), ("1", "b"), ("1.1", "b"), ("1.1.0", "b"), ("1.0", "a"),
      ("1.0.0", "a"), ("0.9", "e"),
    ].enumerated().map { try Self.tag($1.0, daysAgo: Int64($0 / 4), image: Character($1.1)) }
    let decisions = try Self.rule(#"{"keepLast":2}"#).decide(tags, rules, running: [:], now: Self.now)
    #expect(
      decisions.map { "\($0.tag.name) \($0.isKept ? "stays" : "goes"): \($0.reason)" } == [
        "2 stays: it follows 2.0.0", "2.0 stays: it follows 2.0.0", "2.0.0 stays: it is one of the last 2",
        "latest stays: it follows 2.0.0", "1 stays: it follows 1.1.0", "1.1 stays: it follows 1.1.0",
        "1.1.0 stays: it is one of the last 2", "1.0 goes: nothing keeps it: kept are the last 2",
        "1.0.0 goes: nothing keeps it: kept are the last 2", "0.9 goes: nothing keeps it: kept are the last 2",
      ])
    // Another part of the rule may keep a channel whose version goes.
    let latest = try Self.rule(#"{"keepLast":1,"keepTags":["1.0"]}"#).decide(tags, rules, running: [:], now: Self.now)
    #expect(latest.filter(\.isKept).map(\.tag.name.text) == ["2", "2.0", "2.0.0", "latest", "1.0"])
  }

  @Test func `that a channel follows the highest of the versions of its image that stay`() throws {
    let rules = try TagRules(
      [.init(kind: "channels", pattern: "*", value: #"{"channels":["latest"]}"#)],
      of: try RepositoryName(parsing: "acme/api"))
    let tags = try ["v2.1.6", "latest", "2.1.7"].enumerated().map {
      try Self.tag($1, daysAgo: Int64($0), image: "c")
    }
    for (keepLast, followed) in [(1, "v2.1.6"), (2, "2.1.7")] {
      let decisions = try Self.rule(#"{"keepLast":\#(keepLast)}"#).decide(tags, rules, running: [:], now: Self.now)
      #expect(decisions.first { $0.tag.name.text == "latest" }?.reason == "it follows \(followed)")
    }
  }

  @Test func `that what was signed under an image's digest stays as long as the image is here, and does not count`()
    throws
  {
    let (here, gone) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
    let tags = try ["sha256-\(here).sig", "sha256-\(here)", "sha256-\(gone).sig", "sha256-\(here)x", "1.0.0"]
      .enumerated().map { try Self.tag($1, daysAgo: Int64($0), image: "c") }
    let decisions = try Self.rule(#"{"keepLast":1}"#).decide(
      tags, try Self.rules(), running: [:], present: [try Self.image("a")], now: Self.now)
    #expect(
      decisions.map(\.reason) == [
        "the image that it belongs to is here", "the image that it belongs to is here", "it is one of the last 1",
        "nothing keeps it: kept are the last 1", "nothing keeps it: kept are the last 1",
      ])
  }
}
