import Ground
import Testing

@testable import Metadata

@Suite struct `The time of a server` {
  /// In microseconds: how far its clock is ahead of ours, as far as is known.
  private static func difference(_ clock: PostgresClock) -> Int64 { clock.now.microseconds - PostgresClock.local }

  @Test func `is not learnt from an answer that took long, unless nothing is known`() {
    let clock = PostgresClock(refresh: .seconds(5))
    let start = PostgresClock.local
    // A server that stood still for 20 s when it was asked first: within ten seconds.
    clock.learn(start + 100_000_000, askedAt: start - 20_000_000, answeredAt: start)
    #expect((109_000_000...111_000_000).contains(Self.difference(clock)))
    clock.learn(start + 100_000_000, askedAt: start - 2000, answeredAt: start)
    #expect((99_000_000...101_000_000).contains(Self.difference(clock)))
    clock.learn(start + 100_000_000, askedAt: start - 20_000_000, answeredAt: start)
    #expect((99_000_000...101_000_000).contains(Self.difference(clock)))
  }
}
