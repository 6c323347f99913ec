internal import Metadata
public import OCI
internal import Scanning

/// A page of what a feed has brought in.
public struct FeedPage: Sendable {
  /// In the form in which a bundle has them.
  public let records: [JSONValue]
  /// Where the next page begins; nil: there is none.
  public let next: String?
}

// Feeds, to be given to another registry.
extension Registry {
  /// What advisories of one page may say of packages. An answer has some times as many bytes, and fewer values than one text of JSON
  /// may hold.
  private static let pageBytes: Int64 = 512 << 10

  /// Records of a feed in the order of their names.
  ///
  /// - Parameters:
  ///   - name: after which they begin.
  ///   - limit: how many at most; there may be fewer though others follow.
  /// - Returns: nil when there is no such feed, or one that has no records of its own.
  public func records(ofFeed feed: String, after name: String, limit: Int) async throws -> FeedPage? {
    guard let row = try await advisoryFeeds().first(where: { $0.name == feed }),
      let format = AdvisoryFormat(rawValue: row.kind)
    else { return nil }
    switch format.bundled {
    case .kev:
      let found = try await database.read { try $0.exploited(feed: feed, after: name, limit: limit) }
      return FeedPage(
        records: found.map { ExploitEntry(name: $0.name, added: $0.added, due: $0.due, note: $0.note).json },
        next: found.last?.name)
    case .epss:
      let found = try await database.read { try $0.scores(after: name, limit: limit) }
      return FeedPage(
        records: found.map { ExploitScore(name: $0.name, epss: $0.epss, percentile: $0.percentile).json },
        next: found.last?.name)
    case .osv, .secdb, .debian, .csaf:
      let found = try await database.read {
        try $0.advisoryRecords(feed: feed, after: name, limit: limit, limitBytes: Self.pageBytes)
      }
      return FeedPage(records: try found.map { OSVWriter.record(try Advisory($0)) }, next: found.last?.name)
    }
  }
}

extension Advisory {
  /// An advisory that becomes the same record when it is imported.
  ///
  /// - Throws: ``DatabaseError`` when what is stored cannot be read.
  init(_ record: AdvisoryRecord) throws {
    self.init(id: record.name)
    modified = record.modified
    published = record.published
    // When it was taken back is not kept, and nothing depends on it.
    if record.isWithdrawn { withdrawn = record.modified.isEmpty ? "1970-01-01T00:00:00Z" : record.modified }
    aliases = record.aliases
    summary = record.summary
    let shown = try? JSONValue.parse(record.content)
    details = shown?["details"]?.string
    references = (shown?["references"]?.array ?? []).compactMap(\.string)
    affected = try record.packages.map { entry in
      do throws(RecordError) {
        return try Affected(
          decoding: entry.content, ecosystem: Ecosystem(parsing: entry.ecosystem), name: entry.package)
      } catch {
        throw DatabaseError.corrupt("what an advisory says of \(entry.package) cannot be read")
      }
    }
    takePlainNames()
    takeSeverities(of: record)
  }

  /// What a record says of itself is kept with each of its packages. Where all of them have the same, it is said once again.
  private mutating func takeSeverities(of record: AdvisoryRecord) {
    func isStored(_ severity: Severity?) -> Bool {
      (severity?.band.rawValue ?? "unknown") == record.severity && (severity?.source ?? "") == record.severitySource
        && severity?.score.map { Int(($0 * 10).rounded()) } == record.score
    }
    if let first = affected.first?.severities, isStored(Severity.chosen(first)),
      affected.allSatisfy({ $0.severities == first })
    {
      severities = first
      for index in affected.indices { affected[index].severities = [] }
      return
    }
    guard let band = Severity.Band(rawValue: record.severity), band != .unknown else { return }
    let known = affected.lazy.flatMap(\.severities).first { isStored($0) }
    severities = [
      known
        ?? Severity(
          source: record.severitySource, text: "", band: band, score: record.score.map { Double($0) / 10 })
    ]
  }
}
