internal import Ground
public import Logging
internal import Metadata
internal import OCI
public import RegistryCore

/// Goes through the repositories, one after the other: deletes the tags that retention does not keep, and lets go of history that
/// is over, with the labels of what it named. Remembers where it has got to.
///
/// Each step looks again in its own transaction (invariant I3), so that nobody is paused and nothing is taken that came meanwhile.
public struct TagCare: Sendable {
  private let registry: Registry
  private let logger: Logger

  public init(registry: Registry, logger: Logger) {
    self.registry = registry
    self.logger = logger
  }

  /// Cares for the next repository. Answers false when that was the last of the pass.
  public func step() async throws -> Bool {
    let cursor = try await registry.database.read { try $0.keepsake(Keepsake.careCursor) }
    let last = cursor.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
    let next = try await registry.repositories(after: last, limit: 1).first
    if let next { try await care(for: next) }
    try await registry.database.write { transaction in
      try transaction.setKeepsake(Keepsake.careCursor, Array(String(next?.id.value ?? 0).utf8))
    }
    return next != nil
  }

  private func care(for repository: RepositoryRow) async throws {
    if let plan = try await registry.retentionPlan(of: repository) {
      let count = try await registry.carryOut(plan)
      if count > 0 {
        logger.info("tags deleted by retention", metadata: ["repository": "\(repository.name)", "tags": "\(count)"])
      }
    }
    var position: Tag?
    var count = 0
    repeat {
      let plan = try await registry.historyPlan(of: repository, after: position?.text ?? "")
      count += try await registry.trimHistory(of: plan.trims.map(\.tag), in: repository)
      position = plan.last
    } while position != nil
    if count > 0 {
      logger.info("history trimmed", metadata: ["repository": "\(repository.name)", "events": "\(count)"])
    }
    try await trimLabels(in: repository)
  }

  private func trimLabels(in repository: RepositoryRow) async throws {
    var position: String?
    var count = 0
    repeat {
      let plan = try await registry.labelPlan(of: repository, after: position ?? "")
      count += try await registry.trimLabels(of: plan.trims.map(\.target), in: repository)
      position = plan.last
    } while position != nil
    if count > 0 {
      logger.info(
        "labels of what is gone trimmed", metadata: ["repository": "\(repository.name)", "targets": "\(count)"])
    }
  }
}
