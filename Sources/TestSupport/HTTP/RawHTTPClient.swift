import Synchronization

/// Sends requests to one server and reuses connections as clients do: one is kept after an answer that allows it.
public final class RawHTTPClient: Sendable {
  public let host: String
  public let port: Int
  private let patience: Duration
  private let ports: [Int]
  private let turn = Atomic<Int>(0)
  private let idle = Mutex<[Int: [RawHTTPConnection]]>([:])

  /// - Parameters:
  ///   - host: a numeric address.
  ///   - others: ports of further replicas: each request goes to the next one in turn, as a balancer sends it.
  public init(host: String, port: Int, others: [Int] = [], patience: Duration = .seconds(120)) {
    self.host = host
    self.port = port
    ports = [port] + others
    self.patience = patience
  }

  /// The value of the `Host` field.
  public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// A fresh connection that this client will not use by itself.
  public func connect() async throws -> RawHTTPConnection { try await connect(to: port) }

  private func connect(to port: Int) async throws -> RawHTTPConnection {
    try await .open(host: host, port: port, patience: patience)
  }

  /// Sends a request and receives its answer.
  ///
  /// A kept connection may have been closed by the server in the meantime; then the request goes out once more on a new
  /// one.
  public func send(_ request: RawRequest) async throws -> RawResponse {
    let bytes = request.bytes(host: authority)
    let port = ports[turn.wrappingAdd(1, ordering: .relaxed).oldValue % ports.count]
    if let connection = idle.withLock({ $0[port]?.popLast() }) {
      do {
        return try await finish(try await connection.exchange(bytes, method: request.method), on: connection, port)
      } catch RawHTTPError.closedEarly(received: 0) {
        try await connection.close()
      }
    }
    let connection = try await connect(to: port)
    return try await finish(try await connection.exchange(bytes, method: request.method), on: connection, port)
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
      defer { list = [:] }
      return list.values.flatMap { $0 }
    }
    for connection in connections { try await connection.close() }
  }

  private func finish(
    _ response: RawResponse, on connection: RawHTTPConnection, _ port: Int
  ) async throws -> RawResponse {
    if response.keepsConnection {
      idle.withLock { $0[port, default: []].append(connection) }
    } else {
      try await connection.close()
    }
    return response
  }
}
