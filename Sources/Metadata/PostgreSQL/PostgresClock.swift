import Glibc
internal import Ground
import Synchronization

/// The database's time, without asking for it: the difference between its clock and one of ours that nobody sets and that
/// goes on while the machine sleeps (`CLOCK_BOOTTIME`).
final class PostgresClock: Sendable {
  /// What took longer says too little: the server's clock may have been read at its beginning or at its end. Leases and claims are
  /// of this order where they are shortest.
  private static let longestQuestionMicroseconds: Int64 = 500_000

  private let refreshMicroseconds: Int64
  private let offset = Atomic<Int64>(0)
  private let measuredAt = Atomic<Int64>(.min)

  /// - Parameter refresh: how old a measurement may become before a transaction takes a new one along.
  init(refresh: Duration) { refreshMicroseconds = refresh.wholeMicroseconds }

  var now: Timestamp { Timestamp(microseconds: Self.local + offset.load(ordering: .relaxed)) }

  var isStale: Bool { Self.local - measuredAt.load(ordering: .relaxed) > refreshMicroseconds }

  /// Takes over what the server's clock said between two moments of ours. A server that stood still meanwhile is asked again by
  /// the next transaction; until then what it said before holds.
  func learn(_ server: Int64, askedAt: Int64, answeredAt: Int64) {
    let isKnown = measuredAt.load(ordering: .relaxed) != .min
    guard answeredAt - askedAt <= Self.longestQuestionMicroseconds || !isKnown else { return }
    offset.store(server - (askedAt + answeredAt) / 2, ordering: .relaxed)
    measuredAt.store(answeredAt, ordering: .relaxed)
  }

  /// Our clock, in microseconds.
  static var local: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
