public import Ground
internal import Metadata
public import Scanning

/// How one feed of a bundle went.
public struct BundledFeedOutcome: Sendable {
  public let feed: BundleManifest.Feed
  /// Why it was refused, when it was; what was there is kept then.
  public let result: Result<AdvisoryImportReport, AdvisoryImportRefusal>
}

// Feeds that come in a bundle, from a registry that could fetch them.
extension Registry {
  /// - Throws: ``AdvisoryImportRefusal`` when a feed was taken from its source before what is here of it.
  public func refuseOlder(_ feed: String, takenAt: Timestamp) async throws {
    try await database.read { try Self.refuseOlder(feed, takenAt: takenAt, $0) }
  }

  static func refuseOlder(
    _ feed: String, takenAt: Timestamp, _ transaction: borrowing some Reading & ~Copyable
  ) throws {
    guard let known = try transaction.advisoryFeeds().first(where: { $0.name == feed })?.refreshedAt else { return }
    // As a bundle writes it: in milliseconds.
    guard takenAt.description < known.description else { return }
    throw AdvisoryImportRefusal(description: "\(feed) is of \(takenAt), and what is here of it is of \(known)")
  }

  /// Brings what a bundle says in place of what its feeds said before, one feed after the other.
  ///
  /// - Throws: ``AdvisoryImportRefusal`` when any of its feeds is older than what is here, unless `allowsOlder`: nothing was changed then.
  /// - Returns: how each feed went. One that has shrunk by more than a fifth is refused, and the others are not.
  public func importBundle(_ bundle: AdvisoryBundle, allowsOlder: Bool = false) async throws -> [BundledFeedOutcome] {
    var moments: [Timestamp] = []
    for feed in bundle.manifest.feeds {
      guard let takenAt = Timestamp(parsing: feed.refreshedAt) else {
        throw AdvisoryImportRefusal(description: "the bundle does not say when \(feed.name) was fetched")
      }
      if !allowsOlder { try await refuseOlder(feed.name, takenAt: takenAt) }
      moments.append(takenAt)
    }
    // Before anything of it is used, all of it is read once.
    for feed in bundle.manifest.feeds { try bundle.check(feed) }
    var outcomes: [BundledFeedOutcome] = []
    for (feed, takenAt) in zip(bundle.manifest.feeds, moments) {
      let result: Result<AdvisoryImportReport, AdvisoryImportRefusal>
      do {
        result = .success(try await importFeed(feed, of: bundle, takenAt: takenAt, allowsOlder: allowsOlder))
      } catch let refusal as AdvisoryImportRefusal {
        result = .failure(refusal)
      }
      outcomes.append(BundledFeedOutcome(feed: feed, result: result))
    }
    return outcomes
  }

  private func importFeed(
    _ feed: BundleManifest.Feed, of bundle: AdvisoryBundle, takenAt: Timestamp, allowsOlder: Bool
  ) async throws -> AdvisoryImportReport {
    let walk = try bundle.records(of: feed)
    guard feed.form == .osv else {
      var items: [AdvisoryFormat.Item] = []
      while try walk.next({ items += try feed.form.items($0) }) {}
      guard items.count == feed.recordCount else { throw Self.otherCount(items.count, feed) }
      return try await importExploits(feed.name, feed.form, items, takenAt: takenAt)
    }
    return try await AdvisoryImport.run(
      self, feed: feed.name, kind: feed.kind.rawValue, expecting: feed.recordCount, isWhole: true, takenAt: takenAt,
      allowsOlder: allowsOlder
    ) { work in
      while true {
        var items: [AdvisoryFormat.Item] = []
        guard try walk.next({ items = try feed.form.items($0) }) else { break }
        for case .advisory(let advisory) in items { try await work.add(advisory) }
      }
    }
  }

  private static func otherCount(_ count: Int, _ feed: BundleManifest.Feed) -> AdvisoryImportRefusal {
    AdvisoryImportRefusal(
      description: "\(count) records of \(feed.name) came and \(feed.recordCount) were told of: it is refused")
  }
}
