public import Ground
internal import Metadata
internal import OCI
public import Scanning

// Whole feeds, of any format, from files.
extension Registry {
  /// Probabilities that one transaction writes.
  static let scoreBatch = 1000

  /// Brings what a file says in place of what its feed said before. The file is read to its end before anything is written.
  ///
  /// - Parameter isWhole: what is known of the feed and is not in the file is taken away.
  /// - Throws: ``RecordFiles/Failure`` when the file cannot be read; ``AdvisoryImportRefusal`` when the feed has shrunk by more than
  ///   a fifth. Nothing was changed then.
  public func importFeed(
    _ name: String, _ format: AdvisoryFormat, at path: String, isWhole: Bool = true
  ) async throws -> AdvisoryImportReport {
    switch format {
    case .osv, .secdb, .debian, .csaf: try await importAdvisories(name, format, at: path, isWhole: isWhole)
    case .kev, .epss: try await importExploits(name, format, at: path)
    }
  }

  private func importAdvisories(
    _ name: String, _ format: AdvisoryFormat, at path: String, isWhole: Bool
  ) async throws -> AdvisoryImportReport {
    // A record after the other, so that a feed of any size needs no more memory than they.
    let staged = try StagedAdvisories()
    try format.each(at: path) { item in if case .advisory(let advisory) = item { try staged.add(advisory) } }
    return try await AdvisoryImport.run(self, feed: name, kind: format.rawValue, staged, isWhole: isWhole)
  }

  private func importExploits(
    _ name: String, _ format: AdvisoryFormat, at path: String
  ) async throws -> AdvisoryImportReport {
    var items: [AdvisoryFormat.Item] = []
    try format.each(at: path) { items.append($0) }
    return try await importExploits(name, format, items)
  }

  private func write(
    _ entries: [ExploitedVulnerability], _ name: String, _ takenAt: Timestamp?
  ) async throws -> AdvisoryImportReport {
    try await refuseShrunk(name, .kev, to: entries.count)
    return try await FeedClaim.on(name, database) { claim in
      try await database.write { transaction in
        try claim.hold(transaction)
        try transaction.lockInspection()
        var report = AdvisoryImportReport()
        report.recordCount = entries.count
        (report.changedCount, report.removedCount) = try transaction.replaceExploited(entries, feed: name)
        try transaction.writeFeed(
          name, kind: AdvisoryFormat.kev.rawValue, recordCount: Int64(entries.count), failure: nil, state: nil,
          refreshedAt: takenAt)
        return report
      }
    }
  }

  private func write(
    _ scores: [(name: String, epss: Int, percentile: Int)], _ name: String, _ takenAt: Timestamp?
  ) async throws -> AdvisoryImportReport {
    try await refuseShrunk(name, .epss, to: scores.count)
    return try await FeedClaim.on(name, database) { claim in
      var report = AdvisoryImportReport()
      report.recordCount = scores.count
      for begin in stride(from: 0, to: scores.count, by: Self.scoreBatch) {
        let batch = scores[begin..<min(begin + Self.scoreBatch, scores.count)]
        report.changedCount += try await database.write { transaction in
          try claim.hold(transaction)
          try transaction.lockInspection()
          let known = try transaction.vulnerabilities(batch.map(\.name))
          let changed = batch.filter { known[$0.name]?.epss != $0.epss || known[$0.name]?.percentile != $0.percentile }
          try transaction.writeScores(changed)
          return changed.count
        }
      }
      try await database.write { transaction in
        try claim.hold(transaction)
        try transaction.writeFeed(
          name, kind: AdvisoryFormat.epss.rawValue, recordCount: Int64(scores.count), failure: nil, state: nil,
          refreshedAt: takenAt)
      }
      return report
    }
  }

  private func refuseShrunk(_ name: String, _ format: AdvisoryFormat, to count: Int) async throws {
    let known = try await database.read { try $0.advisoryFeeds().first { $0.name == name }?.recordCount ?? 0 }
    guard count == 0 || Double(count) < Double(known) * AdvisoryImport.leastShare else { return }
    let refusal = AdvisoryImportRefusal(
      description: "the feed has shrunk from \(known) records to \(count): it is refused, and the old one kept")
    try await database.write {
      try $0.writeFeed(name, kind: format.rawValue, recordCount: nil, failure: refusal.description, state: nil)
    }
    throw refusal
  }

  /// Has a configured feed looked at at once. Answers false when it was never looked at: then it is due anyway, or not configured.
  public func requestRefresh(of name: String) async throws -> Bool {
    try await database.write { try $0.forgetTry(ofFeed: name) }
  }

  /// What items of a format that is sent record by record say; those of advisories are brought in by ``AdvisoryImport``.
  ///
  /// - Parameter takenAt: when they were taken from their source; nil: now.
  public func importExploits(
    _ name: String, _ format: AdvisoryFormat, _ items: [AdvisoryFormat.Item], takenAt: Timestamp? = nil
  ) async throws -> AdvisoryImportReport {
    var entries: [ExploitedVulnerability] = []
    var scores: [(name: String, epss: Int, percentile: Int)] = []
    for item in items {
      switch item {
      case .advisory: break
      case .exploited(let entry):
        entries.append(ExploitedVulnerability(name: entry.name, added: entry.added, due: entry.due, note: entry.note))
      case .score(let score): scores.append((score.name, score.epss, score.percentile))
      }
    }
    return format == .kev ? try await write(entries, name, takenAt) : try await write(scores, name, takenAt)
  }

  /// Notes that a feed could not be refreshed, and why.
  public func noteFeedFailure(_ name: String, kind: String, _ reason: String) async throws {
    try await database.write { try $0.writeFeed(name, kind: kind, recordCount: nil, failure: reason, state: nil) }
  }

  /// Notes that a feed is as it was, or what its server said of the file that was taken.
  ///
  /// - Parameter recordCount: nil: as it was.
  public func noteFeed(_ name: String, kind: String, state: String, recordCount: Int64? = nil) async throws {
    try await database.write { transaction in
      let known = try recordCount ?? transaction.advisoryFeeds().first { $0.name == name }?.recordCount
      // Taken away meanwhile: what its server said would keep it from being fetched anew.
      guard let known else { return }
      try transaction.writeFeed(name, kind: kind, recordCount: known, failure: nil, state: state)
    }
  }
}
