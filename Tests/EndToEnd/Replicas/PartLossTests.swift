import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A part has no room, or is lost and another takes its place.
  @Suite struct PartLossTests {
    @Test("PostgreSQL fails over to a standby in the middle of pushes; what was acknowledged is there")
    func failover() async throws {
      let first = try await PostgresServer.start(.init(maxConnections: 60))
      let url = try await first.freshDatabase()
      let name = String(url.split(separator: "/").last ?? "")
      let second = try await first.standby()
      let bucket = try await ObjectStoreServer.shared().freshBucket()
      try await EndToEnd.withReplicaProcesses(
        2, database: first.url(database: name, orOn: second), bucket: bucket,
        configuration: ServerSettings.eagerCollection
      ) { replicas in
        try await EndToEnd.pushingThroughAll(through: replicas) {
          try await Task.sleep(for: .seconds(2))
          await first.kill()
          try await second.promote()
          try await Task.sleep(for: .seconds(3))
        }
      }
      try await second.stop()
      try await first.stop()
    }

    @Test("PostgreSQL has fewer connections than the replicas want")
    func outOfConnections() async throws {
      let postgres = try await PostgresServer.start(.init(maxConnections: 12))
      let database = try await postgres.freshDatabase()
      let bucket = try await ObjectStoreServer.shared().freshBucket()
      try await EndToEnd.withReplicaProcesses(
        2, database: database, bucket: bucket, configuration: ServerSettings.eagerCollection
      ) { replicas in
        try await EndToEnd.pushAndVerify(through: replicas) { try await Task.sleep(for: .seconds(4)) }
        // What they hold is all there is.
        await replicas[1].killHard()
        try await eventually("berth check finds a connection, and all is well") {
          try await replicas[0].check().succeeded
        }
      }
      try await postgres.stop()
    }

    @Test("a full disk of PostgreSQL is told as such, pulls go on, and pushes do once there is room")
    func databaseDiskFull() async throws {
      let postgres = try await PostgresServer.start(.init(maxConnections: 60, diskLimitMiB: 200))
      let database = try await postgres.freshDatabase()
      let bucket = try await ObjectStoreServer.shared().freshBucket()
      try await EndToEnd.withReplicaProcesses(1, database: database, bucket: bucket) { replicas in
        let address = replicas[0].address
        let kept = randomBytes(1000)
        #expect(try await Self.push(kept, at: address) == 201)
        try postgres.fillDisk()
        var statuses: Set<Int> = []
        for _ in 0..<3000 {
          let status = try await Self.push(randomBytes(100), at: address)
          statuses.insert(status)
          if status != 201 { break }
        }
        #expect(statuses.isSubset(of: [201, 507, 503]) && statuses.count > 1, "\(statuses)")
        let read = try await RegistryReader.get(address, "/v2/acme/full/blobs/\(sha256(kept))")
        #expect(read.body == kept)
        try postgres.freeDisk()
        try await eventually("pushes go on") { try await Self.push(randomBytes(100), at: address) == 201 }
      }
      try await postgres.stop()
    }

    @Test("a node of the object store's cluster is killed in the middle of pushes")
    func clusterNode() async throws {
      let cluster = try await ObjectStoreCluster.start()
      let bucket = try await cluster.freshBucket()
      let database = try await PostgresServer.shared().freshDatabase()
      try await EndToEnd.withReplicaProcesses(
        2, database: database, bucket: bucket, configuration: ServerSettings.eagerCollection
      ) { replicas in
        try await EndToEnd.pushingThroughAll(through: replicas, leastAcknowledged: 20) {
          try await Task.sleep(for: .seconds(3))
          await cluster.killNode(1)
          try await Task.sleep(for: .seconds(5))
        }
      }
      try await cluster.stop()
    }

    private static func push(_ bytes: [UInt8], at address: Address) async throws -> Int {
      try await onOwnThread {
        try HTTPConnection(address, timeoutSeconds: 60).request(
          "POST", "/v2/acme/full/blobs/uploads/?digest=\(sha256(bytes))", body: bytes
        ).status
      }
    }
  }
}
