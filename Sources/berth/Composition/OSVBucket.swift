import Ground
import OCI
import Scanning
import Upkeep

/// Where OSV publishes an ecosystem: `all.zip`, a file of each record, and when each was changed last.
///
/// The archive of npm is as large as a base image, and changes all day. Once it is here, the records that were changed since are
/// enough: ``ModifiedList`` names them.
struct OSVBucket {
  private static let archiveName = "/all.zip"
  private static let listName = "/modified_id.csv"
  /// npm's has some hundred thousand lines.
  private static let listLimitBytes: Int64 = 64 << 20
  /// Of what was changed before the newest record that is here: a list may be of a later moment than the archive.
  static let overlap: Duration = .seconds(3600)
  /// So many records are asked for one by one at the most; of more, the archive is fetched.
  static let recordLimit = 1000
  /// The archive is fetched so often whatever the list says: what was taken away is in no list.
  static let wholeInterval: Duration = .seconds(7 * 86_400)
  /// How many records are asked for at a time.
  private static let askLimit = 8

  private let client: FeedClient
  private let folder: String

  /// Nil for an address that is no such archive.
  init?(_ client: FeedClient, archive address: String) {
    guard address.hasSuffix(Self.archiveName) else { return nil }
    self.client = client
    folder = String(address.dropLast(Self.archiveName.count))
  }

  /// Has `body` read the records that were changed since `mark`.
  ///
  /// - Returns: false when none was; nil when the archive has to be fetched, because all of it is due or because not all that was
  ///   changed is to be had by itself.
  func changes(
    since mark: FeedMark, at now: Timestamp, _ body: (FetchedFeed) async throws -> Void
  ) async throws -> Bool? {
    guard let wholeAt = mark.wholeAt.flatMap({ Timestamp(parsing: $0) }), wholeAt + Self.wholeInterval > now,
      let newest = mark.newestChange.flatMap({ Timestamp(parsing: $0) })
    else { return nil }
    let since = (newest - Self.overlap).description
    var names: Set<String> = []
    var changed = mark
    do {
      let isNew = try await client.ask(
        folder + Self.listName, FeedMark(entityTag: mark.listTag), limitBytes: Self.listLimitBytes
      ) { list in
        try RecordFiles.each(at: list.path, limitBytes: ModifiedList.lineLimitBytes) { line in
          if let name = try ModifiedList.name(line, changedSince: since) { names.insert(name) }
        }
        changed.listTag = list.mark.entityTag
      }
      guard isNew else { return false }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // A mirror may have the archive alone.
      return nil
    }
    guard names.count <= Self.recordLimit else { return nil }
    guard !names.isEmpty else { return false }
    let records = try TemporaryFolder()
    defer { records.remove() }
    guard try await fetch(names, into: records.path) else { return nil }
    try await body(FetchedFeed(path: records.path, mark: changed, isWhole: false))
    return true
  }

  /// - Returns: false when one is not there (any more).
  private func fetch(_ names: Set<String>, into path: String) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for (count, name) in names.enumerated() {
        if count >= Self.askLimit, try await group.next() == false {
          group.cancelAll()
          return false
        }
        group.addTask {
          try await client.save(
            "\(folder)/\(name).json", to: "\(path)/\(name).json", limitBytes: Int64(AdvisoryFormat.osv.recordLimitBytes)
          )
        }
      }
      return try await group.allSatisfy { $0 }
    }
  }
}
