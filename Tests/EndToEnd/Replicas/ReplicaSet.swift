import Foundation
import TestSupport
import Testing

/// Replicas of the real binary over a PostgreSQL and an object store that the test may stop, pause and spoil.
struct ReplicaSet: Sendable {
  let postgres: PostgresServer
  let objects: ObjectStoreServer
  let bucket: ObjectStoreServer.Bucket
  /// Between the replicas and the database.
  let databaseProxy: ChaosProxy
  /// Between the replicas and the object store.
  let objectsProxy: S3Recorder
  let replicas: [ServerProcess]

  /// A proxy in front of each replica, for clients.
  func clientProxies(seed: UInt64) throws -> [HTTPChaosProxy] {
    try addresses.map { try HTTPChaosProxy(to: $0.port, seed: seed) }
  }

  var addresses: [Address] { replicas.map(\.address) }

  static func environment(_ bucket: ObjectStoreServer.Bucket) -> [String: String] {
    ["AWS_ACCESS_KEY_ID": bucket.accessKey, "AWS_SECRET_ACCESS_KEY": bucket.secretKey]
  }
}

/// Starts replicas, runs a test against them, and ends everything whatever happens.
///
/// - Parameter seed: of what the proxy before the database does.
func withReplicas(
  _ count: Int, configuration: String = "", seed: UInt64 = 0, _ body: (ReplicaSet, Workspace) async throws -> Void
) async throws {
  let workspace = try Workspace()
  let postgres = try await PostgresServer.start()
  let objects = try await ObjectStoreServer.start()
  let bucket = try await objects.freshBucket()
  let proxy = try ChaosProxy(to: postgres.port, seed: seed)
  let recorder = try S3Recorder(to: objects)
  let direct = try await postgres.freshDatabase()
  let database = direct.replacing(":\(postgres.port)/", with: ":\(proxy.port)/")
  let file = try workspace.write(configuration, to: "berth.yaml")
  var replicas: [ServerProcess] = []
  for number in 0..<count {
    let parts = ["--database", database, "--blobs", bucket.location(throughPort: recorder.port)]
    replicas.append(
      try ServerProcess(
        dataDirectory: workspace.file("unused-\(number)"), configuration: file, parts: parts,
        environment: ReplicaSet.environment(bucket)))
  }
  do {
    for replica in replicas { try await replica.start() }
    try await body(
      ReplicaSet(
        postgres: postgres, objects: objects, bucket: bucket, databaseProxy: proxy, objectsProxy: recorder,
        replicas: replicas), workspace)
  } catch {
    Issue.record("\(error)\n\(replicas.map(\.story).joined(separator: "\n"))")
  }
  for (number, replica) in replicas.enumerated() {
    await replica.killHard()
    Attachment.record(replica.story, named: "replica-\(number).log")
  }
  proxy.stop()
  recorder.stop()
  try await postgres.stop()
  try await objects.stop()
  workspace.remove()
}

extension ReplicaSet {
  /// As ``pushingThroughAll(through:by:toleratesUnavailable:leastAcknowledged:while:)``, through all replicas.
  func pushing(
    by ways: [Address]? = nil, toleratesUnavailable: Bool = true, leastAcknowledged: Int = 50,
    while body: () async throws -> Void
  ) async throws {
    try await EndToEnd.pushingThroughAll(
      through: replicas, by: ways, toleratesUnavailable: toleratesUnavailable, leastAcknowledged: leastAcknowledged,
      while: body)
  }
}

extension EndToEnd {
  /// Pushes, deletes and collects through all replicas while `body` makes trouble; then everything that was acknowledged must
  /// be there, on every replica.
  ///
  /// - Parameter ways: where those who push connect to; nil: to the replicas themselves.
  static func pushingThroughAll(
    through replicas: [ServerProcess], by ways: [Address]? = nil, toleratesUnavailable: Bool = true,
    leastAcknowledged: Int = 50,
    while body: () async throws -> Void
  ) async throws {
    try await pushAndVerify(
      through: replicas, by: ways, toleratesUnavailable: toleratesUnavailable, leastAcknowledged: leastAcknowledged,
      while: body)
    let check = try await replicas[0].check()
    #expect(check.succeeded, "\(check.story)")
  }

  /// As ``pushingThroughAll(through:by:toleratesUnavailable:leastAcknowledged:while:)``, without `berth check` at the end.
  static func pushAndVerify(
    through replicas: [ServerProcess], by ways: [Address]? = nil, toleratesUnavailable: Bool = true,
    leastAcknowledged: Int = 50,
    while body: () async throws -> Void
  ) async throws {
    let addresses = replicas.map(\.address)
    let ledger = Ledger()
    let stop = StopSign()
    let shared = (0..<6).map { _ in randomBytes(8_000) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          try await onOwnThread {
            Pusher(
              number, ways ?? addresses, ledger, sharedLayers: shared, stop: stop,
              toleratesUnavailable: toleratesUnavailable
            ).run()
          }
        }
      }
      do {
        try await body()
      } catch {
        stop.raise()
        throw error
      }
      // On a machine that has much to do, the faults are over before enough was pushed.
      try? await eventually("enough was pushed") {
        let contents = ledger.now
        return contents.acknowledged.count > leastAcknowledged || !contents.complaints.isEmpty
      }
      stop.raise()
      try await group.waitForAll()
    }
    let contents = ledger.now
    #expect(contents.complaints.isEmpty, "\(contents.complaints.prefix(10))")
    #expect(
      contents.acknowledged.count > leastAcknowledged, "too little was pushed to tell anything\n\(replicas[0].story)")
    // Collection gets its time with everything that is now unreferenced; what is referenced must outlive it.
    try await Task.sleep(for: .seconds(4))
    for address in addresses { try await contents.verify(at: address) }
  }

  /// Starts replicas over parts that the test has started, runs it, and ends them whatever happens.
  static func withReplicaProcesses(
    _ count: Int, database: String, bucket: ObjectStoreServer.Bucket, configuration: String = "",
    _ body: ([ServerProcess]) async throws -> Void
  ) async throws {
    let workspace = try Workspace()
    let file = try workspace.write(configuration, to: "berth.yaml")
    let replicas = try (0..<count).map { number in
      try ServerProcess(
        dataDirectory: workspace.file("unused-\(number)"), configuration: file,
        parts: ["--database", database, "--blobs", bucket.location], environment: ReplicaSet.environment(bucket))
    }
    do {
      for replica in replicas { try await replica.start() }
      try await body(replicas)
    } catch {
      Issue.record("\(error)\n\(replicas.map(\.story).joined(separator: "\n"))")
    }
    for (number, replica) in replicas.enumerated() {
      await replica.killHard()
      Attachment.record(replica.story, named: "replica-\(number).log")
    }
    workspace.remove()
  }
}
