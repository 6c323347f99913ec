import Ground
import Testing

@Suite struct `A moment in time` {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1_795_442_497_042_999, "2026-11-23T14:01:37.042Z"),
      (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999_999, "2100-02-28T23:59:59.999Z"),
      (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"), (253_402_300_799_000_000, "9999-12-31T23:59:59.000Z"),
    ] as [(Int64, String)])
  func `is printed as RFC 3339 wants it`(microseconds: Int64, text: String) {
    #expect(Timestamp(microseconds: microseconds).description == text)
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2026-11-23T14:01:37.042Z", 1_795_442_497_042_000),
      ("2026-11-23T15:01:37.042999999+01:00", 1_795_442_497_042_999),
      ("2026-11-23t08:31:37.5-05:30", 1_795_442_497_500_000),
      ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
      ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
    ] as [(String, Int64)])
  func `is read as RFC 3339 has it`(text: String, microseconds: Int64) {
    #expect(Timestamp(parsing: text)?.microseconds == microseconds)
  }

  @Test(arguments: [
    "", "2026-11-23", "2026-11-23T14:01:37", "2026-11-23T14:01:37.Z", "2026-11-23T14:01:37ZZ", "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T14:01:37+1:00",
    "2026-11-23T14:01:37+25:00", "2026/11/23T14:01:37Z", "2026-11-23T14:01:37.5", "yesterday at noon, Z",
  ])
  func `is not read from anything else`(text: String) {
    #expect(Timestamp(parsing: text) == nil)
  }

  @Test(
    arguments: [(0, 4), (1_795_392_000_000_000, 1), (-86_400_000_000, 3), (951_782_400_000_000, 2)] as [(Int64, Int)])
  func `knows its day of the week`(microseconds: Int64, weekday: Int) {
    #expect(CivilTime(Timestamp(microseconds: microseconds)).weekday == weekday)
  }

  @Test func `is held at the end of what can be represented`() {
    #expect((Timestamp(microseconds: .max) + .seconds(1)).microseconds == .max)
    #expect((Timestamp(microseconds: 5) + .seconds(Int64.max)).microseconds == .max)
  }

  @Test func `differs from another by a duration`() {
    let moment = Timestamp(microseconds: 1000)
    #expect((moment + .milliseconds(3)) - moment == .milliseconds(3))
    #expect(moment - .microseconds(1) < moment)
  }

  @Test func `days follow one another through four centuries`() {
    var previous = CivilTime(Timestamp(microseconds: 0))
    for day in 1...146_097 as ClosedRange<Int64> {
      let next = CivilTime(Timestamp(microseconds: day * 86_400_000_000))
      let isNextDay = next.day == previous.day + 1 && next.month == previous.month && next.year == previous.year
      let isNextMonth = next.day == 1 && previous.day >= 28 && next.month == previous.month % 12 + 1
      guard isNextDay || isNextMonth, next.weekday == (previous.weekday + 1) % 7 else {
        Issue.record("day \(day): \(previous) is followed by \(next)")
        return
      }
      previous = next
    }
    #expect(previous.year == 2370)
  }
}
