public import Synchronization

/// Keeps what was used last within a bound of summed costs. Safe to use from any thread; a hit costs one lock and one look-up.
public final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  // Visible to callers' modules, so that a look-up is compiled for its key and value there: it is on every read's path.
  @usableFromInline
  struct Node {
    @usableFromInline let key: Key
    @usableFromInline var value: Value
    @usableFromInline var cost: Int
    @usableFromInline var newer: Int
    @usableFromInline var older: Int
  }

  @usableFromInline
  struct State {
    @usableFromInline var index: [Key: Int] = [:]
    @usableFromInline var nodes: [Node?] = []
    var free: [Int] = []
    @usableFromInline var newest = -1
    @usableFromInline var oldest = -1
    var cost = 0
    var generation = 0
  }

  @usableFromInline let state = Mutex(State())
  public let costLimit: Int

  /// - Parameter costLimit: the most that the kept values may cost together, in whatever unit the caller counts.
  public init(costLimit: Int) { self.costLimit = costLimit }

  /// The value, which becomes the one used last.
  @inlinable
  public func value(for key: Key) -> Value? {
    state.withLock { state in
      guard let slot = state.index[key] else { return nil }
      if state.newest != slot {
        Self.unlink(slot, &state)
        Self.pushNewest(slot, &state)
      }
      return state.nodes[slot]?.value
    }
  }

  /// A mark to take *before* reading from the truth what will be inserted: see ``insert(_:for:cost:since:)``.
  public var generation: Int { state.withLock { $0.generation } }

  /// Keeps a value that was read after `generation` was taken; does nothing when anything was removed since, because the
  /// value may be the very thing that was removed.
  public func insert(_ value: Value, for key: Key, cost: Int, since generation: Int) {
    state.withLock { state in
      if state.generation == generation { Self.put(value, key, cost, &state, limit: costLimit) }
    }
  }

  /// Keeps a value that cannot go stale.
  public func insert(_ value: Value, for key: Key, cost: Int) {
    state.withLock { Self.put(value, key, cost, &$0, limit: costLimit) }
  }

  /// Forgets a key, and makes reads that began before this unable to bring it back.
  public func remove(_ key: Key) {
    state.withLock { state in
      state.generation += 1
      if let slot = state.index[key] { Self.drop(slot, &state) }
    }
  }

  /// Forgets everything.
  public func removeAll() {
    state.withLock { state in
      let generation = state.generation + 1
      state = State()
      state.generation = generation
    }
  }

  public var totalCost: Int { state.withLock { $0.cost } }
  public var count: Int { state.withLock { $0.index.count } }

  private static func put(_ value: Value, _ key: Key, _ cost: Int, _ state: inout State, limit: Int) {
    if let slot = state.index[key] { drop(slot, &state) }
    guard cost <= limit else { return }
    let slot: Int
    let node = Node(key: key, value: value, cost: cost, newer: -1, older: -1)
    if let reused = state.free.popLast() {
      slot = reused
      state.nodes[slot] = node
    } else {
      slot = state.nodes.count
      state.nodes.append(node)
    }
    state.index[key] = slot
    state.cost += cost
    pushNewest(slot, &state)
    while state.cost > limit, state.oldest >= 0 { drop(state.oldest, &state) }
  }

  private static func drop(_ slot: Int, _ state: inout State) {
    unlink(slot, &state)
    if let node = state.nodes[slot] {
      state.cost -= node.cost
      state.index[node.key] = nil
    }
    state.nodes[slot] = nil
    state.free.append(slot)
  }

  @inlinable
  static func unlink(_ slot: Int, _ state: inout State) {
    guard let node = state.nodes[slot] else { return }
    if node.newer >= 0 { state.nodes[node.newer]?.older = node.older } else { state.newest = node.older }
    if node.older >= 0 { state.nodes[node.older]?.newer = node.newer } else { state.oldest = node.newer }
  }

  @inlinable
  static func pushNewest(_ slot: Int, _ state: inout State) {
    state.nodes[slot]?.newer = -1
    state.nodes[slot]?.older = state.newest
    if state.newest >= 0 { state.nodes[state.newest]?.newer = slot }
    state.newest = slot
    if state.oldest < 0 { state.oldest = slot }
  }
}
