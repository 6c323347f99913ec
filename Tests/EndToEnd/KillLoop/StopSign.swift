import Synchronization

/// Tells threads to stop.
final class StopSign: Sendable {
  private let up = Atomic(false)

  var isUp: Bool { up.load(ordering: .acquiring) }

  func raise() { up.store(true, ordering: .releasing) }
}
