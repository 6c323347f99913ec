import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Upkeep

/// Machines of replicas tell different times. What is decided by time is decided by the database's, for all of them alike.
@Suite struct `Replicas whose clocks differ` {
  private static let skews: [Duration] = [.seconds(600), .seconds(-600)]
  private static let blob = SampleBlob(seed: 7, size: 200_000)

  /// The threads of the runtime are as few as the cores. Claims are a matter of seconds: who queued there behind tests that
  /// compute would lose them, as a server does not, which has threads of its own.
  private static let workers = WorkerPool(name: "clock-tests", threads: 4)

  /// One replica whose clock is right, and one whose clock is wrong, over the same database and store.
  private static func withReplicas(
    _ skew: Duration, _ settings: Registry.Settings, _ body: (SimulatedClient, SimulatedClient) async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(workers) { try await run(skew, settings, body) }
  }

  private static func run(
    _ skew: Duration, _ settings: Registry.Settings, _ body: (SimulatedClient, SimulatedClient) async throws -> Void
  ) async throws {
    let installation = try await TestInstallation(.postgresAndObjects)
    let right = try await TestRegistry.start(over: installation, registry: settings)
    let wrong = try await TestRegistry.start(over: installation, registry: settings, time: SkewedTime(ahead: skew))
    try await body(
      try SimulatedClient(right.registry, "acme/api"), try SimulatedClient(wrong.registry, "acme/api"))
    try await right.stop()
    try await wrong.stop()
    try installation.remove()
  }

  @Test(arguments: skews) func `go on with an upload in turn, and none takes it for expired`(skew: Duration)
    async throws
  {
    var settings = Registry.Settings()
    // Shorter than the clocks differ, longer than this takes.
    settings.uploadsExpireAfter = .seconds(300)
    try await Self.withReplicas(skew, settings) { right, wrong in
      for (first, second) in [(right, wrong), (wrong, right)] {
        let bytes = Self.blob.bytes
        let token = first.registry.beginUpload(permit: first.push)
        var offset = 0
        for (number, client) in [first, second, first].enumerated() {
          let end = bytes.count * (number + 1) / 3
          _ = try await client.registry.append(
            Pieces(bytes[offset..<end]), to: token, at: Int64(offset), AppendExtent(length: Int64(end - offset)))
          offset = end
          for replica in [right, wrong] {
            let expired = try await replica.registry.expiredUploads()
            #expect(expired.isEmpty)
          }
        }
        try await second.registry.finishUpload(token, as: Self.blob.digest, permit: second.push)
        #expect(try await first.blob(Self.blob.digest) == bytes)
      }
    }
  }

  @Test(arguments: skews) func `keep what is leased, and collect what is not`(skew: Duration) async throws {
    var settings = Registry.Settings()
    settings.lease = .seconds(300)
    try await Self.withReplicas(skew, settings) { right, wrong in
      for (first, second) in [(right, wrong), (wrong, right)] {
        try await first.put(Self.blob)
        try await second.registry.collectAll()
        #expect(try await first.blob(Self.blob.digest) == Self.blob.bytes)
        try await first.deleteBlob(Self.blob.digest)
      }
      for replica in [right, wrong] {
        replica.registry.settings.lease = .zero
        try await replica.put(Self.blob)
        try await replica.registry.collectAll()
        #expect(try await replica.blob(Self.blob.digest) == nil)
      }
    }
  }

  @Test(arguments: skews) func `do a chore one at a time`(skew: Duration) async throws {
    try await Self.withReplicas(skew, .init()) { right, wrong in
      let claims = [
        ChoreClaims(database: right.registry.database, time: SystemTime()),
        ChoreClaims(database: wrong.registry.database, time: SkewedTime(ahead: skew)),
      ]
      for (number, (first, second)) in [(claims[0], claims[1]), (claims[1], claims[0])].enumerated() {
        let chore = "chore-\(number)"
        let rest = try await first.doing(chore) {
          let refused = try await second.doing(chore) {
            Issue.record("two do it at once")
            return .zero
          }
          #expect(refused == ChoreClaims.retryInterval)
          return .seconds(300)
        }
        #expect(rest == ChoreClaims.retryInterval)
        // It rests for both of them.
        _ = try await second.doing(chore) {
          Issue.record("it was done again at once")
          return .zero
        }
      }
    }
  }

  /// Files beside a shared database: those that a restart finds are as old as the database says.
  @Test func `let an upload go on that a restart finds`() async throws {
    let installation = try await TestInstallation(.postgresAndFiles)
    let first = try await TestRegistry.start(over: installation)
    let client = try SimulatedClient(first.registry, "acme/api")
    let token = first.registry.beginUpload(permit: client.push)
    _ = try await first.registry.append(Pieces(Self.blob.bytes[..<500]), to: token, at: 0, AppendExtent(length: 500))
    try await first.stop()
    let behind = SkewedTime(ahead: .seconds(-7 * 86_400))
    let second = try await TestRegistry.start(over: installation, time: behind)
    #expect(second.registry.openUploadCount == 1)
    #expect(try await second.registry.expiredUploads().isEmpty)
    try await second.stop()
    try installation.remove()
  }
}
