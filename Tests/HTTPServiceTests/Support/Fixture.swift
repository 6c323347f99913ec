import BlobStorage
import Glibc
import Ground
import HTTPService
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

/// Starts a registry, hands it to `body`, and stops it whatever happens.
func serving(
  registry: Registry.Settings = .init(), http: HTTPServiceSettings = .init(),
  addresses: [HTTPServer.Address] = [.tcp(host: "127.0.0.1", port: 0)], certificate: TestRegistry.Certificate? = nil,
  log: RequestLog? = nil, time: any TimeSource = SystemTime(), access: TestRegistry.Access = .open,
  _ body: (TestRegistry) async throws -> Void
) async throws {
  let server = try await TestRegistry.start(
    registry: registry, http: http, addresses: addresses, certificate: certificate, log: log, time: time,
    access: access)
  let outcome: Result<Void, any Error>
  do {
    try await body(server)
    outcome = .success(())
  } catch {
    // The parent of an exit test sees issues, and not the text of what was thrown.
    Issue.record("\(error)")
    outcome = .failure(error)
  }
  try await server.stop()
  try outcome.get()
}

extension TestRegistry {
  func connect() async throws -> RawHTTPConnection { try await .open(host: host, port: port) }

  var client: RawHTTPClient { RawHTTPClient(host: host, port: port) }

  /// A connection that asks for something and reads nothing yet.
  func connect(sending text: String) async throws -> RawHTTPConnection {
    let connection = try await connect()
    try await connection.send(text)
    return connection
  }

  /// The value of a series of `/metrics`, 0 when it is not there.
  func figure(_ series: String) -> Double {
    let lines = metrics.text().split(separator: "\n").filter {
      $0.hasPrefix(series + " ") || $0.hasPrefix(series + "{")
    }
    return lines.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
  }

  /// Pushes a blob in one request and answers its path.
  @discardableResult
  func push(_ bytes: [UInt8], to name: String = "acme/api") async throws -> String {
    let answer = try await client(
      "POST", "/v2/\(name)/blobs/uploads/?digest=\(digest(of: bytes))", body: .bytes(bytes))
    try #require(answer.status == 201, "\(answer)")
    return "/v2/\(name)/blobs/\(digest(of: bytes))"
  }

  /// Begins an upload and answers its path.
  func startUpload(to name: String = "acme/api") async throws -> String {
    let answer = try await client("POST", "/v2/\(name)/blobs/uploads/")
    try #require(answer.status == 202, "\(answer)")
    return try #require(answer.first("Location"))
  }

  /// Whether the registry still serves somebody new.
  ///
  /// Asks more than once: with limits as short as a test's, a busy machine may be too slow to say its own request in time.
  func isWell() async throws -> Bool {
    for _ in 0..<20 {
      do {
        return try await client("GET", "/v2/").status == 200
      } catch RawHTTPError.closedEarly {}
    }
    return false
  }
}

/// An HTTP/1.1 request without a body.
func request(_ method: String, _ target: String, _ lines: String = "") -> String {
  "\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"
}

func digest(of bytes: [UInt8]) -> String {
  bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0).description }
}

/// Bytes that no other call gives.
func uniqueBytes(_ count: Int) -> [UInt8] {
  let number = UInt64(Unique.number())
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    var state = number &* 0x9E37_79B9_7F4A_7C15
    for index in 0..<count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      buffer[index] = UInt8(truncatingIfNeeded: state >> 33)
    }
    initialized = count
  }
}

enum Unique {
  private static let counter = Atomic<Int>(0)
  static func number() -> Int { counter.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// Something that was to happen did not.
struct NotSeen: Error, CustomStringConvertible {
  let description: String
}

/// Asks again until the answer is yes.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(30)
  while clock.now < deadline {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  throw NotSeen(description: "not seen within 30 seconds: \(what)")
}

/// Limits so short that a test need not wait for them; each test sets the one that it is about.
func limits(_ change: (inout ConnectionLimits) -> Void) -> HTTPServiceSettings {
  var settings = HTTPServiceSettings()
  change(&settings.limits)
  return settings
}

/// A time of day that a test moves.
final class MovableTime: TimeSource {
  private let offset = Mutex<Duration>(.zero)
  private let system = SystemTime()
  func advance(by duration: Duration) { offset.withLock { $0 += duration } }
  var now: Timestamp { system.now + offset.withLock { $0 } }
  var monotonicNanoseconds: Int64 { system.monotonicNanoseconds }
  func sleep(for duration: Duration) async throws { try await system.sleep(for: duration) }
}

/// A time that goes on by itself, and further where a test says so.
final class SkippingTime: TimeSource {
  private let skipped = Mutex<Duration>(.zero)
  private let system = SystemTime()
  func skip(_ duration: Duration) { skipped.withLock { $0 += duration } }
  var now: Timestamp { system.now + skipped.withLock { $0 } }
  var monotonicNanoseconds: Int64 { system.monotonicNanoseconds + skipped.withLock { $0 }.wholeMicroseconds * 1000 }
  func sleep(for duration: Duration) async throws { try await system.sleep(for: duration) }
}

/// Whether two arrays are equal. A failing `==` in an expectation would look for their difference, for hours.
func same(_ left: [UInt8], _ right: [UInt8]) -> Bool { left == right }
