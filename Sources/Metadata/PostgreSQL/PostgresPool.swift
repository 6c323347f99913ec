import Synchronization

/// Connections that transactions take turns with.
final class PostgresPool: Sendable {
  /// A connection moves from one thread to the next, never to two.
  struct Lease: @unchecked Sendable { let connection: PostgresConnection }

  private enum Turn: Sendable {
    case lease(Lease)
    /// A place is free: make a connection of your own.
    case place
    case timedOut
  }

  private struct State {
    var idle: [Lease] = []
    var open = 0
    /// Grows whenever a connection breaks: those that were made before are suspect.
    var generation = 0
    var waiting: [(number: Int, continuation: UnsafeContinuation<Turn, Never>)] = []
    var nextNumber = 0
  }

  private let state = Mutex(State())
  private let settings: PostgresSettings
  private let figures: PostgresFigures

  init(_ settings: PostgresSettings, figures: PostgresFigures) {
    self.settings = settings
    self.figures = figures
  }

  /// A connection for one transaction; give it back with ``release(_:)``.
  func acquire() async throws -> Lease {
    switch await turn() {
    case .lease(let lease): return lease
    case .place: return try connect()
    case .timedOut:
      throw PostgresError(
        kind: .unavailable,
        message: "all \(settings.connections) connections were in use for \(settings.waitTimeout)")
    }
  }

  private func turn() async -> Turn {
    if let turn = takeTurn() { return turn }
    let number = state.withLock { state in
      state.nextNumber += 1
      return state.nextNumber
    }
    let timeout = Task { [settings] in
      try await Task.sleep(for: settings.waitTimeout)
      self.giveUp(number)
    }
    defer { timeout.cancel() }
    return await withUnsafeContinuation { continuation in
      let turn = state.withLock { state -> Turn? in
        if let turn = Self.takeTurn(&state, limit: settings.connections) { return turn }
        state.waiting.append((number, continuation))
        return nil
      }
      if let turn { continuation.resume(returning: turn) }
    }
  }

  private func takeTurn() -> Turn? { state.withLock { Self.takeTurn(&$0, limit: settings.connections) } }

  private static func takeTurn(_ state: inout State, limit: Int) -> Turn? {
    if let lease = state.idle.popLast() { return .lease(lease) }
    guard state.open < limit else { return nil }
    state.open += 1
    return .place
  }

  private func giveUp(_ number: Int) {
    let waiter = state.withLock { state in
      state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0).continuation }
    }
    waiter?.resume(returning: .timedOut)
  }

  private func connect() throws -> Lease {
    let generation = state.withLock { $0.generation }
    do {
      return Lease(connection: try PostgresConnection(settings, figures: figures, generation: generation))
    } catch {
      passPlaceOn()
      throw error
    }
  }

  func release(_ lease: Lease) {
    // All of it under one lock: once it is idle, it is somebody else's, and nothing is to be asked of it any more.
    let (outcome, suspects) = state.withLock { Self.takeBack(lease, &$0) }
    switch outcome {
    case .kept: break
    case .passedOn(let waiter): waiter.resume(returning: .lease(lease))
    case .ended: passPlaceOn()
    }
    // Closed here, where nobody waits for it.
    withExtendedLifetime(suspects) {}
  }

  private enum Return {
    case kept
    case passedOn(UnsafeContinuation<Turn, Never>)
    /// It is of no more use, and leaves its place.
    case ended
  }

  private static func takeBack(_ lease: Lease, _ state: inout State) -> (Return, suspects: [Lease]) {
    var suspects: [Lease] = []
    if lease.connection.isBroken {
      // Most often the server went away, and took the others along.
      state.generation += 1
      suspects = state.idle
      state.open -= state.idle.count
      state.idle = []
    }
    if lease.connection.isBroken || lease.connection.generation != state.generation { return (.ended, suspects) }
    guard state.waiting.isEmpty else { return (.passedOn(state.waiting.removeFirst().continuation), suspects) }
    state.idle.append(lease)
    return (.kept, suspects)
  }

  /// A connection is no more; who waits longest may make another.
  private func passPlaceOn() {
    let waiter = state.withLock { state -> UnsafeContinuation<Turn, Never>? in
      guard !state.waiting.isEmpty else {
        state.open -= 1
        return nil
      }
      return state.waiting.removeFirst().continuation
    }
    waiter?.resume(returning: .place)
  }

  /// Connections that are open, those of them that nobody uses, and transactions that wait for one.
  var counts: (open: Int, idle: Int, waiting: Int) {
    state.withLock { ($0.open, $0.idle.count, $0.waiting.count) }
  }
}
