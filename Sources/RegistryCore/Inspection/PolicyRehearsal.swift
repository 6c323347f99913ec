internal import Access
public import Ground
public import Metadata
public import OCI

/// A pull or a promotion of the last days that a policy would have refused, or warned of.
public struct RehearsedImage: Sendable {
  public enum Event: Sendable, Hashable {
    /// - Parameters:
    ///   - count: pulls of the image since it was pushed.
    ///   - lastAt: the last of them.
    ///   - recorded: those since the moment that is asked for, as far as the audit log tells of them; nil: it tells of none.
    case pull(count: Int64, lastAt: Timestamp, recorded: RecordedPulls?)
    /// - Parameters:
    ///   - environment: where to.
    ///   - number: the release's.
    ///   - at: when it was carried out.
    case promotion(environment: Tag, number: Int64, at: Timestamp)
  }

  public let event: Event
  public let repository: RepositoryName
  public let digest: Digest
  /// Tags that point to it now.
  public let tags: [Tag]
  public let verdict: PolicyVerdict
}

/// What a policy would have said of the last days.
public struct PolicyRehearsal: Sendable {
  /// Images that were pulled, as far as there were no more than ``Registry/rehearsalLimit``.
  public var pullCount = 0
  /// Images of releases, likewise.
  public var promotionCount = 0
  /// There were more than were looked at.
  public var isPartial = false
  /// Those that would have been refused or warned of; the latest first, pulls before promotions.
  public var images: [RehearsedImage] = []
}

// What a policy would have done, before it does.
extension Registry {
  /// How many pulled images, and how many images of releases, one rehearsal looks at: the latest.
  public static let rehearsalLimit = 2000
  /// How many records of pulls in the audit log it reads: the latest.
  static let rehearsedPullLimit = 50_000
  /// Images that are judged in one read of the database.
  private static let rehearsalBatch = 50

  /// Judges by a policy what was pulled from a namespace and promoted in it since a moment, by what is known of the images now:
  /// that is what a policy would refuse from now on. An image counts once, by its last pull; who pulled it and how often since then,
  /// the audit log tells of repositories that not everybody may pull from.
  ///
  /// - Parameters:
  ///   - pattern: only these repositories; nil: all.
  ///   - environment: only promotions to this environment, and pulls of what it runs now; nil: all pulls and promotions. Of the two
  ///     those that the policy is asked at.
  ///   - recordedSince: of the audit log, nothing from before this is told.
  /// - Throws: ``AdministrationError``: there is no such environment.
  public func rehearse(
    _ policy: FindingPolicy, on pattern: RepositoryPattern?, environment: Tag? = nil, of namespace: String,
    since: Timestamp, recordedSince: Timestamp = .distantPast
  ) async throws -> PolicyRehearsal {
    var rehearsal = PolicyRehearsal()
    var environmentID: Int64?
    if let environment {
      guard let record = try await database.read({ try $0.environment(environment, of: namespace) }) else {
        throw AdministrationError(.notFound, "\(namespace) has no environment \(environment)")
      }
      environmentID = record.id
    }
    if policy.moments.contains(.pull) {
      let runner = environmentID
      let (taken, isPartial) = try await database.read { transaction in
        let pulled = try transaction.pulledImages(of: namespace, since: since, limit: Self.rehearsalLimit + 1)
        let taken = try pulled.prefix(Self.rehearsalLimit).filter { image in
          guard pattern?.matches(image.repository.name) ?? true else { return false }
          guard let runner else { return true }
          return try transaction.isRun(image.digest, in: image.repository.name, byEnvironment: runner)
        }
        return (taken, pulled.count > Self.rehearsalLimit)
      }
      let recorded = try await database.read {
        try $0.recordedPulls(of: namespace, since: max(since, recordedSince), limit: Self.rehearsedPullLimit)
      }
      rehearsal.isPartial = isPartial || recorded.isPartial
      rehearsal.pullCount = taken.count
      rehearsal.images += try await judged(
        taken.map { image in
          let place = ImagePlace(repository: image.repository.name, digest: image.digest)
          return (
            image.repository, image.digest,
            .pull(count: image.count, lastAt: image.lastAt, recorded: recorded.pulls[place])
          )
        }, policy)
    }
    if policy.moments.contains(.promotion) {
      let promoted = try await database.read {
        try $0.promotedImages(in: namespace, since: since, limit: Self.rehearsalLimit + 1)
      }
      rehearsal.isPartial = rehearsal.isPartial || promoted.count > Self.rehearsalLimit
      let taken = promoted.prefix(Self.rehearsalLimit).filter { image in
        (pattern?.matches(image.repository.name) ?? true) && (environment.map { $0 == image.environment } ?? true)
      }
      rehearsal.promotionCount = taken.count
      rehearsal.images += try await judged(
        taken.map {
          (
            $0.repository, $0.digest,
            .promotion(environment: $0.environment, number: $0.release, at: $0.at)
          )
        }, policy)
    }
    return rehearsal
  }

  /// The policy that a namespace has set on a pattern, or that an environment has; nil: none.
  public func setPolicy(
    of namespace: String, on pattern: RepositoryPattern, environment: Tag?
  ) async throws -> FindingPolicy? {
    try await database.read { transaction in
      if let environment {
        guard let record = try transaction.environment(environment, of: namespace) else {
          throw AdministrationError(.notFound, "\(namespace) has no environment \(environment)")
        }
        return try Self.settings(of: record).policy
      }
      return try FindingPolicy.Moment.allCases.lazy.compactMap { moment in
        try Self.policies(of: namespace, at: moment, transaction).first { $0.pattern == pattern }?.policy
      }.first
    }
  }

  private func judged(
    _ images: [(repository: RepositoryRow, digest: Digest, event: RehearsedImage.Event)], _ policy: FindingPolicy
  ) async throws -> [RehearsedImage] {
    var found: [RehearsedImage] = []
    for begin in stride(from: 0, to: images.count, by: Self.rehearsalBatch) {
      let batch = images[begin..<min(begin + Self.rehearsalBatch, images.count)]
      found += try await database.read { transaction in
        try batch.compactMap { image in
          // An index is given out; its images are asked about when they are pulled themselves.
          if case .pull = image.event, try transaction.isIndex(image.digest, in: image.repository.id) { return nil }
          let verdict = try Self.verdict(
            of: image.digest, in: image.repository.name, by: [AskedPolicy(policy)], transaction)
          guard !verdict.blocks.isEmpty || !verdict.warnings.isEmpty else { return nil }
          return RehearsedImage(
            event: image.event, repository: image.repository.name, digest: image.digest,
            tags: try transaction.tags(pointingTo: image.digest, in: image.repository.id), verdict: verdict)
        }
      }
    }
    return found
  }
}
