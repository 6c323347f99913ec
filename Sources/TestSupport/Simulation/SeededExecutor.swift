import Ground
import Synchronization

/// Runs the jobs of tasks on one thread, and chooses by a seed which comes next: the same seed, the same interleaving.
///
/// Everything that the tasks wait for must be done by jobs of the same executor; a clock or a network must be simulated
/// too. Child tasks stay on it; a `Task { … }` made inside does not.
public final class SeededExecutor: TaskExecutor {
  private let jobs = Mutex<[UnownedJob]>([])
  private let chance: SeededRandom

  private init(seed: UInt64) { chance = SeededRandom(seed: seed) }

  /// Nothing can go on, and the body has not returned: it waits for something outside, or for itself.
  public struct Stalled: Error {}

  /// Runs `body` and every task that it starts, on the calling thread, until `body` returns.
  ///
  /// - Throws: what `body` throws; ``Stalled``.
  public static func run<V: Sendable>(seed: UInt64, _ body: @escaping @Sendable () async throws -> V) throws -> V {
    let executor = SeededExecutor(seed: seed)
    let outcome = Outcome<V>()
    Task(executorPreference: executor) {
      do { outcome.set(.success(try await body())) } catch { outcome.set(.failure(error)) }
    }
    while true {
      if let result = outcome.result { return try result.get() }
      guard let job = executor.next() else { throw Stalled() }
      job.runSynchronously(on: executor.asUnownedTaskExecutor())
    }
  }

  /// As ``run(seed:_:)``, on a thread of its own: for bodies that wait for a server, which a thread of the runtime must not.
  public static func runApart<V: Sendable>(
    seed: UInt64, _ body: @escaping @Sendable () async throws -> V
  ) async throws -> V {
    try await blocking { try run(seed: seed, body) }
  }

  private final class Outcome<V: Sendable>: Sendable {
    private let kept = Mutex<Result<V, any Error>?>(nil)
    func set(_ new: Result<V, any Error>) { kept.withLock { $0 = new } }
    var result: Result<V, any Error>? { kept.withLock { $0 } }
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
  }

  private func next() -> UnownedJob? {
    jobs.withLock { jobs in
      guard !jobs.isEmpty else { return nil }
      let index = Int(chance.next() % UInt64(jobs.count))
      jobs.swapAt(index, jobs.count - 1)
      return jobs.removeLast()
    }
  }
}
