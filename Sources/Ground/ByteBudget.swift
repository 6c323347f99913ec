import Synchronization

/// A bounded amount of memory that tasks take from and give back. Who comes first is served first.
///
/// A task must not wait here for more while it holds some: two that do wait for each other for ever. ``takeAtOnce(_:)`` is for
/// what one can do without.
public final class ByteBudget: Sendable {
  private struct Waiter {
    let id: UInt64
    let count: Int
    let continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var free: Int
    var waiting: [Waiter] = []
    var nextID: UInt64 = 0
    var cancelled: Set<UInt64> = []
  }

  public let limitBytes: Int
  private let state: Mutex<State>

  public init(limitBytes: Int) {
    self.limitBytes = limitBytes
    state = Mutex(State(free: limitBytes))
  }

  /// Bytes that are taken now.
  public var takenBytes: Int { limitBytes - state.withLock { $0.free } }

  /// Waits until `count` bytes are free, and takes them.
  ///
  /// - Precondition: `count` is at most ``limitBytes``.
  /// - Throws: `CancellationError`, and has taken nothing.
  public func take(_ count: Int) async throws {
    precondition(count <= limitBytes, "more than there will ever be")
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          guard state.waiting.isEmpty, state.free >= count else {
            state.waiting.append(Waiter(id: id, count: count, continuation: continuation))
            return nil
          }
          state.free -= count
          return .success(())
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      cancel(id)
    }
    // A cancellation that came after we were served left its mark.
    state.withLock { _ = $0.cancelled.remove(id) }
  }

  /// Takes `count` bytes when they are free and nobody waits.
  public func takeAtOnce(_ count: Int) -> Bool {
    state.withLock { state in
      guard state.waiting.isEmpty, state.free >= count else { return false }
      state.free -= count
      return true
    }
  }

  /// Gives back what was taken.
  public func give(_ count: Int) {
    let served = state.withLock { state in
      state.free += count
      var served: [Waiter] = []
      while let next = state.waiting.first, next.count <= state.free {
        state.free -= next.count
        served.append(state.waiting.removeFirst())
      }
      return served
    }
    for waiter in served { waiter.continuation.resume() }
  }

  private func cancel(_ id: UInt64) {
    let (waiter, served) = state.withLock { state -> (Waiter?, [Waiter]) in
      guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return (nil, [])
      }
      let waiter = state.waiting.remove(at: index)
      // Whoever waited behind it for less may go now.
      var served: [Waiter] = []
      while let next = state.waiting.first, next.count <= state.free {
        state.free -= next.count
        served.append(state.waiting.removeFirst())
      }
      return (waiter, served)
    }
    waiter?.continuation.resume(throwing: CancellationError())
    for waiter in served { waiter.continuation.resume() }
  }
}
