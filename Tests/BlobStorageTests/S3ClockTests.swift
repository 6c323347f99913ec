import Ground
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// A store whose clock is far from this machine's. To `HEAD` it cannot say so: the answer has no body.
@Suite struct `A store that refuses without a reason` {
  private static let day = "20261126T16"
  private static let date = [(name: "Date", value: "Thu, 26 Nov 2026 16:40:49 GMT")]

  private static func client(_ server: ScriptedHTTPServer) throws -> S3Client {
    let settings = S3Settings(location: try S3Location(parsing: "s3://bucket?endpoint=\(server.url)"))
    return try S3Client(
      settings, credentials: S3Credentials(accessKey: "key", secretKey: "secret"), time: LeapingClock(),
      random: SeededRandom(seed: 1))
  }

  /// Whether a request was signed with the time of the store.
  private static func isOfStore(_ request: ScriptedHTTPServer.Request) -> Bool {
    request.head.lowercased().contains("x-amz-date: \(day.lowercased())")
  }

  @Test func `is asked once more with its own time, which is kept when it was that`() async throws {
    let server = try ScriptedHTTPServer(answering: { request in
      .init(Self.isOfStore(request) ? 200 : 403, headers: Self.date, length: 7)
    })
    let client = try Self.client(server)
    #expect(try await client.size(of: "key") == 7)
    #expect(try await client.size(of: "key") == 7)
    #expect(server.requests.map(Self.isOfStore) == [false, true, true])
    #expect(client.figures.failures == 0)
    try await client.shutdown()
    server.stop()
  }

  @Test func `is asked no more than that, and its time is forgotten, when it was another reason`() async throws {
    let server = try ScriptedHTTPServer(answering: { _ in .init(403, headers: Self.date) })
    let client = try Self.client(server)
    for _ in 0..<2 { await #expect(throws: ObjectStoreError.self) { try await client.size(of: "key") } }
    #expect(server.requests.map(Self.isOfStore) == [false, true, false, true])
    #expect(client.figures.failures == 2 && client.figures.retries == 0)
    try await client.shutdown()
    server.stop()
  }

  @Test func `is believed to have another reason where it does not tell the time`() async throws {
    let silent = try ScriptedHTTPServer(answering: { _ in .init(403) })
    let client = try Self.client(silent)
    await #expect(throws: ObjectStoreError.self) { try await client.size(of: "key") }
    #expect(silent.requests.count == 1)
    try await client.shutdown()
    silent.stop()
  }
}
