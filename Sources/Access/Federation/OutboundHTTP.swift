import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI
import Synchronization

/// What another server answered.
public struct OutboundResponse: Sendable {
  public let status: Int
  public let body: [UInt8]

  public init(status: Int, body: [UInt8]) {
    self.status = status
    self.body = body
  }
}

/// Asks identity providers. A port, so that tests can play them.
public protocol OutboundHTTP: Sendable {
  /// - Throws: when there is no answer in time, or one that is too large.
  func get(_ url: String) async throws -> OutboundResponse
  func post(_ url: String, form: [(String, String)], authorization: String?) async throws -> OutboundResponse
}

/// The network. Follows no redirects: what a provider says is at one address, and a provider cannot send us elsewhere.
public final class NetworkHTTP: OutboundHTTP {
  /// For the whole of a question and its answer: somebody waits to log in meanwhile.
  public static let usualTimeout: Duration = .seconds(5)
  static let bodyLimitBytes = 1 << 20

  private let timeout: TimeAmount
  /// Made when it is first needed: most registries ask nobody.
  private let made = Mutex<HTTPClient?>(nil)

  public init(timeout: Duration = usualTimeout) { self.timeout = TimeAmount(timeout) }

  private var client: HTTPClient {
    made.withLock { made in
      if let made { return made }
      var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
      configuration.timeout.connect = timeout
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
      made = client
      return client
    }
  }

  public func get(_ url: String) async throws -> OutboundResponse {
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "accept", value: "application/json")
    return try await send(request)
  }

  public func post(
    _ url: String, form: [(String, String)], authorization: String?
  ) async throws -> OutboundResponse {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
    request.headers.add(name: "accept", value: "application/json")
    if let authorization { request.headers.add(name: "authorization", value: authorization) }
    let text = form.map { "\(PercentCoding.encoded($0.0))=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
    request.body = .bytes(ByteBuffer(string: text))
    return try await send(request)
  }

  private func send(_ request: HTTPClientRequest) async throws -> OutboundResponse {
    let response = try await client.execute(request, timeout: timeout)
    let body = try await response.body.collect(upTo: Self.bodyLimitBytes)
    return OutboundResponse(status: Int(response.status.code), body: Array(buffer: body))
  }

  /// Closes connections. Nobody may be asked afterwards.
  public func close() async {
    let client = made.withLock { made in
      defer { made = nil }
      return made
    }
    try? await client?.shutdown()
  }
}
