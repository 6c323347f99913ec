public import Access
internal import BlobStorage
internal import Ground
public import Metadata
public import OCI

/// What somebody wants released.
public struct ReleaseWish: Sendable {
  public enum Content: Sendable, Hashable {
    /// These images.
    case images([ImageReference])
    /// All that another environment runs.
    case environment(Tag)
    /// What ran before; after this release, or before the one that is in force.
    case rollback(to: Int64?)
  }

  /// The images that one release may name.
  public static let imageLimit = 500
  public static let keyLimitBytes = 200

  public let content: Content
  public let reason: String?
  /// As the client gave it: the same key is the same release.
  public let key: String?
  /// Only tell what would be done.
  public let isDryRun: Bool

  public init(_ content: Content, reason: String?, key: String?, isDryRun: Bool) {
    self.content = content
    self.reason = reason
    self.key = key
    self.isDryRun = isDryRun
  }

  /// What the idempotency key stands for.
  var bodyHash: String {
    let what: JSONValue
    switch content {
    case .images(let images): what = .array(images.map(\.description).sorted().map { .string($0) })
    case .environment(let name): what = .string(name.text)
    case .rollback(let goal): what = .integer(goal ?? 0)
    }
    let bytes = JSONValue.array([what, reason.map { .string($0) } ?? .null]).bytes
    return bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }.description
  }
}

/// A release with what it changes and who agreed.
public struct ReleaseState: Sendable {
  public let release: ReleaseRecord
  public let images: [ReleaseImage]
  public let approvals: [ReleaseApproval]
  /// How many must agree.
  public let approvalsNeeded: Int
  /// How many have, as they count now: not who has lost the right since, and a robot and who made it as one; nil once it has
  /// ended.
  public let approvalsCounted: Int?

  /// As somebody may see it.
  init<R: Reading & ~Copyable>(
    of release: ReleaseRecord, _ settings: EnvironmentSettings, for actor: ReleaseActor, _ transaction: borrowing R
  ) throws {
    self.release = release
    images = try transaction.images(of: release.id).filter { actor.shows($0.repository.name) }
    approvals = try transaction.approvals(of: release.id)
    approvalsNeeded = settings.approvals
    guard release.state == .pending else {
      approvalsCounted = nil
      return
    }
    let agreement = Agreement(asked: actor, by: settings.approvers)
    var counted: [Set<String>] = []
    for approval in approvals where try agreement.stillCounts(approval, transaction) { counted.append(approval.behind) }
    approvalsCounted = Agreement.count(counted)
  }
}

/// What became of a wish.
public enum ReleaseOutcome: Sendable {
  case released(ReleaseState)
  /// The environment runs all of it already.
  case unchanged
  /// A dry run: this would change.
  case planned([ReleaseImage], warnings: [ReleaseWarning])
}

// Releases: one transaction looks at everything, moves all tags or none (invariants I2 and I6), and writes down what was done.
extension Registry {
  /// Promotes or rolls back, or asks for it where others must agree.
  ///
  /// Runs as often as it likes: its key, the client's or one that is made here, is one release.
  /// - Throws: ``ReleaseRefusal`` with every rule that is not met; ``AdministrationError``.
  public func release(
    _ wish: ReleaseWish, to name: Tag, by actor: ReleaseActor
  ) async throws -> ReleaseOutcome {
    let key = wish.key.map { "client \($0)" } ?? "request \(random.hexadecimal(byteCount: 16))"
    let allowsMissing = settings.acceptsSparseManifests
    let outcome: ReleaseOutcome
    do {
      outcome = try await releasing { transaction -> ReleaseOutcome in
        let work = try ReleaseWork(name, actor, transaction, allowsMissing: allowsMissing)
        try work.requirePromoter()
        // A dry run tells what would be done now, whatever its key was used for.
        if !wish.isDryRun, let known = try transaction.release(withKey: key, of: work.environment.id) {
          guard known.bodyHash == wish.bodyHash else {
            throw AdministrationError(
              .conflict, "this idempotency key was used for another release, \(known.number) of \(name)")
          }
          return .released(try work.state(of: known, transaction))
        }
        return try work.begin(wish, key: key, transaction)
      }
    } catch let plan as ReleaseWork.DryRun {
      return .planned(plan.images, warnings: plan.warnings)
    }
    if case .released(let state) = outcome { forget(name, state) }
    return outcome
  }

  /// Agrees to a release; who completes the number carries it out.
  public func approve(
    _ number: Int64, of name: Tag, comment: String?, by actor: ReleaseActor
  ) async throws -> ReleaseState {
    let allowsMissing = settings.acceptsSparseManifests
    let state = try await releasing { transaction -> ReleaseState in
      let work = try ReleaseWork(name, actor, transaction, allowsMissing: allowsMissing)
      try work.requireApprover()
      return try work.approve(try work.release(number, transaction), comment: comment, transaction)
    }
    forget(name, state)
    return state
  }

  /// Takes back that the actor agrees to a release that waits; nobody takes back the word of another.
  ///
  /// Said as often as one likes: of somebody who does not agree nothing changes.
  public func withdrawApproval(_ number: Int64, of name: Tag, by actor: ReleaseActor) async throws -> ReleaseState {
    try await releasing { transaction in
      let work = try ReleaseWork(name, actor, transaction, allowsMissing: false)
      return try work.withdraw(try work.release(number, transaction), transaction)
    }
  }

  /// Ends a release that waits for others: who asked for it cancels it, who could agree rejects it.
  public func endRelease(_ number: Int64, of name: Tag, by actor: ReleaseActor) async throws -> ReleaseState {
    try await releasing { transaction in
      let work = try ReleaseWork(name, actor, transaction, allowsMissing: false)
      return try work.end(try work.release(number, transaction), transaction)
    }
  }

  /// Releases of an environment, the newest first.
  public func releases(
    of name: Tag, before: Int64?, limit: Int, by actor: ReleaseActor
  ) async throws -> [ReleaseState] {
    try await database.read { transaction in
      let (record, settings) = try Self.environmentToShow(name, actor, transaction)
      return try transaction.releases(of: record.id, before: before, limit: limit).map {
        try ReleaseState(of: $0, settings, for: actor, transaction)
      }
    }
  }

  public func release(_ number: Int64, of name: Tag, by actor: ReleaseActor) async throws -> ReleaseState {
    try await database.read { transaction in
      let (record, settings) = try Self.environmentToShow(name, actor, transaction)
      guard let release = try transaction.release(number, of: record.id) else {
        throw AdministrationError(.notFound, "\(name) has no release \(number)")
      }
      return try ReleaseState(of: release, settings, for: actor, transaction)
    }
  }

  private static func environmentToShow(
    _ name: Tag, _ actor: ReleaseActor, _ transaction: borrowing ReadTransaction
  ) throws -> (EnvironmentRecord, EnvironmentSettings) {
    guard let record = try transaction.environment(name, of: actor.namespace) else {
      throw noEnvironment(name, actor)
    }
    return (record, try settings(of: record))
  }

  private func releasing<V: Sendable>(
    _ body: @escaping @Sendable (borrowing Transaction) throws -> V
  ) async throws -> V {
    do {
      return try await writingTags(body)
    } catch ManifestAbsence.removed(let digest) {
      throw ReleaseRefusal(failures: [
        ReleaseFailure(rule: "exists", "\(digest) was removed for good, so it cannot run again")
      ])
    }
  }

  private func forget(_ name: Tag, _ state: ReleaseState) {
    for image in state.images { caches.tags.remove(TagKey(repository: image.repository.name, tag: name)) }
  }
}
