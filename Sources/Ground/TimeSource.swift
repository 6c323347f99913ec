import Glibc

/// Where time comes from. Production uses ``SystemTime``; a simulation hands in its own.
public protocol TimeSource: Sendable {
  /// The time of day. May jump in either direction: nothing may be ordered by it.
  var now: Timestamp { get }
  /// Nanoseconds since some fixed point; never goes back. For measuring durations.
  var monotonicNanoseconds: Int64 { get }
  /// Returns after `duration`, or throws `CancellationError` when the task is cancelled before.
  func sleep(for duration: Duration) async throws
}

/// The time of this machine.
public struct SystemTime: TimeSource {
  public init() {}

  public var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  public var monotonicNanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
