import Access
import Foundation
import Ground
import Metadata
import OCI
import Scanning
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// What one registry knows of its feeds, another knows by a bundle: the same findings, for the same reasons.
@Suite struct `Bundles of feeds` {
  /// Files that go with their test.
  private final class Folder {
    let path = NSTemporaryDirectory() + "bundle-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, _ name: String) throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      return "\(path)/\(name)"
    }
  }

  private static let osv = [
    // Two packages alike, one that says more of itself, ranges that take versions back, and a text that is cut.
    #"{"id":"T-1","modified":"2026-01-01T00:00:00Z","published":"2025-12-31T00:00:00Z","aliases":["CVE-2026-1"],"summary":"Made up","details":"\#(String(repeating: "ü", count: 3000))","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"references":[{"type":"WEB","url":"https://example.org/1"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"7.1"},{"introduced":"7.2"},{"last_affected":"7.9"}]}]},{"package":{"ecosystem":"Debian:12","name":"zlib"},"versions":["1.2"],"ecosystem_specific":{"urgency":"low"}}]}"#,
    #"{"id":"T-2","modified":"2026-01-02T00:00:00Z","withdrawn":"2026-01-03T00:00:00Z","upstream":["CVE-2026-2"],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}"#,
    #"{"id":"T-3","modified":"2026-01-02T00:00:00Z","upstream":["CVE-2026-3"],"database_specific":{"severity":"HIGH"},"affected":[{"package":{"ecosystem":"PyPI","name":"Made_Up"},"versions":["1.0"]},{"package":{"ecosystem":"Debian:12","name":"zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]}]}"#,
  ].joined(separator: "\n")

  private static let debian =
    #"{"curl":{"CVE-2026-4":{"description":"of curl","releases":{"bookworm":{"status":"open","urgency":"low**","nodsa":"x","nodsa_reason":"ignored"},"trixie":{"status":"resolved","fixed_version":"8.0","urgency":"high"}}},"CVE-2026-1":{"releases":{"bookworm":{"status":"open","urgency":"not yet assigned","nodsa_reason":"postponed"}}}}}"#

  private static let secdb =
    #"{"distroversion":"v3.20","reponame":"main","packages":[{"pkg":{"name":"curl","secfixes":{"8.9.0-r0":["CVE-2026-5","CVE-2026-6 GHSA-x"]}}}]}"#

  private static let kev =
    #"{"vulnerabilities":[{"cveID":"CVE-2026-1","dateAdded":"2026-02-03","dueDate":"2026-02-24","vulnerabilityName":"curl","knownRansomwareCampaignUse":"Known"},{"cveID":"CVE-2026-9","dateAdded":"2026-02-04"}]}"#

  private static let epss = "cve,epss,percentile\nCVE-2026-1,0.51234,0.99\nCVE-2026-4,0.00001,0.00002\n"

  private static let sources: [(name: String, format: AdvisoryFormat, text: String, file: String)] = [
    ("test", .osv, osv, "osv.jsonl"), ("tracker", .debian, debian, "debian.json"),
    ("alpine", .secdb, secdb, "secdb.json"), ("kev", .kev, kev, "kev.json"), ("epss", .epss, epss, "epss.csv"),
  ]

  private static func fill(_ registry: Registry, _ folder: Folder) async throws -> Int {
    var changed = 0
    for source in sources {
      let path = try folder.write(source.text, source.file)
      changed += try await registry.importFeed(source.name, source.format, at: path).changedCount
    }
    return changed
  }

  /// As the command does it over the API.
  private static func export(
    _ registry: Registry, _ folder: Folder, _ name: String = "bundle.tar", by pair: SigningPair? = nil
  ) async throws -> AdvisoryBundle {
    var members: [(feed: BundleManifest.Feed, path: String)] = []
    for feed in try await registry.advisoryFeeds() {
      let kind = try #require(AdvisoryFormat(rawValue: feed.kind))
      let file = try BundleFeedFile(path: "\(folder.path)/\(feed.name).records")
      var next: String? = ""
      while let place = next {
        let page = try #require(try await registry.records(ofFeed: feed.name, after: place, limit: 2))
        for record in page.records {
          guard kind == .epss else {
            try file.add(record.bytes)
            continue
          }
          let parts = ["cve", "epss", "percentile"].compactMap { record[$0]?.string }
          try file.add(Array(parts.joined(separator: ",").utf8))
        }
        next = page.next
      }
      let refreshedAt = try #require(feed.refreshedAt).description
      members.append((try file.finish(name: feed.name, kind: kind, refreshedAt: refreshedAt), file.path))
    }
    let path = "\(folder.path)/\(name)"
    try BundleDraft.write(to: path, members) {
      try pair?.sign($0) ?? [UInt8](repeating: 1, count: 64)
    }
    return try AdvisoryBundle(at: path) { _, _ in true }
  }

  /// All that a finding says, without the numbers of rows and the time at which it was found.
  private static func told(_ finding: ImageFinding) -> String {
    let row = finding.advisory
    let parts: [Any?] = [
      finding.vulnerability, row.advisory, row.feed, row.published, row.modified, row.summary, row.finding.detail,
      finding.others.sorted(), finding.names.sorted(), finding.package.name, finding.package.version, finding.paths,
      finding.fixed, finding.state, finding.severity, finding.severitySource, finding.score, finding.exploitedSince,
      finding.epss, finding.epssPercentile,
    ]
    return parts.map { $0.map { "\($0)" } ?? "-" }.joined(separator: "|")
  }

  private static func image(_ stage: InspectionStage) async throws -> SampleManifest {
    let python = InspectionStage.layer([
      ("app/made_up-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: Made_Up\nVersion: 1.0\n")
    ])
    let image = try await stage.push([InspectionStage.base, python], as: .sample("1"))
    try await stage.inspect()
    return image
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `give another registry the same findings, and the same bundle again`(kind: TestInstallation.Kind) async throws {
    let folder = try Folder()
    try await InspectionStage.run { source in
      let expected = try await Self.image(source)
      _ = try await Self.fill(source.registry, folder)
      let bundle = try await Self.export(source.registry, folder)
      #expect(bundle.manifest.feeds.map(\.kind) == [.secdb, .epss, .kev, .osv, .debian])
      #expect(bundle.manifest.feeds.map(\.recordCount) == [2, 2, 2, 3, 2])

      try await InspectionStage.run(over: kind) { target in
        // One image is there before the advisories, as the other came before them.
        let image = try await Self.image(target)
        for outcome in try await target.registry.importBundle(bundle) {
          #expect(try outcome.result.get().recordCount == outcome.feed.recordCount)
        }
        let findings = try await target.findings(image)
        #expect(findings.map(Self.told).sorted() == (try await source.findings(expected)).map(Self.told).sorted())
        #expect(findings.count == 5)
        #expect(findings.contains { $0.exploitedSince == "2026-02-03" && $0.epss == 512_340 })
        // How old it is, is how old it was.
        let feeds = try await target.registry.advisoryFeeds()
        #expect(feeds.map(\.kind) == (try await source.registry.advisoryFeeds()).map(\.kind))
        #expect(feeds.map { $0.refreshedAt?.description } == bundle.manifest.feeds.map { $0.refreshedAt })

        let again = try await Self.export(target.registry, folder, "again.tar")
        #expect(again.manifest == bundle.manifest)
        // What the sources themselves say is what came by the bundle, to the last text.
        #expect(try await Self.fill(target.registry, folder) == 0)
      }
    }
  }

  @Test func `are refused when they are older, and each feed when it has shrunk`() async throws {
    let folder = try Folder()
    func records(_ count: Int) -> String {
      (0..<count).map { #"{"id":"T-\#($0)","modified":"2026-01-01T00:00:00Z","affected":[]}"# }.joined(separator: "\n")
    }
    try await InspectionStage.run { source in
      for (name, count) in [("a", 10), ("b", 10)] {
        let path = try folder.write(records(count), "\(name).jsonl")
        _ = try await source.registry.importFeed(name, .osv, at: path)
      }
      let old = try await Self.export(source.registry, folder, "old.tar")
      _ = try await source.registry.importFeed("a", .osv, at: try folder.write(records(9), "a.jsonl"))
      _ = try await source.registry.importFeed("b", .osv, at: try folder.write(records(11), "b.jsonl"))
      let new = try await Self.export(source.registry, folder, "new.tar")

      try await InspectionStage.run { target in
        func counts() async throws -> [Int64] { try await target.registry.advisoryFeeds().map(\.recordCount) }
        _ = try await target.registry.importBundle(new)
        #expect(try await counts() == [9, 11])
        await #expect(throws: AdvisoryImportRefusal.self) { try await target.registry.importBundle(old) }
        #expect(try await counts() == [9, 11])
        _ = try await target.registry.importBundle(new)
        _ = try await target.registry.importBundle(old, allowsOlder: true)
        #expect(try await counts() == [10, 10])

        _ = try await target.registry.importFeed("a", .osv, at: try folder.write(records(100), "a.jsonl"))
        let outcomes = try await target.registry.importBundle(new, allowsOlder: true)
        #expect(throws: AdvisoryImportRefusal.self) { try outcomes.first?.result.get() }
        #expect(try outcomes.last?.result.get().changedCount == 1)
        #expect(try await counts() == [100, 11])
      }
    }
  }

  /// Gives a file that lies here.
  private struct LyingFile: FeedFetcher {
    let path: String

    func fetch(
      _ feed: ConfiguredFeed, since mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
    ) async throws -> Bool {
      try await body(FetchedFeed(path: path, mark: FeedMark(entityTag: "tag")))
      return true
    }
  }

  @Test func `come in as a feed, if one of the configured keys has signed them`() async throws {
    let folder = try Folder()
    let (ours, theirs) = (try SigningPair.generate(), try SigningPair.generate())
    try await InspectionStage.run { source in
      _ = try await Self.fill(source.registry, folder)
      _ = try await Self.export(source.registry, folder, by: ours)

      try await InspectionStage.run { target in
        func refresh(_ name: String, _ keys: [SigningPair]) async throws -> [AdvisoryFeedRow] {
          let work = FeedRefresh(
            registry: target.registry, feeds: [ConfiguredFeed(name: name, content: .bundle, address: "/bundle.tar")],
            fetcher: LyingFile(path: "\(folder.path)/bundle.tar"), interval: .zero,
            bundleKeys: try keys.map { try PublicKey(ed25519PEM: $0.publicPEM) }, logger: .silent)
          try await work.step()
          return try await target.registry.advisoryFeeds()
        }
        for keys in [[], [theirs]] {
          let feeds = try await refresh("carried", keys)
          #expect(feeds.map(\.name) == ["carried"])
          #expect(feeds.first?.failure?.contains("not signed by a key that is trusted") == true)
        }
        let taken = try await refresh("carried", [theirs, ours])
        #expect(taken.map(\.name) == ["alpine", "carried", "epss", "kev", "test", "tracker"])
        #expect(taken.allSatisfy { $0.failure == nil })
        #expect(taken.first { $0.name == "carried" }?.recordCount == 11)
        // A feed cannot be the bundle that it comes in.
        let named = try await refresh("kev", [ours]).first { $0.name == "kev" }
        #expect(named?.failure?.contains("the name that it has in inspection.feeds itself") == true)
      }
    }
  }
}
