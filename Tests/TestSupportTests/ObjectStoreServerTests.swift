import TestSupport
import Testing

/// The object store of the tests does what tests of faults will ask of it.
@Suite struct ObjectStoreServerTests {
  @Test("every test has a bucket of its own, and can look into it past S3")
  func buckets() async throws {
    let server = try await ObjectStoreServer.shared()
    let (first, second) = (try await server.freshBucket(), try await server.freshBucket())
    try await first.backdoor.put([1, 2, 3], at: "a/b")
    try await first.backdoor.put([], at: "c")
    #expect(try await first.backdoor.keys() == ["a/b", "c"])
    #expect(try await second.backdoor.keys() == [])
    #expect(try await first.backdoor.bytes(of: "a/b") == [1, 2, 3])
    try await first.backdoor.remove("a/b")
    #expect(try await first.backdoor.bytes(of: "a/b") == nil)
    #expect(try await first.backdoor.unfinishedUploads() == [])
  }

  @Test("what was written is there after a kill")
  func restart() async throws {
    let server = try await ObjectStoreServer.start()
    let bucket = try await server.freshBucket()
    let bytes = [UInt8](repeating: 7, count: 200_000)
    try await bucket.backdoor.put(bytes, at: "kept")
    try await server.restart()
    #expect(try await bucket.backdoor.bytes(of: "kept") == bytes)
    try await server.stop()
  }

  @Test("with one node of three killed, what was written is read, and writing goes on")
  func cluster() async throws {
    let cluster = try await ObjectStoreCluster.start()
    let bucket = try await cluster.freshBucket()
    let bytes = [UInt8](repeating: 9, count: 300_000)
    for number in 0..<12 { try await bucket.backdoor.put(bytes, at: "before\(number)") }
    await cluster.killNode(1)
    for number in 0..<12 { #expect(try await bucket.backdoor.bytes(of: "before\(number)") == bytes) }
    var written = false
    for _ in 0..<100 where !written { written = (try? await bucket.backdoor.put(bytes, at: "after")) != nil }
    #expect(try await bucket.backdoor.bytes(of: "after") == bytes, "\(cluster.log)")
    try await cluster.stop()
  }
}
