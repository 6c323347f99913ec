import Foundation
import Ground
import Metadata
import OCI
import RegistryCore
import Scanning
import Synchronization
import TestSupport
import Testing

@testable import Upkeep

/// Feeds are looked at when they are due, and what is broken or has shrunk is refused.
@Suite struct `Feeds of advisories` {
  /// A server that gives what it is told to, with a tag.
  private final class PlayedServer: FeedFetcher {
    struct Failure: Error, CustomStringConvertible { let description = "the feed's server answered 503" }

    private let answer = Mutex<(text: String, tag: String, isWhole: Bool)?>(nil)
    let fetches = Mutex<[FeedMark?]>([])

    func give(_ text: String?, tag: String = "", isWhole: Bool = true) {
      answer.withLock { $0 = text.map { ($0, tag, isWhole) } }
    }

    func fetch(
      _ feed: ConfiguredFeed, since mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
    ) async throws -> Bool {
      fetches.withLock { $0.append(mark) }
      guard let (text, tag, isWhole) = answer.withLock({ $0 }) else { throw Failure() }
      if mark?.entityTag == tag { return false }
      let path = NSTemporaryDirectory() + "feed-\(UUID().uuidString).jsonl"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      defer { try? FileManager.default.removeItem(atPath: path) }
      var said = isWhole ? FeedMark() : mark ?? FeedMark()
      said.entityTag = tag
      try await body(FetchedFeed(path: path, mark: said, isWhole: isWhole))
      return true
    }
  }

  private static func record(
    _ id: String, fixed: String = "8.0-1", modified: String = "2026-01-01T00:00:00Z"
  ) -> String {
    #"{"id":"\#(id)","modified":"\#(modified)","aliases":["CVE-\#(id)"],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]}"#
  }

  private static func records(_ count: Int) -> String {
    (0..<count).map { record("T-\($0)") }.joined(separator: "\n") + "\n"
  }

  private static func refresh(_ stage: InspectionStage, _ server: PlayedServer, every interval: Duration) -> FeedRefresh
  {
    FeedRefresh(
      registry: stage.registry,
      feeds: [ConfiguredFeed(name: "test", content: .records(.osv), address: "https://feeds.example/test.jsonl")],
      fetcher: server, interval: interval, logger: .silent)
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `are taken over, asked for changes alone, and kept when they break or shrink`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let server = PlayedServer()
      let work = Self.refresh(stage, server, every: .zero)
      func feed() async throws -> AdvisoryFeedRow { try #require(try await stage.registry.advisoryFeeds().first) }

      server.give(Self.records(10), tag: "one")
      #expect(try await work.step() == 1)
      #expect(try await stage.findings(image).count == 10)
      #expect(try await feed().recordCount == 10)
      let refreshedAt = try #require(try await feed().refreshedAt)

      // As it was: nothing is sent, and it is as fresh as can be.
      try await work.step()
      #expect(server.fetches.withLock { $0.last??.entityTag } == "one")
      #expect(try await feed().recordCount == 10)
      let lookedAt = try #require(try await feed().refreshedAt)
      #expect(lookedAt >= refreshedAt)

      for broken in [Self.records(3), Self.records(10) + "{\"id\":", "", nil] {
        server.give(broken, tag: "other")
        try await work.step()
        #expect(try await feed().failure != nil, "\(broken?.suffix(20) ?? "no answer")")
        #expect(try await stage.findings(image).count == 10)
        #expect(try await feed().recordCount == 10)
      }
      // What has gone by less than a fifth, and what was withdrawn, ends.
      server.give(Self.records(9), tag: "two")
      try await work.step()
      #expect(try await feed().failure == nil)
      #expect(try await stage.findings(image).count == 9)
    }
  }

  @Test func `tell in figures how old they are, and how often they failed`() async throws {
    try await InspectionStage.run { stage in
      let metrics = Metrics()
      let figures = FeedFigures(metrics, stage.registry)
      let server = PlayedServer()
      var work = Self.refresh(stage, server, every: .zero)
      work.figures = figures
      func lines() async throws -> [String] {
        try await figures.look(configured: ["test"])
        return metrics.text().split(separator: "\n").filter { !$0.hasPrefix("#") }.map { String($0) }
      }
      #expect(try await lines() == [#"berth_feed_failures_total{feed="test"} 0"#])
      server.give(Self.records(3), tag: "one")
      try await work.step()
      let known = try await lines()
      #expect(known.first?.hasPrefix(#"berth_feed_age_seconds{feed="test"} "#) == true, "\(known)")
      #expect(known.last == #"berth_feed_failures_total{feed="test"} 0"#)
      server.give(nil)
      try await work.step()
      let failed = try await lines()
      #expect(failed.count == 2)
      #expect(failed.last == #"berth_feed_failures_total{feed="test"} 1"#)
    }
  }

  @Test func `are brought up to date by what was changed, from the newest record on`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let server = PlayedServer()
      let work = Self.refresh(stage, server, every: .zero)
      func mark() -> FeedMark? { server.fetches.withLock { $0.last ?? nil } }

      server.give(Self.records(10) + Self.record("T-late", modified: "9999-01-01T00:00:00Z"), tag: "whole")
      try await work.step()
      // What is changed and what is new comes; the rest stays, however few came.
      server.give(
        Self.record("T-1", fixed: "0.1", modified: "2026-01-02T00:00:00Z") + "\n"
          + Self.record("T-new", modified: "2026-01-03T00:00:00Z"), tag: "changes", isWhole: false)
      try await work.step()
      #expect(mark()?.newestChange == "2026-01-01T00:00:00Z")
      let wholeAt = try #require(mark()?.wholeAt)
      #expect(try await stage.registry.advisoryFeeds().first?.recordCount == 12)
      #expect(try await stage.findings(image).count == 11)
      server.give("", tag: "changes")
      try await work.step()
      #expect(mark()?.newestChange == "2026-01-03T00:00:00Z")
      #expect(mark()?.wholeAt == wholeAt)
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `are imported by one at a time, and by the next when that breaks off`(kind: TestInstallation.Kind) async throws {
    struct BrokenOff: Error {}
    try await InspectionStage.run(over: kind) { stage in
      func bring(
        _ ids: [String], _ feed: String = "test", takenAt: Timestamp? = nil, _ meanwhile: () async throws -> Void = {}
      ) async throws -> AdvisoryImportReport {
        try await AdvisoryImport.run(
          stage.registry, feed: feed, kind: "osv", expecting: ids.count, isWhole: true, takenAt: takenAt,
          allowsOlder: false
        ) { work in
          for id in ids { try await work.add(try InspectionStage.advisory(id)) }
          try await meanwhile()
        }
      }
      let report = try await bring(["T-1", "T-2"]) {
        let refusal = await #expect(throws: AdvisoryImportRefusal.self) { _ = try await bring(["T-3", "T-4"]) }
        #expect(refusal?.description.contains("being imported by another") == true)
        // Of others nobody waits.
        _ = try await bring(["T-9"], "other")
      }
      #expect(report.recordCount == 2)
      await #expect(throws: BrokenOff.self) { _ = try await bring(["T-1", "T-2"]) { throw BrokenOff() } }
      await #expect(throws: AdvisoryImportRefusal.self) {
        _ = try await bring(["T-5", "T-6"], takenAt: Timestamp(microseconds: 0))
      }
      #expect(try await bring(["T-3", "T-4"]).removedCount == 2)
    }
  }

  @Test func `are left alone until they are due, or somebody asks`() async throws {
    try await InspectionStage.run { (stage) async throws in
      let server = PlayedServer()
      server.give(Self.records(1), tag: "one")
      let work = Self.refresh(stage, server, every: .seconds(3600))
      #expect(try await work.step() == 1)
      #expect(try await work.step() == 0)
      #expect(try await stage.registry.requestRefresh(of: "test"))
      #expect(try await work.step() == 1)
      #expect(try await stage.registry.requestRefresh(of: "unknown") == false)
      // Taken away, it is due, and all of it is asked for.
      #expect(try await stage.registry.removeFeed("test").removedCount == 1)
      #expect(try await work.step() == 1)
      #expect(server.fetches.withLock { $0.last ?? nil } == nil)
      #expect(try await stage.registry.advisoryFeeds().first?.recordCount == 1)
    }
  }

  @Test func `that an older version has kept by other names are read again at once, also where nothing has changed`()
    async throws
  {
    try await InspectionStage.run { (stage) async throws in
      let server = PlayedServer()
      server.give(Self.records(1), tag: "one")
      let work = Self.refresh(stage, server, every: .seconds(3600))
      #expect(try await work.step() == 1)
      #expect(try await work.step() == 0)
      try await stage.registry.noteFeed("test", kind: "osv", state: #"{"etag":"one","whole":"2026-01-01T00:00:00Z"}"#)
      #expect(try await work.step() == 1)
      #expect(server.fetches.withLock { $0.count } == 2)
      #expect(server.fetches.withLock { $0.last ?? nil } == nil)
      #expect(try await work.step() == 0)
    }
  }

  /// An image of Red Hat with one package.
  private static let redHat = InspectionStage.layer([
    ("etc/os-release", "ID=rhel\nVERSION_ID=\"9.4\"\n"),
    (
      "var/lib/rpmmanifest/container-manifest-2",
      "libcurl\t7.76.1-26.el9_3.1\t1\t1\tRed Hat, Inc.\t(none)\t1\tx86_64\t0\tcurl-7.76.1-26.el9_3.1.src.rpm\n"
    ),
  ])

  private static func vex(_ status: String) -> String {
    """
    {"document":{"publisher":{"namespace":"https://www.redhat.com"},"aggregate_severity":{"text":"Important"},
    "tracking":{"id":"CVE-2026-1","status":"final","current_release_date":"2026-01-01T00:00:00Z"}},
    "product_tree":{"branches":[
    {"product":{"product_id":"R","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9"}}},
    {"product":{"product_id":"B","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},
    {"product":{"product_id":"p","product_identification_helper":{"purl":"pkg:rpm/redhat/libcurl"}}},
    {"product":{"product_id":"p1","product_identification_helper":{"purl":"pkg:rpm/redhat/libcurl@7.76.1-26.el9_3.2?arch=x86_64"}}}],
    "relationships":[
    {"full_product_name":{"product_id":"R:p"},"product_reference":"p","relates_to_product_reference":"R"},
    {"full_product_name":{"product_id":"B:p1"},"product_reference":"p1","relates_to_product_reference":"B"}]},
    "vulnerabilities":[{"cve":"CVE-2026-1","product_status":{\(status)},
    "remediations":[{"category":"none_available","details":"Fix deferred","product_ids":["R:p"]}]}]}
    """
  }

  @Test func `of CSAF tell what is not mended, then what mends it, and end when a package is not affected`()
    async throws
  {
    try await InspectionStage.run { stage in
      let image = try await stage.push([Self.redHat], as: .sample("1"))
      try await stage.inspect()
      let folder = NSTemporaryDirectory() + "feed-\(UUID().uuidString)/2026"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      func bring(_ status: String) async throws -> [String] {
        try Data(Self.vex(status).utf8).write(to: URL(fileURLWithPath: "\(folder)/cve-2026-1.json"))
        _ = try await stage.registry.importFeed("redhat", .csaf, at: String(folder.dropLast("/2026".count)))
        return try await stage.findings(image).map {
          "\($0.vulnerability) \($0.state) \($0.fixed ?? "-") \($0.severity) \($0.severitySource)"
        }
      }
      #expect(try await bring(#""known_affected":["R:p"]"#) == ["CVE-2026-1 deferred - high Red Hat"])
      #expect(
        try await bring(#""fixed":["B:p1"]"#) == ["CVE-2026-1 affected 7.76.1-26.el9_3.2 high Red Hat"])
      #expect(try await bring(#""known_not_affected":["R:p"]"#).isEmpty)
    }
  }

  @Test func `tell what is exploited, and how likely the rest is to be`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      @discardableResult
      func bring(_ format: AdvisoryFormat, _ text: String, as name: String? = nil) async throws -> AdvisoryImportReport
      {
        let path = NSTemporaryDirectory() + "feed-\(UUID().uuidString).\(format == .kev ? "json" : "csv")"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await stage.registry.importFeed(name ?? format.rawValue, format, at: path)
      }
      try await bring(
        .kev,
        #"{"title":"x","vulnerabilities":[{"cveID":"CVE-2026-1","dateAdded":"2026-02-03","dueDate":"2026-02-24","vulnerabilityName":"curl","knownRansomwareCampaignUse":"Known"}]}"#
      )
      try await bring(.epss, "#model_version:v2025.03.14\ncve,epss,percentile\nCVE-2026-1,0.5,0.99\nCVE-2026-2,0,0\n")
      let finding = try #require(try await stage.findings(image).first)
      #expect(finding.exploitedSince == "2026-02-03")
      #expect(finding.epss == 500_000)
      #expect(finding.epssPercentile == 990_000)
      await #expect(throws: RecordFiles.Failure.self) { try await bring(.epss, "CVE-2026-1,2,0.99\n") }
      await #expect(throws: RecordFiles.Failure.self) { try await bring(.kev, "{\"vulnerabilities\":[{}]}") }
      // What an import changed is told.
      let scores = try await bring(.epss, "CVE-2026-1,0.5,0.99\nCVE-2026-2,0.1,0.2\n")
      #expect(scores.recordCount == 2)
      #expect(scores.changedCount == 1)
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `of what is exploited may be several, each with its own entries`(kind: TestInstallation.Kind) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      func bring(_ name: String, _ entries: [(name: String, day: String)]) async throws -> [Int] {
        let items = entries.map { entry in
          AdvisoryFormat.Item.exploited(ExploitEntry(name: entry.name, added: entry.day, due: nil, note: "x"))
        }
        let report = try await stage.registry.importExploits(name, .kev, items)
        return [report.recordCount, report.changedCount, report.removedCount]
      }
      func since() async throws -> String? { try await stage.findings(image).first?.exploitedSince }
      let many = (1...10).map { (name: "CVE-2026-\($0)", day: "2026-02-03") }
      #expect(try await bring("cisa", many) == [10, 10, 0])
      #expect(try await bring("cisa", many) == [10, 0, 0])
      // One that is small is no shrunk one, and takes nothing from the other.
      #expect(try await bring("ours", [("CVE-2026-1", "2026-01-01")]) == [1, 1, 0])
      #expect(try await since() == "2026-01-01")
      #expect(try await bring("ours", [("CVE-2026-99", "2026-01-01")]) == [1, 1, 1])
      #expect(try await since() == "2026-02-03")
      #expect(try await bring("cisa", Array(many.dropFirst())) == [9, 0, 1])
      #expect(try await since() == nil)
      await #expect(throws: AdvisoryImportRefusal.self) { _ = try await bring("cisa", Array(many.prefix(2))) }
    }
  }

  @Test func `that are brought in part do not put older records in place of newer ones`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let newer = try InspectionStage.advisory(fixed: "9.0-1", modified: "2026-01-02T00:00:00.5Z")
      let older = try InspectionStage.advisory(fixed: "8.0-1", modified: "2026-01-01T00:00:00Z")
      try await stage.bring([newer])
      #expect(try await stage.bring([older]).changedCount == 0)
      #expect(try await stage.findings(image).first?.fixed == "9.0-1")
      // A feed that is whole says what counts.
      #expect(try await stage.bring([older], whole: true).changedCount == 1)
      #expect(try await stage.findings(image).first?.fixed == "8.0-1")
    }
  }
}
