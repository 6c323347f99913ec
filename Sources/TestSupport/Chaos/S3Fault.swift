/// What happens to a request on its way to the S3 server, instead of nothing.
public enum S3Fault: Sendable, Hashable {
  /// The answer is an error of this status, and the server never sees the request: 503 says SlowDown, 500 InternalError.
  case status(Int)
  /// Waits before the request is passed on.
  case delay(Duration)
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
  /// One byte of the body of the request is another.
  case spoilRequest
}

/// Which requests meet with a fault.
public struct S3FaultRule: Sendable {
  public var fault: S3Fault
  /// Only these operations; all when empty.
  public var operations: Set<S3Operation>
  /// How often it may still happen; nil for ever.
  public var times: Int?

  public init(_ fault: S3Fault, on operations: Set<S3Operation> = [], times: Int? = nil) {
    self.fault = fault
    self.operations = operations
    self.times = times
  }
}
