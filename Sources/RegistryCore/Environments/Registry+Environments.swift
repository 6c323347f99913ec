public import Access
public import Ground
public import Metadata
public import OCI
import Synchronization

/// An environment with its settings, and what runs in it.
public struct EnvironmentState: Sendable {
  public let record: EnvironmentRecord
  public let settings: EnvironmentSettings
  /// The release in force; nil: none yet.
  public let effective: Int64?
  /// Those that the asker may see, in the order of repositories' names.
  public let images: [DeployedImage]
}

// Environments: names under which repositories show what is deployed.
extension Registry {
  /// What a namespace may have: each is looked at by every push of a tag.
  public static let environmentLimit = 100

  public func environments(by actor: ReleaseActor) async throws -> [EnvironmentState] {
    try await database.read { transaction in
      try transaction.environments(of: actor.namespace).map { record in
        try Self.state(record, record.effective, try transaction.deployedImages(in: record.id), actor)
      }
    }
  }

  /// An environment with what runs in it, or ran at a moment.
  public func environment(
    _ name: Tag, asOf moment: Timestamp? = nil, by actor: ReleaseActor
  ) async throws -> EnvironmentState {
    try await database.read { transaction in
      guard let record = try transaction.environment(name, of: actor.namespace) else {
        throw Self.noEnvironment(name, actor)
      }
      guard let moment else {
        return try Self.state(record, record.effective, try transaction.deployedImages(in: record.id), actor)
      }
      guard let last = try transaction.lastRelease(in: record.id, until: moment) else {
        throw AdministrationError(.notFound, "nothing had been released to \(name) at \(moment)")
      }
      let images = try transaction.deployedImages(in: record.id, afterSequence: last.sequence)
      return try Self.state(record, last.effective, images, actor)
    }
  }

  private static func state(
    _ record: EnvironmentRecord, _ effective: Int64?, _ images: [DeployedImage], _ actor: ReleaseActor
  ) throws -> EnvironmentState {
    EnvironmentState(
      record: record, settings: try settings(of: record), effective: effective,
      images: images.filter { actor.shows($0.repository.name) })
  }

  /// The settings as they are stored.
  static func settings(of record: EnvironmentRecord) throws -> EnvironmentSettings {
    var settings = EnvironmentSettings()
    do {
      try settings.apply(["repositories": try JSONValue.parse(record.repositories)], namespace: record.namespace)
      try settings.apply(try JSONValue.parse(record.settings).object ?? JSONObject(), namespace: record.namespace)
    } catch {
      throw DatabaseError.corrupt("environment \(record.namespace)/\(record.name) is stored as “\(record.settings)”")
    }
    return settings
  }

  /// Makes an environment.
  ///
  /// - Parameters:
  ///   - wishes: settings; those that are not given are as ``EnvironmentSettings`` has them.
  ///   - adopts: tags of its name that are there already become its first release; else they stand in its way.
  public func makeEnvironment(
    _ name: Tag, _ wishes: JSONObject, adopts: Bool, by actor: ReleaseActor
  ) async throws -> EnvironmentState {
    try Self.requireOwner(actor)
    let settings = try Self.settings(EnvironmentSettings(), wishes, actor)
    let wasMade = Atomic<Bool>(false)
    try await database.write { transaction in
      try transaction.lockNamespace(actor.namespace)
      let known = try transaction.environments(of: actor.namespace)
      try Self.checkRequired(settings, name, known)
      try NamedPeople.check(settings.promoters + settings.approvers, in: actor.namespace, transaction)
      guard
        let id = try transaction.insertEnvironment(
          name, of: actor.namespace, repositories: settings.repositoriesJSON, settings: settings.json,
          by: actor.origin.actor)
      else {
        // Run again because the answer to its commit was lost, it finds its own work.
        if wasMade.load(ordering: .relaxed) { return }
        throw AdministrationError(.conflict, "there is an environment \(name) in \(actor.namespace) already")
      }
      guard known.count < Self.environmentLimit else {
        throw AdministrationError(.conflict, "\(actor.namespace) has \(known.count) environments; no more fit")
      }
      try Self.adopt(name, id, settings, adopts: adopts, actor, transaction)
      try transaction.record(
        AuditEntry(
          "environment.create", by: actor.origin, namespace: actor.namespace, target: name.text,
          detail: settings.json.text))
      wasMade.store(true, ordering: .relaxed)
    }
    return try await environment(name, by: actor)
  }

  private static func adopt(
    _ name: Tag, _ environment: Int64, _ settings: EnvironmentSettings, adopts: Bool, _ actor: ReleaseActor,
    _ transaction: borrowing Transaction
  ) throws {
    try transaction.lockRepositories(of: actor.namespace)
    let there = try transaction.tags(named: name, inNamespace: actor.namespace).filter {
      settings.covers($0.repository.name)
    }
    guard !there.isEmpty else { return }
    guard adopts else {
      let names = there.prefix(10).map { "\($0.repository.name):\(name)" }.joined(separator: ", ")
      throw AdministrationError(
        .conflict,
        "there are tags of this name: \(names); delete them, or adopt what they point to as the first release")
    }
    let images = there.map { ReleaseImage(repository: $0.repository, from: nil, to: $0.digest, source: "adopted") }
    let release = try transaction.insertRelease(
      ReleaseRequest(.promotion, reason: "what the tags pointed to", idempotencyKey: nil, bodyHash: nil),
      of: environment,
      images: images, by: actor.origin)
    try transaction.applyRelease(release, of: environment, images: images, effective: release.number, base: nil)
  }

  /// Changes those settings that are given.
  public func changeEnvironment(
    _ name: Tag, _ wishes: JSONObject, by actor: ReleaseActor
  ) async throws -> EnvironmentState {
    try Self.requireOwner(actor)
    try await database.write { transaction in
      try transaction.lockNamespace(actor.namespace)
      guard let record = try transaction.lockedEnvironment(name, of: actor.namespace) else {
        throw Self.noEnvironment(name, actor)
      }
      let known = try Self.settings(of: record)
      let settings = try Self.settings(known, wishes, actor)
      // Nothing changes, or the answer to the commit that changed it was lost.
      guard settings != known else { return }
      if settings.requires != known.requires {
        try Self.checkRequired(settings, name, try transaction.environments(of: actor.namespace))
      }
      let named = Set(known.promoters + known.approvers)
      try NamedPeople.check(
        (settings.promoters + settings.approvers).filter { !named.contains($0) }, in: actor.namespace, transaction)
      for image in try transaction.deployedImages(in: record.id) where !settings.covers(image.repository.name) {
        throw AdministrationError(
          .conflict,
          "\(name) runs \(image.repository.name)@\(image.digest); roll back to a release without it before the repository leaves"
        )
      }
      try transaction.lockRepositories(of: actor.namespace)
      let deployed = Set(try transaction.deployedImages(in: record.id).map(\.repository.id))
      for tag in try transaction.tags(named: name, inNamespace: actor.namespace)
      where settings.covers(tag.repository.name) && !deployed.contains(tag.repository.id) {
        throw AdministrationError(
          .conflict, "\(tag.repository.name) has a tag \(name) of its own; delete it before the environment covers it")
      }
      try transaction.setSettings(of: record.id, repositories: settings.repositoriesJSON, settings: settings.json)
      try transaction.record(
        AuditEntry(
          "environment.change", by: actor.origin, namespace: actor.namespace, target: name.text,
          detail: settings.json.text))
    }
    policies.forgetRules(of: actor.namespace)
    return try await environment(name, by: actor)
  }

  /// Takes an environment away, with its releases. Its tags stay where they point, as tags like any other: who pulls by them
  /// goes on.
  public func deleteEnvironment(_ name: Tag, by actor: ReleaseActor) async throws {
    try Self.requireOwner(actor)
    let wasDeleted = Atomic<Bool>(false)
    try await database.write { transaction in
      try transaction.lockNamespace(actor.namespace)
      guard let record = try transaction.lockedEnvironment(name, of: actor.namespace) else {
        if wasDeleted.load(ordering: .relaxed) { return }
        throw Self.noEnvironment(name, actor)
      }
      let others = try transaction.environments(of: actor.namespace)
      for other in others where try Self.settings(of: other).requires.contains(name) {
        throw AdministrationError(.conflict, "\(other.name) requires \(name); change that first")
      }
      try transaction.deleteEnvironment(record.id)
      try transaction.record(
        AuditEntry("environment.delete", by: actor.origin, namespace: actor.namespace, target: name.text))
      wasDeleted.store(true, ordering: .relaxed)
    }
    policies.forgetRules(of: actor.namespace)
  }

  // MARK: Parts

  static func noEnvironment(_ name: Tag, _ actor: ReleaseActor) -> AdministrationError {
    AdministrationError(.notFound, "there is no environment \(name) in \(actor.namespace)")
  }

  private static func requireOwner(_ actor: ReleaseActor) throws {
    guard let role = actor.role, role >= .owner, !actor.isLimited else {
      throw AdministrationError(.denied, "only an owner of \(actor.namespace) may do this")
    }
  }

  private static func settings(
    _ base: EnvironmentSettings, _ wishes: JSONObject, _ actor: ReleaseActor
  ) throws -> EnvironmentSettings {
    var settings = base
    do throws(ParseError) {
      try FreezeWindow.checkMembers(of: wishes["freezes"])
      try settings.apply(wishes, namespace: actor.namespace)
    } catch {
      throw AdministrationError(.invalid, error.message)
    }
    return settings
  }

  private static func checkRequired(
    _ settings: EnvironmentSettings, _ name: Tag, _ known: [EnvironmentRecord]
  ) throws {
    for required in settings.requires {
      guard required != name else { throw AdministrationError(.invalid, "\(name) cannot require itself") }
      guard known.contains(where: { $0.name == required }) else {
        throw AdministrationError(.invalid, "“requires” names \(required), which is no environment of the namespace")
      }
    }
    var waiting = settings.requires
    var seen: Set<Tag> = []
    while let next = waiting.popLast() {
      guard seen.insert(next).inserted, let record = known.first(where: { $0.name == next }) else { continue }
      let required = try Self.settings(of: record).requires
      guard !required.contains(name) else {
        throw AdministrationError(
          .invalid, "\(next) requires \(name): if that required \(next) in turn, no new image could come into either")
      }
      waiting += required
    }
  }
}
