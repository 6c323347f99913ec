/// What happens to a request on its way through an HTTP proxy, instead of nothing.
public enum HTTPFault: Sendable, Hashable {
  /// The answer is an error of this status, and the server never sees the request: 503 says SlowDown, 500 InternalError.
  case status(Int)
  /// Waits before the request is passed on.
  case delay(Duration)
  /// The request arrives twice: once it has been answered it is sent again, on a connection of its own. The client hears the
  /// first answer, after both.
  ///
  /// It stands for a client or a proxy that sends a request again because it did not hear the answer. Requests that change
  /// nothing (GET, HEAD), that nobody may repeat (a PATCH that does not say where it belongs, RFC 9110, section 9.2.2) and
  /// bodies of unknown length or over 1 MiB pass once.
  case duplicate
  /// The body of the answer comes at this rate.
  case slowBody(bytesPerSecond: Int)
  /// The connection is reset after this many bytes of the body of the request; the server sees an unfinished one.
  case resetInRequest(afterBytes: Int)
  /// The connection is reset after this many bytes of the body of the answer.
  case resetInAnswer(afterBytes: Int)
  /// The server has done it, and the client never hears.
  case loseAnswer
  /// One byte of the body of the answer is another.
  case spoilAnswer
  /// Waits until other rules are followed. The server does not see the request of a client that has gone meanwhile.
  case hold
  /// One byte of the body of the request is another.
  case spoilRequest
}

/// Which requests to an S3 server meet with a fault.
public struct S3FaultRule: Sendable {
  public var fault: HTTPFault
  /// Only these operations; all when empty.
  public var operations: Set<S3Operation>
  /// How often it may still happen; nil for ever.
  public var times: Int?

  public init(_ fault: HTTPFault, on operations: Set<S3Operation> = [], times: Int? = nil) {
    self.fault = fault
    self.operations = operations
    self.times = times
  }
}
