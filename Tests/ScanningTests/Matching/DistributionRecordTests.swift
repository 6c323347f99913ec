import OCI
import Testing

@testable import Scanning

/// What some sources write elsewhere than OSV has a place for it.
@Suite struct `Records of distributions` {
  private static func read(_ text: String) throws -> Advisory { try OSVReader.advisory(try JSONValue.parse(text)) }

  private static func record(_ id: String, _ ecosystem: String, _ more: String) throws -> Advisory {
    try read(
      #"{"id":"\#(id)","modified":"2022-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"\#(ecosystem)","name":"xz"}}],\#(more)}"#
    )
  }

  @Test func `name the CVEs that they mend as related, and grade in their summary`() throws {
    let found = try Self.record(
      "ALSA-2022:4940", "AlmaLinux:9",
      #""summary":"Important: xz security update","related":["CVE-2022-1271","CVE-2022-1272","RHSA-2022:4940"]"#)
    #expect(found.flaws == ["CVE-2022-1271", "CVE-2022-1272"])
    #expect(Severity.chosen(found.severities) == Severity(source: "AlmaLinux", text: "Important", band: .high))
    let again = try OSVReader.advisory(OSVWriter.record(found))
    #expect(again == found, "the word is not told twice")
  }

  @Test(
    arguments: [
      ("ALSA-1", "AlmaLinux:9", #""aliases":["CVE-2022-1"],"related":["CVE-2022-2"]"#, ["CVE-2022-1"]),
      ("USN-1", "Ubuntu:22.04:LTS", #""upstream":["CVE-2022-1"],"related":["CVE-2022-2"]"#, ["CVE-2022-1"]),
      ("DEBIAN-CVE-2022-1", "Debian:12", #""related":["CVE-2022-2"]"#, []),
      ("GHSA-1", "PyPI", #""related":["CVE-2022-2"]"#, []),
      ("RLSA-1", "Rocky Linux:8", #""aliases":["RHSA-1"],"related":["CVE-2022-2"]"#, ["CVE-2022-2", "RHSA-1"]),
    ] as [(String, String, String, [String])])
  func `and what is related otherwise is no name`(
    _ id: String, _ ecosystem: String, _ more: String, _ flaws: [String]
  ) throws {
    #expect(try Self.record(id, ecosystem, more).flaws == flaws)
  }

  @Test(arguments: ["Important", "important: xz", "bug fix: Important: xz", ": xz", "High: xz"])
  func `grade by their words alone`(summary: String) throws {
    #expect(try Self.record("ALSA-1", "AlmaLinux:9", #""summary":"\#(summary)""#).severities.isEmpty)
    #expect(try Self.record("GHSA-1", "npm", #""summary":"Important: xz""#).severities.isEmpty)
  }

  @Test func `of AlmaLinux have CVEs and a severity`() throws {
    var (count, withoutCVE, ungraded) = (0, 0, 0)
    for release in 8...10 {
      try RecordFiles.each(at: SharedData.path("advisories/almalinux-\(release).jsonl.zst")) { bytes in
        let advisory = try OSVReader.advisory(bytes)
        guard advisory.id.hasPrefix("ALSA-") else { return }
        count += 1
        if !advisory.flaws.contains(where: { $0.hasPrefix("CVE-") }) { withoutCVE += 1 }
        if Severity.chosen(advisory.severities) == nil { ungraded += 1 }
      }
    }
    #expect(count == 4480)
    #expect(withoutCVE == 9, "these are related to nothing")
    #expect(ungraded == 1, "its summary begins with no word for it")
  }

  @Test func `of RubyGems have scores without vectors`() throws {
    let found = try Self.record("RUBYSEC-1", "RubyGems", #""database_specific":{"cvss_v2":9.3,"cvss_v3":7}"#)
    #expect(
      Severity.chosen(found.severities) == Severity(source: "CVSS_V3", text: "", band: .high, score: 7))
    #expect(try OSVReader.advisory(OSVWriter.record(found)) == found)
    let none = #""database_specific":{"cvss_v2":null,"cvss_v3":"7","cvss_v4":70}"#
    #expect(try Self.record("RUBYSEC-1", "RubyGems", none).severities.isEmpty)
  }
}
