internal import Access
internal import Ground
internal import Metadata
internal import OCI

/// One transaction's work on the releases of an environment. The environment is locked from its beginning to its end.
struct ReleaseWork {
  /// Thrown to leave everything as it is.
  struct DryRun: Error {
    let images: [ReleaseImage]
    let warnings: [ReleaseWarning]
  }

  /// What is to be changed, after all rules were asked, and what policies warn of.
  struct Change {
    let images: [ReleaseImage]
    var warnings: [ReleaseWarning] = []
  }

  let environment: EnvironmentRecord
  let settings: EnvironmentSettings
  let name: Tag
  let actor: ReleaseActor
  let allowsMissing: Bool

  init(
    _ name: Tag, _ actor: ReleaseActor, _ transaction: borrowing Transaction, allowsMissing: Bool
  ) throws {
    guard let environment = try transaction.lockedEnvironment(name, of: actor.namespace) else {
      throw Registry.noEnvironment(name, actor)
    }
    self.environment = environment
    settings = try Registry.settings(of: environment)
    self.name = name
    self.actor = actor
    self.allowsMissing = allowsMissing
  }

  // MARK: Who may

  private func isOne(of list: [String], onlyPeople: Bool = false) -> Bool {
    if actor.isSiteAdmin { return true }
    guard list.isEmpty else { return actor.isNamed(in: list) }
    return (actor.isPerson || !onlyPeople) && actor.role.map { $0 >= .maintainer } ?? false
  }

  func requirePromoter() throws {
    guard isOne(of: settings.promoters) else {
      let who =
        settings.promoters.isEmpty
        ? "maintainers of \(actor.namespace)" : settings.promoters.joined(separator: ", ")
      throw AdministrationError(.denied, "\(who) may change what runs in \(name)")
    }
  }

  /// Maintainers make robots and their tokens: if those could agree unnamed, one maintainer would be as many as are needed.
  var isApprover: Bool { isOne(of: settings.approvers, onlyPeople: true) }

  func requireCover(of images: [ReleaseImage]) throws {
    for image in images where !actor.covers(image.repository.name) {
      throw AdministrationError(.denied, "you may not change all of what this release changes")
    }
  }

  // MARK: Asking

  /// Records a release, and carries it out unless others must agree first.
  func begin(_ wish: ReleaseWish, key: String, _ transaction: borrowing Transaction) throws -> ReleaseOutcome {
    var goal: Int64?
    let change: Change
    switch wish.content {
    case .images(let named): change = try promotion(of: named, transaction)
    case .environment(let source): change = try promotion(ofAllIn: source, transaction)
    case .rollback(let wanted):
      let target = try self.goal(wanted, transaction)
      goal = target.number
      change = Change(images: try rollback(to: target, transaction))
    }
    let images = change.images
    try requireCover(of: images)
    if wish.isDryRun { throw DryRun(images: images, warnings: change.warnings) }
    let kind: ReleaseRecord.Kind = goal == nil ? .promotion : .rollback
    if goal != nil, goal == environment.effective, images.isEmpty, wish.key == nil { return .unchanged }
    // Going back counts though nothing differs: the next one goes further. So does a key, which must mean the same again.
    guard !images.isEmpty || kind == .rollback || wish.key != nil else { return .unchanged }
    let release = try transaction.insertRelease(
      ReleaseRequest(
        kind, goal: goal, reason: wish.reason, idempotencyKey: key, bodyHash: wish.bodyHash, rules: actor.rules,
        makers: actor.makers),
      of: environment.id, images: images, by: actor.origin)
    try transaction.setWarnings(change.warnings, of: release.id)
    guard images.isEmpty || settings.approvals == 0 || (kind == .rollback && !settings.rollbackNeedsApproval) else {
      try record("release.request", release, images, transaction)
      return .released(try state(of: release, transaction))
    }
    try carryOut(release, images, transaction)
    try record(change.warnings, of: release, transaction)
    return .released(try state(of: try self.release(release.number, transaction), transaction))
  }

  /// What the named images change, after all rules were asked.
  private func promotion(of named: [ImageReference], _ transaction: borrowing Transaction) throws -> Change {
    var rows: [RepositoryName: RepositoryRow] = [:]
    for image in named where rows[image.repository] == nil {
      // What one may not pull looks as if it were not there.
      guard image.repository.namespace == actor.namespace, actor.covers(image.repository),
        let id = try transaction.repository(named: image.repository)
      else { continue }
      rows[image.repository] = RepositoryRow(id: id, name: image.repository)
    }
    try transaction.lockRepositories(rows.values.map(\.id))
    var failures: [ReleaseFailure] = []
    var found: [(RepositoryRow, String, Digest)] = []
    for image in named {
      let source = image.description
      guard let row = rows[image.repository],
        let manifest = try transaction.manifest(image.reference, in: image.repository, known: nil)
      else {
        failures.append(ReleaseFailure(rule: "exists", image: source, "there is no image \(source)"))
        continue
      }
      if found.contains(where: { $0.0 == row }) {
        failures.append(
          ReleaseFailure(
            rule: "one image each", image: source, "\(row.name) is named twice; a release has one image of each"))
        continue
      }
      found.append((row, source, manifest.digest))
    }
    return try checked(found, failures, transaction)
  }

  private func promotion(ofAllIn source: Tag, _ transaction: borrowing Transaction) throws -> Change {
    guard let other = try transaction.environment(source, of: actor.namespace) else {
      throw Registry.noEnvironment(source, actor)
    }
    let first = try transaction.deployedImages(in: other.id)
    try transaction.lockRepositories(first.map(\.repository.id))
    let running = try transaction.deployedImages(in: other.id).filter { settings.covers($0.repository.name) }
    guard running.allSatisfy({ actor.covers($0.repository.name) }) else {
      throw AdministrationError(.denied, "you may not change all of what \(source) runs")
    }
    guard !running.isEmpty else {
      throw ReleaseRefusal(failures: [
        ReleaseFailure(rule: "exists", "\(source) runs nothing that \(name) covers")
      ])
    }
    return try checked(
      running.map { ($0.repository, "\($0.repository.name)@\($0.digest)", $0.digest) }, [], transaction)
  }

  /// Asks every rule; answers what differs from what runs.
  func checked(
    _ found: [(RepositoryRow, String, Digest)], _ failures: [ReleaseFailure], _ transaction: borrowing Transaction
  ) throws -> Change {
    var candidates: [ReleaseCandidate] = []
    let required = try settings.requires.map {
      (name: $0, record: try transaction.environment($0, of: actor.namespace))
    }
    for (row, source, digest) in found {
      var missed: [Tag] = []
      for (name, record) in required {
        guard let record, try transaction.hasRun(digest, in: row.id, environment: record.id) else {
          missed.append(name)
          continue
        }
      }
      candidates.append(
        ReleaseCandidate(
          repository: row, source: source, digest: digest,
          tags: try transaction.tags(pointingTo: digest, in: row.id), missedEnvironments: missed,
          verdict: try Registry.verdict(
            of: digest, in: row.name,
            by: try Registry.promotionPolicies(for: row.name, to: name, settings, transaction), transaction)))
    }
    let broken = try allowsMissing ? [] : found.compactMap { try Self.brokenIndex($0, transaction) }
    let facts = ReleaseFacts(environment: name, settings: settings, candidates: candidates, now: transaction.now)
    let all = failures + broken + ReleaseRules.all.flatMap { $0.failures(facts) }
    guard all.isEmpty else { throw ReleaseRefusal(failures: all) }
    let running = try self.running(transaction)
    let changed = candidates.filter { running[$0.repository.id]?.digest != $0.digest }
    return Change(
      images: changed.map { candidate in
        ReleaseImage(
          repository: candidate.repository, from: running[candidate.repository.id]?.digest, to: candidate.digest,
          source: candidate.source)
      },
      warnings: changed.flatMap { candidate in
        candidate.verdict.warnings.map {
          ReleaseWarning(rule: $0.rule, image: candidate.source, message: $0.message)
        }
      })
  }

  private static func brokenIndex(
    _ found: (RepositoryRow, String, Digest), _ transaction: borrowing Transaction
  ) throws -> ReleaseFailure? {
    guard let part = try transaction.absentParts(of: found.2, in: found.0.id).first else { return nil }
    return ReleaseFailure(rule: "exists", image: found.1, "\(found.1) names \(part), which was deleted")
  }

  private func running(_ transaction: borrowing Transaction) throws -> [RepositoryID: DeployedImage] {
    Dictionary(
      uniqueKeysWithValues: try transaction.deployedImages(in: environment.id).map { ($0.repository.id, $0) })
  }

  // MARK: Going back

  /// The release whose state is to be in force again.
  func goal(_ wanted: Int64?, _ transaction: borrowing Transaction) throws -> ReleaseRecord {
    guard let effective = environment.effective, let current = try transaction.release(effective, of: environment.id)
    else {
      throw ReleaseRefusal(failures: [ReleaseFailure(rule: "exists", "nothing was released to \(name) yet")])
    }
    guard let number = wanted ?? current.base else {
      throw ReleaseRefusal(failures: [
        ReleaseFailure(rule: "exists", "there is nothing before release \(current.number) of \(name)")
      ])
    }
    let goal = try release(number, transaction)
    guard goal.state == .applied else {
      throw ReleaseRefusal(failures: [
        ReleaseFailure(rule: "exists", "release \(number) of \(name) was never carried out")
      ])
    }
    return goal
  }

  /// What differs between now and right after a release.
  func rollback(to goal: ReleaseRecord, _ transaction: borrowing Transaction) throws -> [ReleaseImage] {
    let then = try transaction.deployedImages(in: environment.id, afterSequence: goal.sequence ?? 0)
    let now = try running(transaction)
    let source = "as after release \(goal.number)"
    var images: [ReleaseImage] = []
    // What the environment does not cover any more is not its to change.
    for image in then
    where settings.covers(image.repository.name) && now[image.repository.id]?.digest != image.digest {
      images.append(
        ReleaseImage(
          repository: image.repository, from: now[image.repository.id]?.digest, to: image.digest, source: source))
    }
    let kept = Set(then.map(\.repository.id))
    for (id, image) in now where !kept.contains(id) {
      images.append(ReleaseImage(repository: image.repository, from: image.digest, to: nil, source: source))
    }
    return images.sorted { $0.repository.name.text < $1.repository.name.text }
  }

  // MARK: Carrying out

  /// Moves all tags, and writes down what runs.
  func carryOut(
    _ release: ReleaseRecord, _ images: [ReleaseImage], _ transaction: borrowing Transaction
  ) throws {
    try transaction.lockRepositories(images.map(\.repository.id))
    let isRollback = release.kind == .rollback
    let cause = TagCause(
      isRollback ? .rollback : .promotion, by: actor.origin, reason: release.reason, release: release.id)
    for image in images {
      let current = try transaction.digest(of: name, in: image.repository.name)
      guard let digest = image.to else {
        try transaction.deleteTag(name, from: image.repository, cause)
        continue
      }
      if isRollback { try transaction.showAll(digest, in: image.repository.id, allowsMissing: allowsMissing) }
      try transaction.pointTag(name, to: digest, in: image.repository, from: current, cause)
    }
    var effective = release.number
    var base = environment.effective
    if images.isEmpty, !isRollback, let inForce = environment.effective {
      // Others did the same meanwhile: theirs stays in force, so that going back goes before it.
      effective = inForce
      base = try transaction.release(inForce, of: environment.id)?.base
    }
    if isRollback, let goal = try release.goal.flatMap({ try transaction.release($0, of: environment.id) }) {
      effective = goal.effective ?? goal.number
      base = try transaction.release(effective, of: environment.id)?.base
    }
    try transaction.applyRelease(release, of: environment.id, images: images, effective: effective, base: base)
    try record(isRollback ? "release.rollback" : "release.promote", release, images, transaction)
  }

  // MARK: Parts

  func release(_ number: Int64, _ transaction: borrowing Transaction) throws -> ReleaseRecord {
    guard let release = try transaction.release(number, of: environment.id) else {
      throw AdministrationError(.notFound, "\(name) has no release \(number)")
    }
    return release
  }

  func state(of release: ReleaseRecord, _ transaction: borrowing Transaction) throws -> ReleaseState {
    try ReleaseState(of: release, settings, for: actor, transaction)
  }

  /// Records what policies warn of in a release that was carried out.
  func record(
    _ warnings: [ReleaseWarning], of release: ReleaseRecord, _ transaction: borrowing Transaction
  ) throws {
    guard !warnings.isEmpty else { return }
    let detail: JSONValue = [
      "release": .integer(release.number), "images": .array(Set(warnings.map(\.image)).sorted().map { .string($0) }),
      "policy": .array(Set(warnings.map(\.rule)).sorted().map { .string($0) }),
    ]
    try transaction.record(
      AuditEntry(
        "policy.warning", by: actor.origin, namespace: actor.namespace, target: name.text, detail: detail.text))
  }

  func record(
    _ kind: String, _ release: ReleaseRecord, _ images: [ReleaseImage], _ transaction: borrowing Transaction
  ) throws {
    let detail: JSONValue = [
      "release": .integer(release.number), "reason": release.reason.map { .string($0) } ?? .null,
      "images": .array(images.map { .string("\($0.repository.name)@\($0.to?.description ?? "none")") }),
    ]
    try transaction.record(
      AuditEntry(
        kind, by: actor.origin, namespace: actor.namespace, target: name.text, detail: detail.text))
  }
}
