import Metadata
import OCI
import Scanning
import TestSupport
import Testing

@testable import RegistryCore

/// Records are read once, wait on disk, and are written some hundred at a time.
@Suite("advisories that wait") struct StagedAdvisoryTests {
  @Test("come back as they were, whatever their size")
  func roundTrip() throws {
    let staged = try StagedAdvisories()
    let advisories = [0, 1, 300, 30_000, 2, 100_000].enumerated().map { number, count in
      var advisory = Advisory(id: "T-\(number)")
      advisory.modified = "2026-01-01T00:00:00Z"
      advisory.aliases = ["CVE-2026-\(number)"]
      advisory.summary = number % 2 == 0 ? nil : "ä\u{0}b“"
      advisory.withdrawn = number == 1 ? "2026-01-02T00:00:00Z" : nil
      advisory.severities = number == 2 ? [Severity(source: "Debian", text: "high", band: .high, score: 7.5)] : []
      var affected = Affected(ecosystem: Ecosystem(parsing: "PyPI"), name: "package")
      affected.versions = (0..<count).map { "1.\($0)" }
      advisory.affected = number == 0 ? [] : [affected]
      return advisory
    }
    for advisory in advisories { try staged.add(advisory) }
    #expect(staged.count == advisories.count)
    for _ in 0..<2 {
      var records = try staged.records()
      for advisory in advisories { #expect(try records.next()?.record() == AdvisoryRecord(advisory), "\(advisory.id)") }
      #expect(try records.next()?.head == nil)
    }
  }

  @Test("come in the order of their names, whatever order the feed has, and of one name the first comes first")
  func order() throws {
    let staged = try StagedAdvisories()
    // Enough that some are on disk and others not yet.
    let numbers = (0..<500).map { ($0 * 7919) % 500 }
    for (place, number) in (numbers + numbers).enumerated() {
      var advisory = Advisory(id: "T-\(1000 + number)")
      advisory.modified = "\(place)"
      advisory.details = String(repeating: "d", count: 1000)
      try staged.add(advisory)
    }
    #expect(staged.count == 1000)
    var records = try staged.records()
    for number in 0..<500 {
      let place = try #require(numbers.firstIndex(of: number))
      for modified in [place, place + 500] {
        let head = try #require(try records.next()).head
        #expect((head.name, head.modified) == ("T-\(1000 + number)", "\(modified)"))
      }
    }
    #expect(try records.next()?.head == nil)
  }

  @Test(
    "are written whether they are new, changed or as they were, more than one transaction takes",
    arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func batches(kind: TestInstallation.Kind) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: try Tag(parsing: "v1"))
      try await stage.inspect()
      let count = AdvisoryImport.batchLimit + 77
      func bring(_ numbers: Range<Int>, fixed: (Int) -> String) async throws -> AdvisoryImportReport {
        let staged = try StagedAdvisories()
        for number in numbers { try staged.add(try InspectionStage.advisory("T-\(number)", fixed: fixed(number))) }
        // Twice the same name: the first counts.
        try staged.add(try InspectionStage.advisory("T-\(numbers.lowerBound)", fixed: "9.9-1"))
        return try await AdvisoryImport.run(stage.registry, feed: "test", kind: "osv", staged, isWhole: true)
      }
      let first = try await bring(0..<count) { _ in "8.0-1" }
      #expect(first.recordCount == count + 1)
      #expect(first.changedCount == count)
      #expect(first.findings.newCount == count)
      #expect(try await bring(0..<count) { _ in "8.0-1" }.changedCount == 0)
      // Every third is mended by another version now, every hundredth does not find it any more; ten are gone, and ten are new.
      let next = try await bring(10..<(count + 10)) { $0 % 100 == 0 ? "7.0-1" : $0 % 3 == 0 ? "8.1-1" : "8.0-1" }
      let (gone, other) = ((10..<count).count { $0 % 100 == 0 }, (10..<count).count { $0 % 3 == 0 && $0 % 100 != 0 })
      let fresh = (count..<(count + 10)).count { $0 % 100 != 0 }
      #expect(next.changedCount == gone + other + 10)
      #expect(next.removedCount == 10)
      #expect(next.findings.newCount == fresh)
      #expect(next.findings.changedCount == other)
      #expect(next.findings.goneCount == gone + 10)
      // All are of one vulnerability, which is one finding.
      let findings = try await stage.findings(image)
      #expect(findings.map(\.state) == ["affected"])
    }
  }
}
