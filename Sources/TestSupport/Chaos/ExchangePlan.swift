import Ground

/// What may happen to the requests through an HTTP proxy and to their answers. Odds are between 0 and 1; at most one thing
/// happens to a request.
public struct ExchangePlan: Sendable {
  /// See ``HTTPFault/duplicate``.
  public var duplicate = 0.0
  public var delay = 0.0
  public var resetInRequest = 0.0
  public var resetInAnswer = 0.0
  public var loseAnswer = 0.0
  /// How long a request waits at most.
  public var longestDelay: Duration = .milliseconds(50)
  /// After how many bytes of a body the connection is reset, at the latest.
  public var resetsWithin = 4096

  public init() {}

  /// Everything happens now and then.
  public static let rough: ExchangePlan = {
    var plan = ExchangePlan()
    (plan.duplicate, plan.delay) = (0.15, 0.1)
    (plan.resetInRequest, plan.resetInAnswer, plan.loseAnswer) = (0.02, 0.02, 0.02)
    return plan
  }()

  /// What happens to one request. The same seed and numbers give the same answer.
  ///
  /// - Parameter exchange: the number of the request on its connection.
  func fault(seed: UInt64, connection: Int, exchange: Int) -> HTTPFault? {
    let number = UInt64(connection) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(exchange) &* 0xbf58_476d_1ce4_e5b9
    let chance = SeededRandom(seed: seed &+ number)
    var left = Double(chance.next() >> 11) / Double(1 << 53)
    let bytes = 1 + Int(chance.next() % UInt64(max(1, resetsWithin)))
    let wait = longestDelay * Double(1 + chance.next() % 100) / 100
    let faults: [(Double, HTTPFault)] = [
      (duplicate, .duplicate), (delay, .delay(wait)), (resetInRequest, .resetInRequest(afterBytes: bytes)),
      (resetInAnswer, .resetInAnswer(afterBytes: bytes)), (loseAnswer, .loseAnswer),
    ]
    for (odds, fault) in faults {
      if left < odds { return fault }
      left -= odds
    }
    return nil
  }
}
