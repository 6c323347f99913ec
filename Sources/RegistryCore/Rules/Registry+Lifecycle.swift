internal import Ground
public import Metadata
public import OCI

/// A part of a tag's history that is let go of.
public struct TagTrim: Sendable {
  public let repository: RepositoryRow
  public let tag: Tag
  /// Events whose images need not stay for them any more.
  public let released: [TagEvent]
  /// Events whose records go.
  public let deleted: [TagEvent]
}

/// What retention would do in a repository.
public struct RetentionPlan: Sendable {
  public let repository: RepositoryRow
  /// One for each tag, the newest first.
  public let decisions: [RetentionDecision]
  /// Images that nothing names, and whose time is over.
  public let untagged: [IdleManifest]
}

// What happens to tags by themselves: retention, and the end of history. Works for nobody's request, so without a permit; who
// asks for a plan has shown that they may see the namespace.
extension Registry {
  /// Tags whose history is looked at together.
  static let trimPageLimit = 256
  /// Tags that one transaction changes: what a push may have to wait for.
  static let lifecycleBatchLimit = 32
  static let untaggedLimit = 1000

  public func repositories(after id: Int64, limit: Int) async throws -> [RepositoryRow] {
    try await database.read { try $0.repositories(after: id, limit: limit) }
  }

  public func repositories(of namespace: String, after name: String, limit: Int) async throws -> [RepositoryRow] {
    try await database.read { try $0.repositories(of: namespace, after: name, limit: limit) }
  }

  /// The rule of a kind that decides for a repository: of those whose pattern takes it, the one that says most.
  private static func rule<R: Reading & ~Copyable>(
    _ kind: RepositoryRule.Kind, for repository: RepositoryName, _ transaction: borrowing R
  ) throws -> JSONValue? {
    let found = try transaction.repositoryRules(of: repository.namespace, kind: kind)
      .filter { $0.pattern.matches(repository) }.max { $0.pattern.weight < $1.pattern.weight }
    guard let found else { return nil }
    do { return try JSONValue.parse(found.value) } catch {
      throw DatabaseError.corrupt("a rule is stored as “\(found.value)”")
    }
  }

  static func historyRule<R: Reading & ~Copyable>(
    for repository: RepositoryName, _ transaction: borrowing R
  ) throws -> HistoryRule {
    guard let json = try rule(.history, for: repository, transaction) else { return HistoryRule() }
    do { return try HistoryRule(json: json) } catch { throw DatabaseError.corrupt(error.message) }
  }

  static func retentionRule<R: Reading & ~Copyable>(
    for repository: RepositoryName, _ transaction: borrowing R
  ) throws -> RetentionRule? {
    guard let json = try rule(.retention, for: repository, transaction) else { return nil }
    do { return try RetentionRule(json: json) } catch { throw DatabaseError.corrupt(error.message) }
  }

  // MARK: The end of history

  /// What would be let go of in a repository, of the tags after `tag`, and the last tag that was looked at; nil: all were.
  public func historyPlan(
    of repository: RepositoryRow, after tag: String
  ) async throws -> (trims: [TagTrim], last: Tag?) {
    try await database.read { transaction in
      let tags = try transaction.tagsWithHistory(in: repository.id, after: tag, limit: Self.trimPageLimit)
      let rule = try Self.historyRule(for: repository.name, transaction)
      let run = try Self.digestsRun(in: repository.id, rule, transaction)
      let trims = try tags.compactMap { try Self.trim($0, repository, rule, run, transaction)?.tag }
      return (trims, tags.count == Self.trimPageLimit ? tags.last : nil)
    }
  }

  private static func digestsRun<R: Reading & ~Copyable>(
    in repository: RepositoryID, _ rule: HistoryRule, _ transaction: borrowing R
  ) throws -> Set<Digest> {
    try transaction.digestsRun(
      in: repository, since: transaction.now - .seconds(Int64(rule.environmentDays) * 86_400))
  }

  private static func trim<R: Reading & ~Copyable>(
    _ tag: Tag, _ repository: RepositoryRow, _ rule: HistoryRule, _ run: Set<Digest>, _ transaction: borrowing R
  ) throws -> (tag: TagTrim, begin: Timestamp)? {
    let events = try transaction.tagEvents(.tag(repository.name, tag), limit: .max)
    let trim = rule.trim(events, run: run, now: transaction.now)
    guard !trim.released.isEmpty || !trim.deleted.isEmpty else { return nil }
    return (
      TagTrim(repository: repository, tag: tag, released: trim.released, deleted: trim.deleted), trim.begin
    )
  }

  /// Lets go of what is beyond a repository's history, of those tags, as each is *in this transaction*. Answers how many events
  /// went.
  public func trimHistory(of tags: [Tag], in repository: RepositoryRow) async throws -> Int {
    var count = 0
    for begin in stride(from: 0, to: tags.count, by: Self.lifecycleBatchLimit) {
      let batch = Array(tags[begin..<min(begin + Self.lifecycleBatchLimit, tags.count)])
      count += try await database.write { transaction in
        try transaction.lockRepository(repository.id)
        let rule = try Self.historyRule(for: repository.name, transaction)
        let run = try Self.digestsRun(in: repository.id, rule, transaction)
        var count = 0
        for tag in batch {
          guard let trim = try Self.trim(tag, repository, rule, run, transaction) else { continue }
          try transaction.trimHistory(
            of: repository.id, released: trim.tag.released, deleted: trim.tag.deleted, begin: trim.begin)
          count += trim.tag.deleted.count
        }
        return count
      }
    }
    return count
  }

  /// Labels that nobody can see any more, of what comes after `target`, and the last target that was looked at; nil: all were.
  public func labelPlan(
    of repository: RepositoryRow, after target: String
  ) async throws -> (trims: [LabelTrim], last: String?) {
    try await database.read { transaction in
      let trims = try transaction.goneTargets(
        in: repository, before: try Self.historyEnd(of: repository, transaction), after: target,
        limit: Self.trimPageLimit)
      return (trims, trims.count == Self.trimPageLimit ? trims.last?.target : nil)
    }
  }

  /// Labels are kept as long as the days of history, also where there is no state to keep.
  private static func historyEnd<R: Reading & ~Copyable>(
    of repository: RepositoryRow, _ transaction: borrowing R
  ) throws -> Timestamp {
    transaction.now - .seconds(Int64(try historyRule(for: repository.name, transaction).days) * 86_400)
  }

  /// Takes away the labels of what is gone for good, as each is *in this transaction*. Answers of how many tags and digests.
  public func trimLabels(of targets: [String], in repository: RepositoryRow) async throws -> Int {
    var count = 0
    for begin in stride(from: 0, to: targets.count, by: Self.lifecycleBatchLimit) {
      let batch = Array(targets[begin..<min(begin + Self.lifecycleBatchLimit, targets.count)])
      count += try await database.write { transaction in
        try transaction.lockRepository(repository.id)
        let end = try Self.historyEnd(of: repository, transaction)
        return try transaction.trimLabels(of: batch, in: repository, before: end).count
      }
    }
    return count
  }

  // MARK: Retention

  /// What retention would do in a repository; nil where no rule is about it.
  public func retentionPlan(of repository: RepositoryRow) async throws -> RetentionPlan? {
    try await database.read { transaction in
      guard let rule = try Self.retentionRule(for: repository.name, transaction) else { return nil }
      return RetentionPlan(
        repository: repository, decisions: try Self.decisions(rule, repository, transaction),
        untagged: try Self.untagged(rule, repository, transaction))
    }
  }

  private static func decisions<R: Reading & ~Copyable>(
    _ rule: RetentionRule, _ repository: RepositoryRow, _ transaction: borrowing R
  ) throws -> [RetentionDecision] {
    let tags = try transaction.retainedTags(in: repository.id)
    let subjects = Set(tags.compactMap { ReferrersTag.subject(of: $0.name) })
    let visibility = subjects.isEmpty ? [:] : try transaction.visibility(of: subjects, in: repository.name)
    return rule.decide(
      tags, try transaction.tagRules(of: repository.name), running: try transaction.digestsRunning(in: repository.id),
      present: Set(visibility.filter(\.value).keys), now: transaction.now)
  }

  private static func untagged<R: Reading & ~Copyable>(
    _ rule: RetentionRule, _ repository: RepositoryRow, _ transaction: borrowing R
  ) throws -> [IdleManifest] {
    guard let days = rule.deleteUntaggedAfterDays else { return [] }
    return try transaction.idleManifests(
      in: repository, before: transaction.now - .seconds(Int64(days) * 86_400), limit: untaggedLimit)
  }

  /// Deletes the tags that retention does not keep, as it decides *in each transaction*, and images that nothing names and whose
  /// time is over. Answers how many tags went.
  public func carryOut(_ plan: RetentionPlan) async throws -> Int {
    let repository = plan.repository
    var count = 0
    let going = plan.decisions.filter { !$0.isKept }.map(\.tag.name)
    for begin in stride(from: 0, to: going.count, by: Self.lifecycleBatchLimit) {
      let batch = Set(going[begin..<min(begin + Self.lifecycleBatchLimit, going.count)])
      let deleted = try await database.write { transaction -> [Tag] in
        try transaction.lockRepository(repository.id)
        guard let rule = try Self.retentionRule(for: repository.name, transaction) else { return [] }
        let decisions = try Self.decisions(rule, repository, transaction)
        var deleted: [Tag] = []
        for decision in decisions where !decision.isKept && batch.contains(decision.tag.name) {
          let cause = TagCause(.retention, by: .system, reason: rule.text)
          if try transaction.deleteTag(decision.tag.name, from: repository, cause) != nil {
            deleted.append(decision.tag.name)
          }
        }
        if !deleted.isEmpty { try transaction.recordRetention(deleted, in: repository.name, rule.text) }
        return deleted
      }
      for tag in deleted { caches.tags.remove(TagKey(repository: repository.name, tag: tag)) }
      count += deleted.count
    }
    try await collectUntagged(plan)
    return count
  }

  private func collectUntagged(_ plan: RetentionPlan) async throws {
    guard !plan.untagged.isEmpty else { return }
    let rule = try await database.read { try Self.retentionRule(for: plan.repository.name, $0) }
    guard let days = rule?.deleteUntaggedAfterDays else { return }
    _ = try await collect(manifests: plan.untagged, olderThan: .seconds(Int64(days) * 86_400))
  }
}
