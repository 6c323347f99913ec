/// What somebody is in a namespace. Each may do what those before it may.
public enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Pulls.
  case reader
  /// Pushes and labels.
  case writer
  /// Deletes and restores; retention, robots, webhooks.
  case maintainer
  /// Members and policies.
  case owner

  public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .reader: 0
    case .writer: 1
    case .maintainer: 2
    case .owner: 3
    }
  }

  /// The least role that may do something to a repository.
  public static func least(for action: Action) -> Role {
    switch action {
    case .pull: .reader
    case .push: .writer
    case .delete: .maintainer
    }
  }

  /// What it may do to repositories.
  public var actions: [Action] { Action.allCases.filter { Role.least(for: $0) <= self } }
}

/// What somebody is for the whole site.
public enum SiteRole: String, Sendable, Hashable, CaseIterable {
  /// May do everything.
  case admin
  /// Reads everything, changes nothing.
  case auditor
}
