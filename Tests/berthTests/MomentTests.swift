import Ground
import Testing

@testable import berth

@Suite struct `Times on the command line` {
  @Test(arguments: [
    ("12h", "2026-11-24T12:00:00Z"), ("1d", "2026-11-24T00:00:00Z"), ("2w", "2026-11-11T00:00:00Z"),
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"), ("0h", "2026-11-25T00:00:00Z"),
  ])
  func `are moments, or how long ago`(text: String, expected: String) throws {
    let now = try #require(Timestamp(parsing: "2026-11-25T00:00:00Z"))
    let moment = try #require(Moment(text, now: now))
    #expect(Timestamp(parsing: moment.text) == Timestamp(parsing: expected))
  }

  @Test(arguments: ["", "d", "-1d", "1m", "yesterday", "99999999999d"]) func `are nothing else`(text: String) {
    #expect(Moment(text, now: SystemTime().now) == nil)
  }
}
