internal import Metadata
internal import OCI

// Advisories are the whole registry's: site admins bring them in.
extension Administration {
  /// Records that somebody begins to bring advisories in.
  ///
  /// - Throws: unless it is a site admin.
  public func beginAdvisoryImport(_ feed: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let isName = feed.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
    }
    guard (1...64).contains(feed.utf8.count), isName else {
      throw AdministrationError(.invalid, "a feed's name has small letters, digits, dashes and points, at most 64")
    }
    try await database.write {
      try $0.record(AuditEntry("advisories.import", by: caller.origin, target: feed))
    }
  }

  /// Records that somebody has a feed looked at.
  ///
  /// - Throws: unless it is a site admin, and the feed is configured: others have no source to look at.
  public func beginFeedRefresh(_ feed: String, isConfigured: Bool, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try await database.write { transaction in
      guard isConfigured else {
        throw try transaction.hasFeed(feed)
          ? AdministrationError(
            .conflict, "\(feed.prefix(80)) is not in inspection.feeds: what is new of it has to be brought in")
          : AdministrationError(.notFound, "there is no feed \(feed.prefix(80))")
      }
      try transaction.record(AuditEntry("advisories.refresh", by: caller.origin, target: feed))
    }
  }

  /// Records that somebody begins to take a feed away.
  ///
  /// - Throws: unless it is a site admin, and the feed is here.
  public func beginFeedRemoval(_ feed: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try await database.write { transaction in
      guard try transaction.hasFeed(feed) else {
        throw AdministrationError(.notFound, "there is no feed \(feed.prefix(80))")
      }
      let known = try transaction.advisoryFeeds().first { $0.name == feed }?.recordCount ?? 0
      try transaction.record(
        AuditEntry(
          "advisories.remove", by: caller.origin, target: feed, detail: Self.detail(("records", .integer(known)))))
    }
  }

  /// Asks whether the caller may have everything judged again, and records that it begins.
  public func beginRematch(by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try await database.write { try $0.record(AuditEntry("advisories.rematch", by: caller.origin, target: "")) }
  }
}
