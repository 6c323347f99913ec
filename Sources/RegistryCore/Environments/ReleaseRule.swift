public import Ground
public import Metadata
public import OCI

/// Why a release is refused: one rule that it does not meet.
public struct ReleaseFailure: Sendable, Hashable {
  public let rule: String
  /// The image that does not meet it; nil: the release as a whole.
  public let image: String?
  public let message: String

  public init(rule: String, image: String? = nil, _ message: String) {
    self.rule = rule
    self.image = image
    self.message = message
  }
}

/// Every rule that a release does not meet.
public struct ReleaseRefusal: Error, Sendable, CustomStringConvertible {
  public let failures: [ReleaseFailure]
  public var description: String { failures.map(\.message).joined(separator: "; ") }
}

/// An image that is to be released, with what the rules may ask of it.
public struct ReleaseCandidate: Sendable {
  public let repository: RepositoryRow
  /// As it was asked for.
  public let source: String
  public let digest: Digest
  /// Tags of its repository that point to it.
  public let tags: [Tag]
  /// Of the environments that are required first: those in which it has not been.
  public let missedEnvironments: [Tag]
  /// What the policies of the namespace and of the environment say of what is in it.
  public let verdict: PolicyVerdict
}

/// What the rules see of a release.
public struct ReleaseFacts: Sendable {
  public let environment: Tag
  public let settings: EnvironmentSettings
  public let candidates: [ReleaseCandidate]
  public let now: Timestamp
}

/// A rule that a promotion must meet. It is pure: whatever it asks for is found out before, in the transaction that would
/// carry the release out.
///
/// Rules about who signed an image are further values of this protocol.
public protocol ReleaseRule: Sendable {
  /// A short name for programs.
  var name: String { get }
  /// Everything that does not meet it; none: it is met.
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure]
}

/// All rules, in the order in which their failures are told.
public enum ReleaseRules {
  public static let all: [any ReleaseRule] = [
    CoverageRule(), FreezeRule(), TagRule(), EarlierEnvironmentRule(), PolicyRule(),
  ]
}

/// The environment covers the repository.
struct CoverageRule: ReleaseRule {
  let name = "covered"
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure] {
    facts.candidates.filter { !facts.settings.covers($0.repository.name) }.map { candidate in
      ReleaseFailure(
        rule: name, image: candidate.source,
        "\(facts.environment) does not cover \(candidate.repository.name)")
    }
  }
}

/// It is not frozen.
struct FreezeRule: ReleaseRule {
  let name = "freeze"
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure] {
    facts.settings.freezes.filter { $0.holds(at: facts.now) }.map {
      ReleaseFailure(rule: name, "\(facts.environment) is frozen \($0.text)")
    }
  }
}

/// A tag of the right kind points to the image.
struct TagRule: ReleaseRule {
  let name = "tags"
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure] {
    guard let wanted = facts.settings.tags else { return [] }
    return facts.candidates.filter { !$0.tags.contains { wanted.takes($0) } }.map { candidate in
      ReleaseFailure(
        rule: name, image: candidate.source,
        "no tag of the kind \(wanted.texts.joined(separator: ", ")) points to \(candidate.source)")
    }
  }
}

/// It has been in other environments before.
struct EarlierEnvironmentRule: ReleaseRule {
  let name = "requires"
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure] {
    facts.candidates.flatMap { candidate in
      candidate.missedEnvironments.map {
        ReleaseFailure(rule: name, image: candidate.source, "\(candidate.source) has not been in \($0)")
      }
    }
  }
}

/// What is wrong with it is within what the policies allow.
struct PolicyRule: ReleaseRule {
  let name = "policy"
  func failures(_ facts: ReleaseFacts) -> [ReleaseFailure] {
    facts.candidates.flatMap { candidate in
      candidate.verdict.blocks.map {
        ReleaseFailure(rule: "\(name) \($0.rule)", image: candidate.source, "\(candidate.source): \($0.message)")
      }
    }
  }
}
