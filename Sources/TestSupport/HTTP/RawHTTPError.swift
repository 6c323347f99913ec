/// What can go wrong between a test and the server under test, below the level of an HTTP answer.
public enum RawHTTPError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No connection could be made; `reason` is the system's text.
  case notConnected(reason: String)
  /// Nothing happened for the connection's patience.
  case timedOut(waitingFor: String)
  /// The server closed the connection before a complete answer had come.
  case closedEarly(received: Int)
  /// The server sent something that is not an HTTP/1.1 answer.
  case malformed(String)

  public var description: String {
    switch self {
    case .notConnected(let reason): "not connected: \(reason)"
    case .timedOut(let what): "timed out waiting for \(what)"
    case .closedEarly(let received): "the server closed the connection after \(received) bytes of an unfinished answer"
    case .malformed(let what): "malformed answer: \(what)"
    }
  }
}
