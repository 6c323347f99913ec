import Synchronization

/// What keeps the server from being ready, and what an operator should know. Each part of the composition adds its own
/// question.
public final class Health: Sendable {
  /// What is wrong with a part, in words for an operator.
  public enum Problem: Sendable {
    /// The server cannot do its work: a balancer should send requests elsewhere.
    case notReady(String)
    /// It can still do most of it: pulls go on where the disk is full.
    case warning(String)
  }

  /// What all parts answered.
  public struct Report: Sendable {
    public var problems: [(part: String, text: String)] = []
    public var warnings: [(part: String, text: String)] = []
  }

  private let checks = Mutex<[(part: String, check: @Sendable () async -> Problem?)]>([])

  private let isDraining = Atomic<Bool>(false)

  public init() {}

  /// Adds a question; it answers nil when its part is well.
  public func add(_ part: String, _ check: @escaping @Sendable () async -> Problem?) {
    checks.withLock { $0.append((part, check)) }
  }

  /// The server is about to stop: it still serves, and no longer says that it is ready.
  public func beginDraining() { isDraining.store(true, ordering: .relaxed) }

  public func report() async -> Report {
    var report = Report()
    if isDraining.load(ordering: .relaxed) {
      report.problems.append(("server", "it is stopping"))
      return report
    }
    for (part, check) in checks.withLock({ $0 }) {
      switch await check() {
      case .notReady(let text): report.problems.append((part, text))
      case .warning(let text): report.warnings.append((part, text))
      case nil: break
      }
    }
    return report
  }
}
