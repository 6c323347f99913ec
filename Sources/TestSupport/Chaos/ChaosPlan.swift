import Ground

/// What may happen to the connections through a ``ChaosProxy``. Odds are between 0 and 1.
///
/// Nothing is duplicated here: TCP delivers each byte once, so bytes that come twice within a connection are not what a network
/// does. What does come twice are requests, where they are sent again: see ``HTTPFault/duplicate``. PostgreSQL's protocol sends
/// nothing again by itself; a transaction that berth runs again after a lost connection is what cutting brings about.
public struct ChaosPlan: Sendable {
  /// Ends in order in the middle of the bytes.
  public var cut = 0.0
  /// Ends with a reset in the middle of the bytes.
  public var reset = 0.0
  /// Passes nothing on any more, from somewhere in the middle of the bytes; the connection stays open for
  /// `silence`, then it is reset.
  public var blackHole = 0.0
  /// Closed as soon as it is opened.
  public var refuse = 0.0
  /// Bytes come in pieces of 1 to 64 bytes instead of as they were sent, for the first 16 KiB of each direction.
  public var split = 0.0
  /// Each piece waits.
  public var delay = 0.0
  /// How long a piece waits at most.
  public var longestDelay: Duration = .milliseconds(20)
  /// After how many bytes of one direction the connection breaks, at the latest.
  public var breaksWithin = 64 * 1024
  /// How long a black hole keeps the connection.
  public var silence: Duration = .seconds(3)

  public init() {}

  /// Nothing happens until the test says so.
  public static let calm = ChaosPlan()

  /// Everything happens now and then; about every fourth connection breaks.
  public static let rough: ChaosPlan = {
    var plan = ChaosPlan()
    (plan.cut, plan.reset, plan.blackHole, plan.refuse) = (0.08, 0.08, 0.03, 0.05)
    (plan.split, plan.delay) = (0.2, 0.3)
    return plan
  }()

  enum Break: Sendable { case cut, reset, blackHole }

  /// What happens to one connection. The same seed and number give the same fate.
  struct Fate: Sendable {
    var isRefused = false
    var isSplit = false
    var longestDelay: Duration?
    /// How it breaks, in which direction, and after how many bytes of it.
    var breaks: Break?
    var breaksUpstream = false
    var breaksAfter = Int.max
    let seed: UInt64
  }

  func fate(seed: UInt64, connection: Int) -> Fate {
    let chance = SeededRandom(seed: seed &+ UInt64(connection) &* 0x9e37_79b9_7f4a_7c15)
    func happens(_ odds: Double) -> Bool { Double(chance.next() >> 11) / Double(1 << 53) < odds }
    var fate = Fate(seed: chance.next())
    fate.isRefused = happens(refuse)
    fate.isSplit = happens(split)
    if happens(delay) { fate.longestDelay = longestDelay }
    for (odds, kind) in [(cut, Break.cut), (reset, .reset), (blackHole, .blackHole)] where happens(odds) {
      fate.breaks = kind
    }
    fate.breaksUpstream = happens(0.5)
    fate.breaksAfter = 1 + Int(chance.next() % UInt64(max(1, breaksWithin)))
    return fate
  }
}
