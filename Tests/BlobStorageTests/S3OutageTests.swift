import Ground
import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

@testable import BlobStorage

/// An object store that says 503 for a long time, by a clock that leaps.
@Suite struct `An object store that is out of order` {
  private static let content = "the content"
  private static let busy = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

  /// A server that answers 503 until `clock` has moved by `length`.
  private static func server(_ clock: LeapingClock, until length: Duration) throws -> ScriptedHTTPServer {
    try ScriptedHTTPServer(answering: { request in
      guard clock.slept >= length else { return .init(503, body: Array(busy.utf8)) }
      switch request.method {
      case "GET": return .init(206, body: Array(content.utf8))
      case "POST":
        return .init(200, body: Array("<R><UploadId>one</UploadId></R>".utf8))
      default: return .init(200, headers: [("ETag", "\"tag\"")])
      }
    })
  }

  private static func client(_ server: ScriptedHTTPServer, _ clock: LeapingClock, seed: UInt64) throws -> S3Client {
    let settings = S3Settings(location: try S3Location(parsing: "s3://bucket?endpoint=\(server.url)"))
    return try S3Client(
      settings, credentials: S3Credentials(accessKey: "key", secretKey: "secret"), time: clock,
      random: SeededRandom(seed: seed))
  }

  private static func read(_ client: S3Client) async throws -> String {
    let range = ByteRange(first: 0, last: Int64(content.utf8.count) - 1)
    return String(decoding: try await client.get("key", range).bytes(), as: UTF8.self)
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func `is waited for a minute, by those who read and those who write`(seed: UInt64) async throws {
    for step in 0..<3 {
      let clock = LeapingClock()
      let server = try Self.server(clock, until: .seconds(60))
      let client = try Self.client(server, clock, seed: seed)
      switch step {
      case 0: #expect(try await Self.read(client) == Self.content)
      case 1: try await client.put(ByteBuffer(string: "bytes"), to: "key", sha256: nil)
      default: _ = try await client.putPart(ByteBuffer(string: "bytes"), 1, of: "key", upload: "one")
      }
      #expect(clock.slept >= .seconds(60))
      #expect(client.figures.failures == 0)
      // Pauses grow: a minute is not thousands of requests.
      #expect((12...200).contains(client.figures.retries), "\(client.figures.retries)")
      try await client.shutdown()
      server.stop()
    }
  }

  @Test func `is given up after a while, and used again as soon as it answers`() async throws {
    let clock = LeapingClock()
    let server = try Self.server(clock, until: .seconds(130))
    let client = try Self.client(server, clock, seed: 1)
    do {
      _ = try await Self.read(client)
      Issue.record("nothing could be read")
    } catch ObjectStoreError.unavailable(let reason) {
      #expect(reason.contains("SlowDown"))
    }
    #expect(clock.slept > .seconds(60) && clock.slept < .seconds(80))
    #expect(client.figures.failures == 1)
    // The second wait reaches its end.
    #expect(try await Self.read(client) == Self.content)
    #expect(client.figures.failures == 1)
    try await client.shutdown()
    server.stop()
  }

  @Test func `is asked for nothing else by a read that it was given up on`() async throws {
    let clock = LeapingClock()
    let server = try Self.server(clock, until: .seconds(1000))
    let client = try Self.client(server, clock, seed: 1)
    let store = S3BlobStore(client, ledger: SimulatedLedger(), bufferBytes: 1)
    let blob = SampleBlob(seed: 1, size: 10)
    let stored = StoredBlob(digest: blob.digest, sizeBytes: 10, place: "blobs/one")
    await #expect(throws: ObjectStoreError.self) { _ = try await store.open(stored).collect() }
    #expect(!server.requests.isEmpty && server.requests.allSatisfy { $0.method == "GET" })
    #expect(clock.slept < .seconds(80))
    try await client.shutdown()
    server.stop()
  }
}

/// An object store whose answers begin as successes.
@Suite struct `An answer of an object store` {
  private static let listed =
    "<R><Contents><Key>blobs/one</Key><Size>1</Size></Contents><UploadId>one</UploadId></R>"

  private static func client(_ server: ScriptedHTTPServer, _ clock: LeapingClock) throws -> S3Client {
    let settings = S3Settings(location: try S3Location(parsing: "s3://bucket?endpoint=\(server.url)"))
    return try S3Client(
      settings, credentials: S3Credentials(accessKey: "key", secretKey: "secret"), time: clock,
      random: SeededRandom(seed: 1))
  }

  @Test func `that breaks off is asked for again, of lists, parts and what is made of parts`() async throws {
    // Each request is answered in full the third time it comes.
    let counts = Mutex<[String: Int]>([:])
    let server = try ScriptedHTTPServer(answering: { request in
      let count = counts.withLock { counts in
        counts["\(request.method) \(request.target)", default: 0] += 1
        return counts["\(request.method) \(request.target)", default: 0]
      }
      let body = Array(Self.listed.utf8)
      return .init(200, headers: [("ETag", "\"tag\"")], body: body, length: body.count + (count < 3 ? 1 : 0))
    })
    let client = try Self.client(server, LeapingClock())
    #expect(try await client.list(prefix: "", after: nil, limit: 1) == [ObjectListing(key: "blobs/one", sizeBytes: 1)])
    #expect(try await client.beginParts(of: "key") == "one")
    let tag = try await client.putPart(ByteBuffer(string: "bytes"), 1, of: "key", upload: "one")
    try await client.completeParts(
      of: "key", upload: "one", parts: [.init(number: 1, entityTag: tag, sizeBytes: 5)])
    #expect(client.figures.retries == 8 && client.figures.failures == 0, "\(client.figures)")
    try await client.shutdown()
    server.stop()
  }

  @Test func `that always breaks off is one of a store that cannot be reached`() async throws {
    let server = try ScriptedHTTPServer(answering: { _ in
      .init(200, headers: [("ETag", "\"tag\"")], body: Array(Self.listed.utf8), length: 1000)
    })
    let client = try Self.client(server, LeapingClock())
    do {
      _ = try await client.putPart(ByteBuffer(string: "bytes"), 1, of: "key", upload: "one")
      Issue.record("half an answer was taken for one")
    } catch ObjectStoreError.unavailable {}
    #expect(client.figures.failures == 1)
    try await client.shutdown()
    server.stop()
  }

  @Test func `that tells of an error after all is waited for like any other, with pauses`() async throws {
    let clock = LeapingClock()
    let server = try ScriptedHTTPServer(answering: { _ in
      let failed = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
      return .init(200, body: Array((clock.slept < .seconds(60) ? failed : Self.listed).utf8))
    })
    let client = try Self.client(server, clock)
    try await client.completeParts(
      of: "key", upload: "one", parts: [.init(number: 1, entityTag: "tag", sizeBytes: 5)])
    #expect((12...200).contains(client.figures.retries) && client.figures.failures == 0, "\(client.figures)")
    try await client.shutdown()
    server.stop()
  }
}
