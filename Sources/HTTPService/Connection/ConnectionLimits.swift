/// What protects the server from slow and greedy clients. Each is a setting.
public struct ConnectionLimits: Sendable {
  /// Connections at the same time; more wait in the listener's queue.
  public var connections = 10_000
  /// The head of a request, together.
  public var headerBytes = 32 * 1024
  /// From the opening of a connection to the end of the first head; with TLS the handshake has as long again.
  public var headerTimeout: Duration = .seconds(30)
  /// Between two requests of a connection.
  public var idleTimeout: Duration = .seconds(75)
  /// Without a byte of a body that is being received, or taken by a client that is being sent one.
  public var bodyStallTimeout: Duration = .seconds(60)
  /// The least that a body must move in bytes a second, over `minimumRateWindow`.
  public var minimumRateBytes = 1024
  public var minimumRateWindow: Duration = .seconds(60)
  /// How long a stop waits for answers that are being sent.
  public var shutdownGrace: Duration = .seconds(30)

  public init() {}

  /// A refused body of at most this size is read to its end, so that the connection can go on.
  static let drainLimitBytes: Int64 = 64 * 1024
  /// A body of at most this known size is gathered before its handler starts.
  static let gatherLimitBytes: Int64 = 64 * 1024
  /// How long the rest of a refused body is read after the answer, so that the client sees the answer and not a reset.
  static let lingerTimeout: Duration = .seconds(2)
  /// How long a client of an idle HTTP/2 connection has to answer the farewell, before the connection is closed without it.
  static let farewellTimeout: Duration = .seconds(2)
  /// How often a connection looks at its clocks, so that no limit is overrun by much more than a quarter.
  var tick: Duration {
    let shortest = min(headerTimeout, idleTimeout, bodyStallTimeout, minimumRateWindow)
    return max(.milliseconds(10), min(.seconds(5), shortest / 4))
  }
}
