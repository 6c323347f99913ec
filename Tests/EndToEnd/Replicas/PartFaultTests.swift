import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// The database and the object store fail under replicas that are pushed to.
  @Suite struct PartFaultTests {
    @Test("PostgreSQL restarts, crashes, and breaks all connections in the middle of pushes")
    func databaseRestarts() async throws {
      try await withReplicas(2, configuration: ServerSettings.eagerCollection) { set, _ in
        try await set.pushing {
          try await Task.sleep(for: .seconds(1))
          try await set.postgres.restart(.fast)
          try await Task.sleep(for: .seconds(1))
          try await set.postgres.restart(.immediate)
          try await Task.sleep(for: .seconds(1))
          for _ in 0..<5 {
            set.databaseProxy.cutAll()
            try await Task.sleep(for: .milliseconds(300))
          }
          try await set.postgres.breakConnections()
          try await Task.sleep(for: .seconds(1))
        }
      }
    }

    @Test("PostgreSQL stands still for 20 s, then refuses connections; reads and pushes come back by themselves")
    func databasePauses() async throws {
      try await withReplicas(2, configuration: ServerSettings.eagerCollection) { set, _ in
        try await set.pushing {
          try await Task.sleep(for: .seconds(1))
          set.postgres.pause()
          try await Task.sleep(for: .seconds(2))
          let ready = try await RegistryReader.get(set.addresses[0], "/readyz")
          #expect(ready.status == 503, "\(ready.text)")
          try await Task.sleep(for: .seconds(18))
          set.postgres.resume()
          try await eventually("it is ready again") {
            (try? await RegistryReader.get(set.addresses[0], "/readyz"))?.status == 200
          }
          try await Task.sleep(for: .seconds(1))
          set.databaseProxy.refuseConnections(true)
          set.databaseProxy.cutAll()
          try await Task.sleep(for: .seconds(2))
          set.databaseProxy.refuseConnections(false)
          try await Task.sleep(for: .seconds(2))
        }
      }
    }

    @Test("the object store says 503, is slow, then dies and comes back; what was acknowledged is there")
    func objectStoreFails() async throws {
      try await withReplicas(2, configuration: ServerSettings.eagerCollection) { set, _ in
        try await set.pushing {
          try await Task.sleep(for: .seconds(1))
          set.objectsProxy.follow([S3FaultRule(.status(503))])
          try await Task.sleep(for: .seconds(5))
          set.objectsProxy.follow([S3FaultRule(.delay(.milliseconds(500)))])
          try await Task.sleep(for: .seconds(3))
          set.objectsProxy.follow([])
          try await Task.sleep(for: .seconds(1))
          try await set.objects.restart()
          try await Task.sleep(for: .seconds(3))
        }
      }
    }

    @Test("an object that was removed behind our back is told as such, and the next push of it heals it")
    func objectRemoved() async throws {
      try await withReplicas(2) { set, _ in
        for size in [500, 300_000] {
          let bytes = randomBytes(size)
          let digest = sha256(bytes)
          let before = Set(try await set.bucket.backdoor.keys())
          try await Self.push(bytes, at: set.addresses[0])
          let key = try #require(Set(try await set.bucket.backdoor.keys()).subtracting(before).first)
          try await set.bucket.backdoor.remove(key)
          let lost = try await RegistryReader.get(set.addresses[1], "/v2/acme/lost/blobs/\(digest)")
          #expect(lost.status == 404, "\(lost.status) \(lost.text)")
          #expect(lost.text.contains("BLOB_UNKNOWN"))
          let check = try await set.replicas[0].check(["--report-only"])
          #expect(!check.succeeded)
          #expect(check.story.contains(digest))
          try await Self.push(bytes, at: set.addresses[0])
          let healed = try await RegistryReader.get(set.addresses[1], "/v2/acme/lost/blobs/\(digest)")
          #expect(healed.body == bytes)
        }
      }
    }

    @Test("bytes that the object store spoils on their way are fetched again; damaged ones are set aside and healed")
    func spoiltBytes() async throws {
      try await withReplicas(2) { set, _ in
        let bytes = randomBytes(3000)
        let digest = sha256(bytes)
        let before = Set(try await set.bucket.backdoor.keys())
        try await Self.push(bytes, at: set.addresses[0])
        let key = try #require(Set(try await set.bucket.backdoor.keys()).subtracting(before).first)
        set.objectsProxy.follow([S3FaultRule(.spoilAnswer, on: [.getObject], times: 1)])
        let read = try await RegistryReader.get(set.addresses[1], "/v2/acme/lost/blobs/\(digest)")
        #expect(read.status == 200 && read.body == bytes)
        // Now they are wrong where they lie; each replica keeps small blobs in memory, so the reader is a fresh one.
        try await set.bucket.backdoor.put(bytes.map { $0 ^ 1 }, at: key)
        await set.replicas[1].killHard()
        try await set.replicas[1].start()
        let damaged = try await RegistryReader.get(set.addresses[1], "/v2/acme/lost/blobs/\(digest)")
        #expect(damaged.status == 404, "\(damaged.status)")
        try await Self.push(bytes, at: set.addresses[0])
        let healed = try await RegistryReader.get(set.addresses[1], "/v2/acme/lost/blobs/\(digest)")
        #expect(healed.body == bytes)
      }
    }

    private static func push(_ bytes: [UInt8], at address: Address) async throws {
      try await onOwnThread {
        let connection = try HTTPConnection(address)
        let started = try connection.request("POST", "/v2/acme/lost/blobs/uploads/", body: [])
        let location = try #require(started.headers["location"])
        let done = try connection.request("PUT", "\(location)?digest=\(sha256(bytes))", body: bytes)
        #expect(done.status == 201, "\(done.text)")
      }
    }
  }
}
