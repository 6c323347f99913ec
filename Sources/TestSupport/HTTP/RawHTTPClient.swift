import Synchronization

/// Sends requests to one server and reuses connections as clients do: one is kept after an answer that allows it.
public final class RawHTTPClient: Sendable {
  public let host: String
  public let port: Int
  private let patience: Duration
  private let idle = Mutex<[RawHTTPConnection]>([])

  /// - Parameter host: a numeric address.
  public init(host: String, port: Int, patience: Duration = .seconds(30)) {
    self.host = host
    self.port = port
    self.patience = patience
  }

  /// The value of the `Host` field.
  public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// A fresh connection that this client will not use by itself.
  public func connect() async throws -> RawHTTPConnection {
    try await .open(host: host, port: port, patience: patience)
  }

  /// Sends a request and receives its answer.
  ///
  /// A kept connection may have been closed by the server in the meantime; then the request goes out once more on a new
  /// one.
  public func send(_ request: RawRequest) async throws -> RawResponse {
    let bytes = request.bytes(host: authority)
    if let connection = idle.withLock({ $0.popLast() }) {
      do {
        return try await finish(try await connection.exchange(bytes, method: request.method), on: connection)
      } catch RawHTTPError.closedEarly(received: 0) {
        try await connection.close()
      }
    }
    let connection = try await connect()
    return try await finish(try await connection.exchange(bytes, method: request.method), on: connection)
  }

  /// Sends a request and receives its answer; fields are given as a literal, in order.
  public func callAsFunction(
    _ method: String, _ target: String, _ fields: KeyValuePairs<String, String> = [:], body: RawBody = .none
  ) async throws -> RawResponse {
    try await send(RawRequest(method, target, fields.map { RawField($0.key, $0.value) }, body: body))
  }

  /// Closes the kept connections.
  public func close() async throws {
    let connections = idle.withLock { list in
      defer { list = [] }
      return list
    }
    for connection in connections { try await connection.close() }
  }

  private func finish(_ response: RawResponse, on connection: RawHTTPConnection) async throws -> RawResponse {
    if response.keepsConnection {
      idle.withLock { $0.append(connection) }
    } else {
      try await connection.close()
    }
    return response
  }
}
