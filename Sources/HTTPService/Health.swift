import Synchronization

/// What keeps the server from being ready. Each part of the composition adds its own question.
public final class Health: Sendable {
  public struct Problem: Sendable {
    public let part: String
    public let problem: String
  }

  private let checks = Mutex<[(part: String, check: @Sendable () async -> String?)]>([])

  public init() {}

  /// Adds a question; it answers nil when its part is well, else what is wrong, in words for an operator.
  public func add(_ part: String, _ check: @escaping @Sendable () async -> String?) {
    checks.withLock { $0.append((part, check)) }
  }

  public func problems() async -> [Problem] {
    var problems: [Problem] = []
    for (part, check) in checks.withLock({ $0 }) {
      if let problem = await check() { problems.append(Problem(part: part, problem: problem)) }
    }
    return problems
  }
}
