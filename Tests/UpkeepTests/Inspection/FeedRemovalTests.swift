import Ground
import Metadata
import OCI
import RegistryCore
import Scanning
import TestSupport
import Testing

@testable import Upkeep

/// What a feed has brought in goes with it, when it has another name now or is not wanted any more.
@Suite struct `A feed that is taken away` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  @Test(arguments: kinds) func `takes its advisories along and what they found, and nothing of others`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      // More than one transaction takes.
      let count = AdvisoryImport.batchLimit + 1
      try await stage.bring(try (1...count).map { try InspectionStage.advisory("TEST-\($0)") })
      _ = try await AdvisoryImport.run(stage.registry, feed: "renamed", kind: "osv", expecting: 1, isWhole: true) {
        try await $0.add(try InspectionStage.advisory("TEST-1", fixed: "9.0-1"))
      }
      #expect(try await stage.findings(image).first?.fixed == "9.0-1")

      let report = try await stage.registry.removeFeed("test")
      #expect(report.removedCount == count)
      #expect(report.findings.goneCount == count)
      #expect(try await stage.findings(image).map(\.advisory.feed) == ["renamed"])
      #expect(try await stage.registry.advisoryFeeds().map(\.name) == ["renamed"])
      let last = try #require(try await stage.events().first)
      #expect(last.kind == .fixed && last.feed == "test" && last.imageCount == 1)
      #expect(try await stage.registry.database.read { try !$0.hasFeed("test") })
      #expect(try await stage.registry.removeFeed("renamed").findings.goneCount == 1)
      #expect(try await stage.findings(image).isEmpty)
    }
  }

  @Test(arguments: kinds) func `takes its marks and its probabilities along, unless others tell them too`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      func bring(_ name: String, since day: String) async throws {
        let entry = ExploitEntry(name: "CVE-2026-1", added: day, due: nil, note: "x")
        _ = try await stage.registry.importExploits(name, .kev, [.exploited(entry)])
      }
      func score(_ name: String) async throws {
        let score = ExploitScore(name: "CVE-2026-1", epss: 500_000, percentile: 990_000)
        _ = try await stage.registry.importExploits(name, .epss, [.score(score)])
      }
      try await bring("cisa", since: "2026-02-03")
      try await bring("ours", since: "2026-01-01")
      try await score("old")
      try await score("new")

      #expect(try await stage.registry.removeFeed("ours").removedCount == 1)
      #expect(try await stage.findings(image).first?.exploitedSince == "2026-02-03")
      #expect(try await stage.registry.removeFeed("cisa").removedCount == 1)
      #expect(try await stage.registry.removeFeed("old").removedCount == 0)
      #expect(try await stage.findings(image).first?.exploitedSince == nil)
      #expect(try await stage.findings(image).first?.epss == 500_000)
      #expect(try await stage.registry.removeFeed("new").removedCount == 1)
      #expect(try await stage.findings(image).first?.epss == nil)
      #expect(try await stage.registry.advisoryFeeds().map(\.name) == ["test"])
    }
  }

  @Test(arguments: kinds) func `is not taken away while it is imported, and comes anew when it is noted afterwards`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      _ = try await AdvisoryImport.run(stage.registry, feed: "test", kind: "osv", expecting: 1, isWhole: true) { work in
        try await work.add(try InspectionStage.advisory())
        await #expect(throws: AdvisoryImportRefusal.self) { _ = try await stage.registry.removeFeed("test") }
      }
      #expect(try await stage.registry.removeFeed("test").removedCount == 1)
      // What a refresh notes that had begun before: with it nothing would be fetched until the server has something new.
      try await stage.registry.noteFeed("test", kind: "osv", state: #"{"etag":"one"}"#)
      #expect(try await stage.registry.advisoryFeeds().isEmpty)
    }
  }
}
