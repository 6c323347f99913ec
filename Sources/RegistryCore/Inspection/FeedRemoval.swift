public import Metadata
internal import Scanning

/// What went with a feed.
public struct FeedRemovalReport: Sendable, Hashable {
  /// Advisories, entries of what is exploited, probabilities.
  public var removedCount = 0
  /// What they had found.
  public var findings = FindingDifference()
}

// Feeds that are to be here no longer: renamed, or taken out of the configuration.
extension Registry {
  /// Takes a feed away with all that it has brought in.
  ///
  /// Advisories go as they do when a feed does not have them any more: some hundred in a transaction, each together with what it
  /// found, with events. Probabilities stay while another feed tells them too: nobody knows whose they are. The feed itself goes
  /// last, so that a removal that has broken off can be done again.
  ///
  /// - Throws: ``AdvisoryImportRefusal`` while it is being imported.
  public func removeFeed(_ name: String) async throws -> FeedRemovalReport {
    try await FeedClaim.on(name, database) { claim in
      var report = FeedRemovalReport()
      while let part = try await removeAdvisories(ofFeed: name, claim) {
        report.removedCount += part.removedCount
        report.findings += part.findings
      }
      if try await hasScoresAlone(name) {
        while let count = try await removeScores(claim) { report.removedCount += count }
      }
      report.removedCount += try await database.write { transaction in
        try claim.hold(transaction)
        try transaction.lockInspection()
        let gone = try transaction.replaceExploited([], feed: name).removed
        try transaction.deleteFeed(name)
        return gone
      }
      return report
    }
  }

  private func removeAdvisories(ofFeed name: String, _ claim: FeedClaim) async throws -> FeedRemovalReport? {
    try await database.write { transaction in
      try claim.hold(transaction)
      try transaction.lockInspection()
      let gone = try transaction.advisoryNames(feed: name, after: "", limit: AdvisoryImport.batchLimit)
      guard !gone.isEmpty else { return nil }
      let findings = try transaction.replaceFindings(of: gone, by: [], feed: name)
      try transaction.deleteAdvisories(gone.map(\.key))
      return FeedRemovalReport(removedCount: gone.count, findings: findings)
    }
  }

  private func hasScoresAlone(_ name: String) async throws -> Bool {
    let feeds = try await advisoryFeeds().filter { $0.kind == AdvisoryFormat.epss.rawValue }
    return feeds.contains { $0.name == name } && !feeds.contains { $0.name != name && $0.refreshedAt != nil }
  }

  private func removeScores(_ claim: FeedClaim) async throws -> Int? {
    try await database.write { transaction in
      try claim.hold(transaction)
      try transaction.lockInspection()
      let gone = try transaction.scores(after: "", limit: Self.scoreBatch).map(\.name)
      guard !gone.isEmpty else { return nil }
      try transaction.removeScores(of: gone)
      return gone.count
    }
  }
}
