import Ground
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

  private let checks = Mutex<[Check]>([])
  private let isDraining = Atomic<Bool>(false)

  public init() {}

  /// Adds a question; it answers nil when its part is well.
  ///
  /// - Parameters:
  ///   - late: what is said when there is no answer within ``patience``.
  ///   - check: may block the thread.
  public func add(
    _ part: String, late: Problem = .notReady("it does not answer"), _ check: @escaping @Sendable () async -> Problem?
  ) {
    checks.withLock { $0.append(Check(part: part, late: late, ask: check)) }
  }

  /// The server is about to stop: it still serves, and no longer says that it is ready.
  public func beginDraining() { isDraining.store(true, ordering: .relaxed) }

  public func report() async -> Report {
    var report = Report()
    if isDraining.load(ordering: .relaxed) {
      report.problems.append(("server", "it is stopping"))
      return report
    }
    for check in checks.withLock({ $0 }) {
      switch await check.answer() {
      case .notReady(let text): report.problems.append((check.part, text))
      case .warning(let text): report.warnings.append((check.part, text))
      case nil: break
      }
    }
    return report
  }

  /// How long a question may take.
  static let patience: Duration = .seconds(3)

  /// A question, which is not asked again while the answer is awaited: a part that stands still must not collect threads.
  private final class Check: Sendable {
    let part: String
    private let late: Problem
    private let ask: @Sendable () async -> Problem?
    private let running = Mutex<Task<Problem?, Never>?>(nil)
    private let worker: WorkerPool

    init(part: String, late: Problem, ask: @escaping @Sendable () async -> Problem?) {
      self.part = part
      self.late = late
      self.ask = ask
      worker = WorkerPool(name: "berth-health", threads: 1)
    }

    func answer() async -> Problem? {
      let task = running.withLock { running -> Task<Problem?, Never> in
        if let running { return running }
        let task = Task(executorPreference: worker) { [self] in
          let answer = await ask()
          self.running.withLock { $0 = nil }
          return answer
        }
        running = task
        return task
      }
      return await withCheckedContinuation { continuation in
        let once = Once(continuation)
        Task { once.resume(await task.value) }
        Task { [late] in
          try? await Task.sleep(for: Health.patience)
          once.resume(late)
        }
      }
    }
  }

  private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<Problem?, Never>?>
    init(_ continuation: CheckedContinuation<Problem?, Never>) { self.continuation = Mutex(continuation) }

    func resume(_ answer: Problem?) {
      let waiting = continuation.withLock { waiting in
        defer { waiting = nil }
        return waiting
      }
      waiting?.resume(returning: answer)
    }
  }
}
