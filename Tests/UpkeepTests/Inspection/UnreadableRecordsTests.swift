import OCI
import Testing

@testable import Upkeep

@Suite struct `Advisories that cannot be read` {
  @Test func `are counted, and the first is named with its place`() {
    var records = UnreadableRecords()
    records.begin("a.jsonl")
    records.countRecord()
    #expect(records.reason == nil)
    records.countRecord()
    records.add(ParseError(.json, "it is cut off"))
    #expect(records.reason == "an advisory cannot be read: a.jsonl: record 2: it is cut off")
    records.begin("b.jsonl")
    records.countRecord()
    records.add(ParseError(.json, "it has no id"))
    #expect(records.reason == "2 advisories cannot be read: a.jsonl: record 2: it is cut off, and others")
  }
}
