public import Ground
import Synchronization

/// A clock that stands still until a test moves it.
public final class ManualClock: TimeSource {
  private struct State {
    var now: Timestamp
    var monotonic: Int64 = 0
    var sleepers: [Int: (until: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var nextSleeper = 0
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state: Mutex<State>

  /// - Parameter now: a moment in November 2026 unless the test cares.
  public init(_ now: Timestamp = Timestamp(microseconds: 1_795_442_497_000_000)) { state = Mutex(State(now: now)) }

  public var now: Timestamp { state.withLock { $0.now } }
  public var monotonicNanoseconds: Int64 { state.withLock { $0.monotonic } }

  /// Moves both clocks, and wakes whoever has slept long enough.
  public func advance(by duration: Duration) {
    let woken = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
      state.now = state.now + duration
      state.monotonic += duration.wholeMicroseconds * 1000
      let due = state.sleepers.filter { $0.value.until <= state.monotonic }.sorted { $0.key < $1.key }
      for sleeper in due { state.sleepers[sleeper.key] = nil }
      return due.map { $0.value.continuation }
    }
    for continuation in woken { continuation.resume() }
  }

  /// Sets the time of day alone, as somebody who sets the clock of a machine does.
  public func jump(by duration: Duration) { state.withLock { $0.now = $0.now + duration } }

  public func sleep(for duration: Duration) async throws {
    let number = state.withLock { state in
      state.nextSleeper += 1
      return state.nextSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>] in
          state.sleepers[number] = (state.monotonic + duration.wholeMicroseconds * 1000, continuation)
          let ready = state.watchers.filter { $0.count <= state.sleepers.count }
          state.watchers.removeAll { $0.count <= state.sleepers.count }
          return ready.map(\.continuation)
        }
        for watcher in watchers { watcher.resume() }
        if Task.isCancelled { wake(number) }
      }
    } onCancel: {
      wake(number)
    }
  }

  private func wake(_ number: Int) {
    state.withLock { $0.sleepers.removeValue(forKey: number) }?.continuation.resume(throwing: CancellationError())
  }

  /// Returns once so many tasks sleep.
  public func waitForSleepers(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isReady { continuation.resume() }
    }
  }
}
