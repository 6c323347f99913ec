import Ground
import OCI
import RegistryCore
import Testing

/// What an environment may be told, and how it is kept.
@Suite struct `Settings of an environment` {
  private static func settings(_ json: String) throws -> EnvironmentSettings {
    var settings = EnvironmentSettings()
    try settings.apply(try #require(try JSONValue.parse(json).object), namespace: "acme")
    return settings
  }

  @Test(arguments: [
    #"{}"#, #"{"requires":["staging"],"approvals":2,"rollbackNeedsApproval":true}"#,
    #"{"promoters":["alice","team:release","trust:main"],"approvers":["team:ops"]}"#,
    #"{"policy":{"block":{"severity":"high"}}}"#, #"{"policy":{"at":["pull","promotion"],"warn":{"exploited":true}}}"#,
    #"{"policy":{"at":["pull"],"block":{"unscanned":true}}}"#,
    #"{"tags":["semver","v*"],"repositories":["acme/api","acme/web-*"]}"#,
    #"{"freezes":[{"days":["fri","sat"],"from":"16:00","to":"24:00"},{"from":"2026-12-24T00:00:00Z","to":"2027-01-02T00:00:00Z"}]}"#,
  ])
  func `are kept as they are read`(_ json: String) throws {
    let settings = try Self.settings(json)
    var again = EnvironmentSettings()
    try again.apply(["repositories": settings.repositoriesJSON], namespace: "acme")
    try again.apply(try #require(try JSONValue.parse(settings.json.text).object), namespace: "acme")
    #expect(again == settings)
  }

  @Test func `that are not given stay, and null takes the kind of tags away`() throws {
    var settings = try Self.settings(#"{"tags":["semver"],"approvals":2,"promoters":["alice"]}"#)
    try settings.apply(["approvals": 1], namespace: "acme")
    #expect(settings.approvals == 1 && settings.promoters == ["alice"] && settings.tags?.texts == ["semver"])
    try settings.apply(["tags": nil], namespace: "acme")
    #expect(settings.tags == nil)
  }

  @Test(arguments: [
    (#"{"approvals":-1}"#, "approvals"), (#"{"approvals":21}"#, "approvals"), (#"{"approvals":"1"}"#, "approvals"),
    (#"{"rollbackNeedsApproval":1}"#, "rollbackNeedsApproval"), (#"{"promoters":"alice"}"#, "promoters"),
    (#"{"promoters":[""]}"#, "promoters"), (#"{"approvers":[1]}"#, "approvers"), (#"{"freezes":{}}"#, "freezes"),
    (#"{"repositories":["other/*"]}"#, "other/*"), (#"{"freezes":[{"from":"16:00"}]}"#, "to"),
    (#"{"freezes":[{"from":"2026-12-24T00:00:00Z","to":"2026-12-24T00:00:00Z"}]}"#, "later"),
    (#"{"freezes":[{"days":[],"from":"16:00","to":"17:00"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["friday"],"from":"16:00","to":"17:00"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["fri"],"from":"16:00","to":"16:00"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["fri"],"from":"24:00","to":"06:00"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["fri"],"from":"16:00","to":"24:01"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["fri"],"from":"1:00","to":"24:00"}]}"#, "weekly"),
    (#"{"freezes":[{"days":["fri"],"from":"16:60","to":"24:00"}]}"#, "weekly"),
  ])
  func `that are none are refused by name`(_ json: String, _ word: String) throws {
    let error = #expect(throws: ParseError.self) { try Self.settings(json) }
    #expect(error?.message.contains(word) ?? false, "\(String(describing: error))")
  }

  /// 2026-11-27 is a Friday.
  @Test(arguments: [
    ("2026-11-27T15:59:59Z", false), ("2026-11-27T16:00:00Z", true), ("2026-11-27T23:59:59Z", true),
    ("2026-11-28T00:00:00Z", false), ("2026-11-26T17:00:00Z", false), ("2026-12-04T16:00:00Z", true),
  ])
  func `weekly freezes hold on their days, from their first minute to before their last`(
    _ moment: String, _ holds: Bool
  ) throws {
    let settings = try Self.settings(#"{"freezes":[{"days":["fri"],"from":"16:00","to":"24:00"}]}"#)
    let window = try #require(settings.freezes.first)
    #expect(window.holds(at: try #require(Timestamp(parsing: moment))) == holds)
    #expect(window.text == "fri 16:00 to 24:00 UTC")
  }

  @Test(arguments: [
    ("2026-11-27T21:59:59Z", false), ("2026-11-27T22:00:00Z", true), ("2026-11-27T23:59:59Z", true),
    ("2026-11-28T00:00:00Z", true), ("2026-11-28T05:59:59Z", true), ("2026-11-28T06:00:00Z", false),
    ("2026-11-28T22:00:00Z", true), ("2026-11-29T05:59:59Z", true), ("2026-11-29T22:00:00Z", false),
    ("2026-11-27T05:00:00Z", false), ("2026-11-28T06:59:00+01:00", true),
  ])
  func `weekly freezes that end before they begin end on the next day`(_ moment: String, _ holds: Bool) throws {
    let settings = try Self.settings(#"{"freezes":[{"days":["fri","sat"],"from":"22:00","to":"06:00"}]}"#)
    let window = try #require(settings.freezes.first)
    #expect(window.holds(at: try #require(Timestamp(parsing: moment))) == holds)
    #expect(window.text == "fri, sat 22:00 to 06:00 UTC of the next day")
  }
}
