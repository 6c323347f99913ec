import Access
import Glibc
import OCI
import Scanning

/// Makes a bundle of what a server has, over its API.
struct BundleExport {
  let server: RemoteServer
  let key: SigningPair

  /// Records that are asked for at once.
  private static let pageSize = 500
  /// A feed may be refreshed while it is read; it is read again then, so often.
  private static let tryLimit = 3

  /// Writes the bundle of some feeds.
  ///
  /// - Parameter names: empty: all of them.
  /// - Returns: what it has.
  func write(_ names: [String], to path: String) async throws -> BundleManifest {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let all = Self.exportable(try await feeds())
    for name in names where !all.contains(where: { $0.name == name }) {
      throw BundleFailure("there is no feed \(name) with records: berth advisories list")
    }
    let chosen = all.filter { names.isEmpty || names.contains($0.name) }
    guard !chosen.isEmpty else { throw BundleFailure("no advisories are here: berth advisories list") }
    var members: [(feed: BundleManifest.Feed, path: String)] = []
    var progress = Progress()
    defer { progress.clear() }
    for feed in chosen {
      let file = "\(folder.path)/\(feed.name)"
      members.append((feed: try await fetch(feed, to: file, &progress), path: file))
    }
    let partial = path + ".partial"
    do {
      try BundleDraft.write(to: partial, members) { try key.sign($0) }
      guard rename(partial, path) == 0 else { throw BundleFailure.ofSystem(path) }
    } catch {
      unlink(partial)
      throw error
    }
    return BundleManifest(feeds: members.map(\.feed))
  }

  private struct Source {
    let name: String
    let kind: AdvisoryFormat
    let refreshedAt: String
  }

  private func feeds() async throws -> [Source] {
    (try await server.call(.get, "/api/v1/advisories").array ?? []).compactMap { feed in
      guard let name = feed["name"]?.string, let kind = feed["kind"]?.string.flatMap({ AdvisoryFormat(rawValue: $0) }),
        let refreshedAt = feed["refreshedAt"]?.string
      else { return nil }
      return Source(name: name, kind: kind, refreshedAt: refreshedAt)
    }
  }

  /// Of feeds that tell how likely vulnerabilities are to be exploited, the latest: they speak of the same.
  private static func exportable(_ feeds: [Source]) -> [Source] {
    feeds.filter { feed in
      guard feed.kind.bundled == .epss else { return true }
      let latest = feeds.filter { $0.kind == feed.kind }.max { ($0.refreshedAt, $0.name) < ($1.refreshedAt, $1.name) }
      return latest?.name == feed.name
    }
  }

  private func fetch(_ feed: Source, to path: String, _ progress: inout Progress) async throws -> BundleManifest.Feed {
    var refreshedAt = feed.refreshedAt
    for _ in 0..<Self.tryLimit {
      let file = try BundleFeedFile(path: path)
      try await copy(feed, to: file, &progress)
      let now = try await feeds().first { $0.name == feed.name }
      guard let now else { throw BundleFailure("the feed \(feed.name) has gone while it was read") }
      if now.refreshedAt == refreshedAt {
        return try file.finish(name: feed.name, kind: feed.kind, refreshedAt: refreshedAt)
      }
      refreshedAt = now.refreshedAt
    }
    throw BundleFailure("the feed \(feed.name) changes again and again while it is read")
  }

  private func copy(_ feed: Source, to file: BundleFeedFile, _ progress: inout Progress) async throws {
    let path = "/api/v1/advisories/\(pathPart(feed.name))/records?n=\(Self.pageSize)"
    var cursor: String?
    repeat {
      let place = cursor.map { "&cursor=\(pathPart($0))" } ?? ""
      let page = try await server.call(.get, path + place)
      for record in page["items"]?.array ?? [] { try file.add(try Self.line(record, feed.kind)) }
      cursor = page["next"]?.string
      progress.show("\(feed.name): \(file.recordCount) records")
    } while cursor != nil
  }

  private static func line(_ record: JSONValue, _ kind: AdvisoryFormat) throws -> [UInt8] {
    guard kind == .epss else { return record.bytes }
    guard let name = record["cve"]?.string, let epss = record["epss"]?.string, let rank = record["percentile"]?.string
    else { throw BundleFailure("the server gave something that is no probability") }
    return Array("\(name),\(epss),\(rank)".utf8)
  }
}
