import Synchronization

/// Wakes the one who waits for work, before the time at which it would have looked by itself.
///
/// Rings that nobody waits for are kept as one: who waits next wakes at once.
public final class Bell: Sendable {
  private struct State {
    var isRung = false
    var count: UInt64 = 0
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  public init() {}

  /// How often it has rung.
  public var count: UInt64 { state.withLock { $0.count } }

  /// Never blocks.
  public func ring() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.count += 1
      guard let waiter = state.waiter else {
        state.isRung = true
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume()
  }

  /// Returns when the bell rings, or after `limit`. Answers whether it rang.
  ///
  /// - Precondition: nobody else waits.
  /// - Throws: `CancellationError` when the task is cancelled before.
  @discardableResult
  public func wait(atMost limit: Duration, by time: any TimeSource) async throws -> Bool {
    let hasRung = try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        await self.wait()
        return true
      }
      group.addTask {
        try await time.sleep(for: limit)
        return false
      }
      defer { group.cancelAll() }
      return try await group.next() ?? false
    }
    try Task.checkCancellation()
    return hasRung
  }

  /// Returns once the bell has not rung for `silence`, or after `limit`.
  ///
  /// - Precondition: nobody else waits.
  /// - Throws: `CancellationError` when the task is cancelled before.
  public func waitForSilence(_ silence: Duration, atMost limit: Duration, by time: any TimeSource) async throws {
    let end = time.monotonicNanoseconds + Int64(limit / .nanoseconds(1))
    while try await wait(atMost: silence, by: time), time.monotonicNanoseconds < end {}
  }

  /// Returns when the bell rings or the task is cancelled.
  private func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          // A cancellation that came before has found nobody to wake.
          if state.isRung || Task.isCancelled {
            state.isRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
