public import Ground

/// The time of a machine whose clock is wrong.
public struct SkewedTime: TimeSource {
  private let ahead: Duration
  private let base = SystemTime()

  /// - Parameter ahead: by how much; negative: it is behind.
  public init(ahead: Duration) { self.ahead = ahead }

  public var now: Timestamp { base.now + ahead }
  public var monotonicNanoseconds: Int64 { base.monotonicNanoseconds }
  public func sleep(for duration: Duration) async throws { try await base.sleep(for: duration) }
}
