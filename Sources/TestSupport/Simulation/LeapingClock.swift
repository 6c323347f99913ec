public import Ground

/// A clock for those that wait and try again: nobody waits, and each sleep moves it by its length at once.
public final class LeapingClock: TimeSource {
  private let clock = ManualClock()

  public init() {}

  public var now: Timestamp { clock.now }
  public var monotonicNanoseconds: Int64 { clock.monotonicNanoseconds }
  /// How long was slept in all.
  public var slept: Duration { .nanoseconds(clock.monotonicNanoseconds) }

  public func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    clock.advance(by: duration)
    await Task.yield()
  }
}
