public import Metadata
public import OCI

/// What a permit can be for. The actions are types, so that a call with the wrong permit does not compile.
public protocol RepositoryAction: Sendable {
  static var action: Action { get }
}

/// Reads manifests, blobs and lists.
public enum Pull: RepositoryAction { public static let action = Action.pull }
/// Uploads blobs, pushes manifests, moves tags.
public enum Push: RepositoryAction { public static let action = Action.push }
/// Deletes tags, manifests and blobs.
public enum Delete: RepositoryAction { public static let action = Action.delete }

/// Brings back what a tag pointed to, and takes history away. Whoever may delete may do both.
public enum Restore: RepositoryAction { public static let action = Action.delete }

/// What can be done to a repository, in the words of the token specification's scopes.
public enum Action: String, Sendable, Hashable, CaseIterable, Codable {
  case pull, push, delete
}

/// Leave for one action on one repository. Minted only by ``Policy``: no permit, no call (invariant I7).
public struct Permit<Granted: RepositoryAction>: Sendable {
  public let repository: RepositoryName
  /// Who has it, as it is recorded.
  public let origin: Origin
  /// The repository can be read by everybody.
  public let isPublic: Bool
  private let question: RightsQuestion?

  internal init(repository: RepositoryName, origin: Origin, isPublic: Bool, question: RightsQuestion? = nil) {
    self.repository = repository
    self.origin = origin
    self.isPublic = isPublic
    self.question = question
  }

  /// What the next transaction by this permit had best take along: whether the rights that it was minted by still hold, where
  /// that is to be asked yet. Who does not costs a round trip, and nothing else: the answer is waited for in any case.
  public var questions: [any SideQuestion] {
    guard let question, !question.isAnswered else { return [] }
    return [question]
  }
}

/// Leave to list repositories, and the answer to which of them may be shown.
public struct CataloguePermit: Sendable {
  public let origin: Origin
  /// The namespaces that hold anything that may be shown; nil: all.
  public let namespaces: [String]?
  private let maySee: @Sendable (RepositoryName) -> Bool

  internal init(
    origin: Origin, namespaces: [String]?, maySee: @escaping @Sendable (RepositoryName) -> Bool
  ) {
    self.origin = origin
    self.namespaces = namespaces
    self.maySee = maySee
  }

  public func shows(_ repository: RepositoryName) -> Bool { maySee(repository) }
}

/// The policy said no.
public struct AccessDenied: Error, Sendable {
  /// What the client is told.
  public enum Answer: Sendable, Hashable {
    /// Nobody showed who they are: 401, with what to ask the token endpoint for.
    case authenticate
    /// The token does not hold this action, and another one might: 401.
    case insufficientScope
    /// 403.
    case denied
    /// Looks as if there were no such thing: 404.
    case hidden
  }

  /// Nobody showed who they are, and nothing is done for nobody.
  public static let unauthenticated = AccessDenied(
    answer: .authenticate, action: .pull, repository: nil, rule: "nobody showed who they are")

  public let answer: Answer
  public let action: Action
  public let repository: RepositoryName?
  /// The rule that decided, for the log.
  public let rule: String
}
