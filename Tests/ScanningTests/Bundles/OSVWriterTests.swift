import OCI
import Testing

@testable import Scanning

/// What is written in the form of OSV is read again as it was.
@Suite struct `Advisories written as OSV` {
  private static let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"

  private static let severities: [[Severity]] = [
    [], [Severity(source: "CVSS_V3", text: vector, band: .critical, score: 9.8)],
    [Severity(source: "Debian", text: "low**", band: .low)],
    [Severity(source: "distribution", text: "medium", band: .medium)],
    [Severity(source: "database", text: "HIGH", band: .high)],
    [Severity(source: "Ubuntu", text: "negligible", band: .negligible)],
    [Severity(source: "CVSS_V3", text: "nonsense", band: .unknown)],
    [Severity(source: "CVSS_V3", text: "", band: .high, score: 7)],
    [
      Severity(source: "database", text: "LOW", band: .low),
      Severity(source: "CVSS_V3", text: vector, band: .critical, score: 9.8),
    ],
  ]

  private static func again(_ advisory: Advisory) throws -> Advisory {
    let bytes = OSVWriter.record(advisory).bytes
    return try bytes.withUnsafeBytes { bytes -> Result<Advisory, ParseError> in
      do throws(ParseError) { return .success(try OSVReader.advisory(bytes)) } catch { return .failure(error) }
    }.get()
  }

  @Test(arguments: severities, Affected.State.allCases)
  func `keep severities and what the vendor means to do`(_ severities: [Severity], _ state: Affected.State) throws {
    var advisory = Advisory(id: "T-1")
    advisory.severities = severities
    var affected = Affected(ecosystem: Ecosystem(parsing: "Debian:12"), name: "curl")
    affected.state = state
    affected.severities = severities
    affected.ranges = [
      AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("1"), .introduced("2"), .lastAffected("3"), .limit("*")]),
      AdvisoryRange(.git, [.introduced("abc")]),
    ]
    affected.versions = ["1.0", "1.1~rc1"]
    advisory.affected = [affected]
    #expect(try Self.again(advisory) == advisory)
  }

  @Test func `keep every text, and leave out what is not there`() throws {
    #expect(OSVWriter.record(Advisory(id: "T-1")).text == #"{"id":"T-1"}"#)
    var advisory = Advisory(id: "T-2")
    advisory.modified = "2026-01-01T00:00:00Z"
    advisory.published = "2025-01-01T00:00:00Z"
    advisory.withdrawn = "2026-02-01T00:00:00Z"
    advisory.aliases = ["CVE-2026-1"]
    advisory.upstream = ["CVE-2026-2"]
    advisory.related = ["CVE-2026-3"]
    advisory.summary = "a \"quoted\"\nline \u{1F600}"
    advisory.details = "details"
    advisory.references = ["https://example.org/?a=b&c"]
    var affected = Affected(ecosystem: Ecosystem("PyPI"), name: "made-up")
    affected.purl = "pkg:pypi/made-up"
    advisory.affected = [affected]
    #expect(try Self.again(advisory) == advisory)
  }

  @Test func `probabilities and entries of the catalogue come back too`() throws {
    for score in [0, 1, 90, 500_000, 851_230, 999_999, 1_000_000] {
      let known = ExploitScore(name: "CVE-2026-1", epss: score, percentile: 1_000_000 - score)
      let line = Array(known.line.utf8)
      #expect(try line.withUnsafeBytes { try ExploitScore.score($0) } == known)
    }
    for due in [nil, "2026-02-24"] {
      let entry = ExploitEntry(name: "CVE-2026-1", added: "2026-02-03", due: due, note: "curl; used by ransomware")
      #expect(try ExploitEntry.entries(entry.json) == [entry])
    }
  }
}
