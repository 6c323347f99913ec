import Synchronization

/// Lets jobs that wait at the same time share one expensive act, such as a sync or a commit.
///
/// Whoever comes first leads: it performs its own job and all that gathered meanwhile, on its own thread, then hands the
/// lead to the next that waits. There is no thread of its own, so a seeded executor replays it.
public final class GroupCommit<Job: Sendable>: Sendable {
  private struct State {
    var isLed = false
    var waiting: [(job: Job, continuation: UnsafeContinuation<Role, Never>)] = []
  }
  private enum Role { case lead, done((any Error)?) }

  private let state = Mutex(State())
  private let limit: Int
  private let perform: @Sendable ([Job]) -> [(any Error)?]

  /// - Parameters:
  ///   - limit: how many jobs are performed together at the most.
  ///   - perform: does the work and answers one outcome a job, in order. It may block, and must not throw or suspend.
  public init(limit: Int, perform: @escaping @Sendable ([Job]) -> [(any Error)?]) {
    self.limit = limit
    self.perform = perform
  }

  /// Returns once `job` was performed; throws the error it was answered with.
  public func submit(_ job: Job) async throws {
    let role: Role = await withUnsafeContinuation { continuation in
      let leads = state.withLock { state in
        if state.isLed {
          state.waiting.append((job, continuation))
          return false
        }
        state.isLed = true
        return true
      }
      if leads { continuation.resume(returning: .lead) }
    }
    switch role {
    case .done(let error):
      if let error { throw error }
    case .lead:
      if let error = lead(with: job) { throw error }
    }
  }

  private func lead(with own: Job) -> (any Error)? {
    let followers = state.withLock { state in
      let taken = Array(state.waiting.prefix(limit - 1))
      state.waiting.removeFirst(taken.count)
      return taken
    }
    let outcomes = perform([own] + followers.map(\.job))
    precondition(outcomes.count == followers.count + 1, "one outcome a job")
    let successor = state.withLock { state -> UnsafeContinuation<Role, Never>? in
      guard !state.waiting.isEmpty else {
        state.isLed = false
        return nil
      }
      // The successor's own job is taken out here, and performed by itself first.
      return state.waiting.removeFirst().continuation
    }
    for (index, follower) in followers.enumerated() {
      follower.continuation.resume(returning: .done(outcomes[index + 1]))
    }
    successor?.resume(returning: .lead)
    return outcomes[0]
  }

  /// Jobs that wait for a leader, for `/metrics`.
  public var queueLength: Int { state.withLock { $0.waiting.count } }
}
