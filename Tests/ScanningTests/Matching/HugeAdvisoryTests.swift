import OCI
import Testing

@testable import Scanning

/// Records larger than any that is published. Each ends: read as far as it counts, or with a reason.
@Suite struct `A huge advisory` {
  private static func record(_ more: String) -> [UInt8] {
    Array(#"{"id":"HUGE-1","modified":"2026-01-01T00:00:00Z",\#(more)}"#.utf8)
  }

  private static func read(_ bytes: [UInt8]) throws -> Advisory {
    try bytes.withUnsafeBytes { try OSVReader.advisory($0) }
  }

  private static func reason(_ bytes: [UInt8]) -> String? {
    do {
      _ = try read(bytes)
      return nil
    } catch { return (error as? ParseError)?.message }
  }

  @Test func `beyond a limit is refused, with the limit`() {
    let spaces = [UInt8](repeating: 0x20, count: OSVReader.recordLimitBytes)
    #expect(Self.reason(Self.record(#""affected":[]"#) + spaces) == "a record has more than 16777216 bytes")
    let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
    #expect(Self.reason(Self.record(#""affected":\#(deep)"#))?.contains("more than 64 deep") == true)
    let many = String(repeating: "0,", count: JSONValue.valueLimit) + "0"
    #expect(Self.reason(Self.record(#""affected":[\#(many)]"#))?.contains("more than 524288 values") == true)
  }

  @Test func `with very many versions and ranges is asked of each`() throws {
    let versions = (0..<30_000).map { #""1.0.\#($0)""# }.joined(separator: ",")
    let ranges = (0..<2000).map {
      #"{"type":"ECOSYSTEM","events":[{"introduced":"\#($0 + 2).0"},{"fixed":"\#($0 + 2).5"}]}"#
    }.joined(separator: ",")
    let advisory = try Self.read(
      Self.record(
        #""affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":[\#(versions)],"ranges":[\#(ranges)]}]"#))
    let asked = VersionRanges(try #require(advisory.affected.first))
    func verdict(_ version: String) -> Verdict { asked.verdict(.init(version, in: Ecosystem("PyPI"))) }
    #expect(verdict("1.0.29999") == .affected(fixed: "2.5"))
    #expect(verdict("1.0.30000") == .notAffected)
    #expect(verdict("2001.4") == .affected(fixed: "2001.5"))
    #expect(verdict("2001.5") == .notAffected)
    // What is kept of it is what it says.
    let affected = try #require(advisory.affected.first)
    let again = try Affected(decoding: affected.encoded(), ecosystem: affected.ecosystem, name: affected.name)
    #expect(again.versions == affected.versions && again.ranges == affected.ranges)
  }

  @Test func `whose texts and versions have no end is read, and decides what it can`() throws {
    let digits = String(repeating: "9", count: 100_000)
    let text = String(repeating: "a flaw ", count: 100_000)
    let references = (0..<1000).map { #"{"url":"https://example.org/\#($0)"}"# }.joined(separator: ",")
    let advisory = try Self.read(
      Self.record(
        #""summary":"\#(text)","details":"\#(text)","references":[\#(references)],"affected":[{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"\#(digits)"}]}]},{"package":{"ecosystem":"Debian:12","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(digits)"}]}]}]"#
      ))
    #expect((advisory.details?.utf8.count ?? 0) <= OSVReader.detailsLimitBytes)
    #expect(advisory.references.count == 100)
    let verdicts = advisory.affected.map { VersionRanges($0).verdict(.init("1.0.0", in: $0.ecosystem)) }
    // It has been there since the first version: whether what has no end is a version or not, nobody hears that all is well.
    #expect(verdicts.count == 2 && !verdicts.contains(.notAffected))
  }
}
