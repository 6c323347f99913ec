import Foundation
import Ground
import Scanning
import Synchronization
import TestSupport
import Testing
import Upkeep

@testable import berth

/// Feeds over HTTP: from an archive, from a folder of records beside it, and from where a pointer leads.
@Suite struct `A download of a feed` {
  /// Files with tags, as a bucket gives them.
  private final class Bucket: Sendable {
    private final class Files: Sendable { let texts = Mutex<[String: String]>([:]) }

    private let files = Files()
    private let server: ScriptedHTTPServer

    init(_ texts: [String: String]) throws {
      files.texts.withLock { $0 = texts }
      server = try ScriptedHTTPServer(answering: { [files] request in
        guard let text = files.texts.withLock({ $0[request.target] }) else { return .init(404) }
        let tag = "\"\(text.count)\""
        if request.head.lowercased().contains("if-none-match: \(tag)") { return .init(304) }
        return .init(200, headers: [("ETag", tag)], body: Array(text.utf8))
      })
    }

    func put(_ path: String, _ text: String?) { files.texts.withLock { $0[path] = text } }

    /// What was asked since `count` requests.
    func asked(since count: Int = 0) -> [String] { server.requests.dropFirst(count).map(\.target) }

    func feed(_ path: String, _ content: ConfiguredFeed.Content = .records(.osv)) -> ConfiguredFeed {
      ConfiguredFeed(name: "feed", content: content, address: server.url + path)
    }
  }

  private struct StillTime: TimeSource {
    var now: Timestamp { Timestamp(parsing: "2026-02-01T00:00:00Z") ?? Timestamp(microseconds: 0) }
    var monotonicNanoseconds: Int64 { 0 }
    func sleep(for duration: Duration) async throws {}
  }

  private struct Got: Sendable {
    var isWhole = false
    var files: [String: String] = [:]
    var mark = FeedMark()
  }

  /// Nil: it is as it was.
  private static func fetch(_ feed: ConfiguredFeed, since mark: FeedMark? = nil) async throws -> Got? {
    let got = Mutex(Got())
    let hasChanged = try await FeedDownload(time: StillTime()).fetch(feed, since: mark) { fetched in
      var found = Got(isWhole: fetched.isWhole, mark: fetched.mark)
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: fetched.path, isDirectory: &isFolder)
      let names = isFolder.boolValue ? try FileManager.default.contentsOfDirectory(atPath: fetched.path) : [""]
      for name in names {
        let path = name.isEmpty ? fetched.path : "\(fetched.path)/\(name)"
        found.files[name.isEmpty ? "whole" : name] = try String(contentsOfFile: path, encoding: .utf8)
      }
      let all = found
      got.withLock { $0 = all }
    }
    return hasChanged ? got.withLock { $0 } : nil
  }

  private static func mark(wholeAt: String = "2026-01-31T00:00:00Z") -> FeedMark {
    var mark = FeedMark(entityTag: "\"old\"")
    mark.newestChange = "2026-01-10T12:00:00Z"
    mark.wholeAt = wholeAt
    return mark
  }

  private static let list = """
    2026-01-11T00:00:00.25Z,T-3
    2026-01-10T11:30:00Z,T-2
    2026-01-09T00:00:00Z,T-1

    """

  @Test func `asks for the records that were changed, and for nothing where none was`() async throws {
    let bucket = try Bucket([
      "/PyPI/all.zip": "all", "/PyPI/modified_id.csv": Self.list, "/PyPI/T-2.json": "two", "/PyPI/T-3.json": "three",
    ])
    let feed = bucket.feed("/PyPI/all.zip")
    let whole = try #require(try await Self.fetch(feed))
    #expect(whole.isWhole && whole.files == ["whole": "all"])
    #expect(bucket.asked() == ["/PyPI/all.zip"])

    // With an hour before the newest that is here.
    let changes = try #require(try await Self.fetch(feed, since: Self.mark()))
    #expect(!changes.isWhole && changes.files == ["T-2.json": "two", "T-3.json": "three"])
    #expect(changes.mark.entityTag == "\"old\"" && changes.mark.wholeAt == Self.mark().wholeAt)

    let count = bucket.asked().count
    #expect(try await Self.fetch(feed, since: changes.mark) == nil)
    #expect(bucket.asked(since: count) == ["/PyPI/modified_id.csv"])

    bucket.put("/PyPI/modified_id.csv", "2026-01-01T00:00:00Z,T-1\n")
    #expect(try await Self.fetch(feed, since: Self.mark()) == nil)
  }

  @Test func `takes the archive where changes do not do`() async throws {
    let many = (0...OSVBucket.recordLimit).map { "2026-01-11T00:00:00Z,M-\($0)\n" }.joined()
    for list in [nil, "no list", "2026-01-11T00:00:00Z,../../x\n", "2026-01-11T00:00:00Z,.x\n", many, Self.list] {
      // T-2 is in the last list, and not to be had.
      let bucket = try Bucket(["/Go/all.zip": "all", "/Go/T-3.json": "three"])
      bucket.put("/Go/modified_id.csv", list)
      let got = try #require(try await Self.fetch(bucket.feed("/Go/all.zip"), since: Self.mark()))
      #expect(got.isWhole, "\(list?.prefix(40) ?? "none")")
      #expect(bucket.asked().allSatisfy { !$0.contains("x") && !$0.contains("M-") }, "\(bucket.asked())")
    }
    // After a week, whatever the list says; and where it is not known what is here.
    let bucket = try Bucket(["/Go/all.zip": "all", "/Go/modified_id.csv": Self.list])
    for mark in [Self.mark(wholeAt: "2026-01-24T23:00:00Z"), FeedMark(entityTag: "\"old\"")] {
      #expect(try await Self.fetch(bucket.feed("/Go/all.zip"), since: mark)?.isWhole == true)
    }
    #expect(bucket.asked() == ["/Go/all.zip", "/Go/all.zip"])
  }

  @Test func `follows a pointer to the file that it names, and nowhere else`() async throws {
    let bucket = try Bucket([
      "/vex/archive_latest.txt": "vex-2026-01-31.tar.zst\n", "/vex/vex-2026-01-31.tar.zst": "archive",
    ])
    let feed = bucket.feed("/vex/archive_latest.txt", .records(.csaf))
    let first = try #require(try await Self.fetch(feed))
    #expect(first.isWhole && first.files == ["whole": "archive"])
    #expect(try await Self.fetch(feed, since: first.mark) == nil)
    bucket.put("/vex/archive_latest.txt", "vex-2026-02-01.tar.zst")
    bucket.put("/vex/vex-2026-02-01.tar.zst", "newer")
    #expect(try await Self.fetch(feed, since: first.mark)?.files == ["whole": "newer"])
    for elsewhere in ["../secret", "http://other.example/x", "", "/etc/passwd"] {
      bucket.put("/vex/archive_latest.txt", elsewhere)
      await #expect(throws: FeedClient.Failure.self) { _ = try await Self.fetch(feed, since: first.mark) }
    }
  }
}
