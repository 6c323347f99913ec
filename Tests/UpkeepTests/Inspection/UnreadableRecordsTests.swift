import OCI
import Testing

@testable import Upkeep

@Suite struct `Advisories that cannot be read` {
  private static func add(_ text: String, _ message: String, to records: inout UnreadableRecords) {
    records.countRecord()
    Array(text.utf8).withUnsafeBytes { records.add(ParseError(.json, message), $0) }
  }

  @Test func `are counted, and the first is named with its place`() {
    var records = UnreadableRecords()
    records.begin("a.jsonl")
    records.countRecord()
    #expect(records.reason == nil)
    // What lies beside documents of CSAF is none.
    Self.add(#"{"metadata_version":"2.0"}"#, "a record has no id", to: &records)
    #expect(records.reason == nil)
    Self.add(#"{"id":"CVE-2026-1","modi"#, "it is cut off", to: &records)
    #expect(records.reason == "an advisory cannot be read: a.jsonl: record 3: it is cut off")
    records.begin("b.jsonl")
    Self.add(#"{"id":""}"#, "a record has no id", to: &records)
    #expect(records.reason == "2 advisories cannot be read: a.jsonl: record 3: it is cut off, and others")
  }
}
