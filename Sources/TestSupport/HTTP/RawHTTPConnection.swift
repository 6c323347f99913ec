import Dispatch

/// One connection to a server under test, with control over every byte of the requests.
///
/// Waiting happens on a queue of the connection's own and never on a thread of the concurrency runtime, so a server
/// that runs in the same process cannot be starved by its own tests. Operations take effect in the order of their
/// calls when each is awaited before the next.
public final class RawHTTPConnection: @unchecked Sendable {  // `socket` is touched on `queue` only
  private let queue = DispatchQueue(label: "raw-http-connection")
  private let socket: RawSocket

  private init(_ socket: RawSocket) { self.socket = socket }

  /// Connects to a numeric address.
  ///
  /// - Parameter patience: how long any single wait may last before the operation throws `timedOut`.
  public static func open(
    host: String, port: Int, patience: Duration = .seconds(120)
  ) async throws -> RawHTTPConnection {
    try await opening { () throws(RawHTTPError) in try RawSocket(host: host, port: port, patience: patience) }
  }

  /// Connects to a socket in the file system.
  public static func open(unixPath path: String, patience: Duration = .seconds(120)) async throws -> RawHTTPConnection {
    try await opening { () throws(RawHTTPError) in try RawSocket(path: path, patience: patience) }
  }

  private static func opening(
    _ make: @escaping @Sendable () throws(RawHTTPError) -> RawSocket
  ) async throws -> RawHTTPConnection {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "raw-http-open").async {
        continuation.resume(with: Result { RawHTTPConnection(try make()) })
      }
    }
  }

  /// Sends bytes exactly as given. Returns also when the server stops reading: its answer then says why.
  public func send(_ bytes: [UInt8]) async throws {
    try await perform { try $0.write(bytes) }
  }

  /// Sends text as UTF-8.
  public func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  /// Receives one complete answer, with the 1xx answers before it.
  ///
  /// - Parameter method: the method of the request that this answers.
  public func receive(to method: String = "GET") async throws -> RawResponse {
    try await perform { try $0.readResponse(to: method) }
  }

  /// Receives only a status line and its fields, also those of a 1xx answer. For requests whose body is still to come.
  public func receiveStatus() async throws -> Int {
    try await perform { try $0.readHead().status }
  }

  /// Sends bytes and receives the answer to them.
  public func exchange(_ bytes: [UInt8], method: String = "GET") async throws -> RawResponse {
    try await perform {
      try $0.write(bytes)
      return try $0.readResponse(to: method)
    }
  }

  /// Sends text and receives the answer to it.
  public func exchange(_ text: String, method: String = "GET") async throws -> RawResponse {
    try await exchange(Array(text.utf8), method: method)
  }

  /// Half closes: nothing more will be sent, answers can still come.
  public func finishSending() async throws { try await perform { $0.finishWriting() } }

  /// Waits until the server closes the connection.
  ///
  /// - Returns: the bytes that still came before it did.
  public func receiveUntilClosed() async throws -> [UInt8] {
    try await perform {
      while try $0.fill() {}
      return $0.take(upTo: $0.available)
    }
  }

  /// Closes in order.
  public func close() async throws { try await perform { $0.close() } }

  /// Breaks the connection with a reset, as a client does that dies.
  public func abort() async throws { try await perform { $0.abort() } }

  private func perform<Result: Sendable>(
    _ body: @escaping @Sendable (RawSocket) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Swift.Result { try body(self.socket) }) }
    }
  }
}
