public import OCI

/// What a permit can be for. The actions are types, so that a call with the wrong permit does not compile.
public protocol RepositoryAction: Sendable {
  /// The word of the token specification's scope.
  static var name: String { get }
}

/// Reads manifests, blobs and lists.
public enum Pull: RepositoryAction { public static let name = "pull" }
/// Uploads blobs, pushes manifests, moves tags.
public enum Push: RepositoryAction { public static let name = "push" }
/// Deletes tags, manifests and blobs.
public enum Delete: RepositoryAction { public static let name = "delete" }

/// Whoever asks, as it is recorded in events and logs.
public struct Actor: Sendable, Hashable {
  public let name: String

  /// Somebody who showed no credential.
  public static let anonymous = Actor(name: "anonymous")
  /// Berth itself: collection and other upkeep.
  public static let system = Actor(name: "berth")
}

/// Leave for one action on one repository. Minted only by ``Policy``: no permit, no call (invariant I7).
public struct Permit<Action: RepositoryAction>: Sendable {
  public let repository: RepositoryName
  public let actor: Actor

  internal init(repository: RepositoryName, actor: Actor) {
    self.repository = repository
    self.actor = actor
  }
}

/// Leave to list repositories, and the answer to which of them may be shown.
public struct CataloguePermit: Sendable {
  public let actor: Actor
  private let maySee: @Sendable (RepositoryName) -> Bool

  internal init(actor: Actor, maySee: @escaping @Sendable (RepositoryName) -> Bool) {
    self.actor = actor
    self.maySee = maySee
  }

  public func shows(_ repository: RepositoryName) -> Bool { maySee(repository) }
}

/// Decides. Until accounts exist there is one policy, ``open``.
public struct Policy: Sendable {
  private init() {}

  /// Everybody may do everything. `berth serve` accepts it only with `--open`, and only on loopback.
  public static let open = Policy()

  public func permit<Action>(
    _ action: Action.Type, on repository: RepositoryName, for actor: Actor
  ) throws(AccessDenied) -> Permit<Action> {
    Permit(repository: repository, actor: actor)
  }

  public func cataloguePermit(for actor: Actor) throws(AccessDenied) -> CataloguePermit {
    CataloguePermit(actor: actor) { _ in true }
  }
}

/// The policy said no.
public struct AccessDenied: Error, Sendable {
  public let action: String
  public let repository: RepositoryName?
  /// The rule that decided, for the log.
  public let rule: String
}
