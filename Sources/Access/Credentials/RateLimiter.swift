public import Ground
import Synchronization

/// Lets so many requests a second through for each name, and a burst of some seconds' worth at once.
public final class RateLimiter: Sendable {
  /// How many seconds' worth may come at once.
  static let burstSeconds: Int64 = 10
  static let entryLimit = 50_000

  private struct Bucket: Sendable {
    /// In billionths of a request.
    var level: Int64
    var at: Int64
  }

  private let buckets = Mutex<[String: Bucket]>([:])
  private let time: any TimeSource

  public init(time: any TimeSource) { self.time = time }

  /// Takes one request from what is left. Answers nil when there was one, else after how long there will be.
  ///
  /// - Parameter rate: requests a second.
  public func take(_ name: String, rate: Int) -> Duration? {
    let now = time.monotonicNanoseconds
    let one: Int64 = 1_000_000_000
    let full = Int64(rate) * Self.burstSeconds * one
    return buckets.withLock { buckets in
      if buckets.count >= Self.entryLimit { Self.forgetIdle(&buckets, now: now) }
      var bucket = buckets[name] ?? Bucket(level: full, at: now)
      let (gained, overflow) = (now - bucket.at).multipliedReportingOverflow(by: Int64(rate))
      bucket.level = min(full, overflow ? full : bucket.level + gained)
      bucket.at = now
      defer { buckets[name] = bucket }
      guard bucket.level >= one else { return .nanoseconds((one - bucket.level) / Int64(rate) + 1) }
      bucket.level -= one
      return nil
    }
  }

  /// Who was not here for the time of a burst has a full bucket, which need not be kept.
  private static func forgetIdle(_ buckets: inout [String: Bucket], now: Int64) {
    buckets = buckets.filter { now - $0.value.at < burstSeconds * 1_000_000_000 }
    if buckets.count >= entryLimit { buckets.removeAll() }
  }
}
