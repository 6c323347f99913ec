import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Several replicas over one database and one object store, as an organisation runs them.
  @Suite struct ReplicaTests {
    @Test("whatever any replica acknowledged survives kill -9 of any of three, with collection running on all")
    func killLoop() async throws {
      try await withReplicas(3, configuration: ServerSettings.eagerCollection) { set, _ in
        try await set.pushing(toleratesUnavailable: false, leastAcknowledged: 100) {
          for round in 0..<6 {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1000...2000)))
            let replica = set.replicas[round % set.replicas.count]
            await replica.killHard()
            try await Task.sleep(for: .milliseconds(300))
            try await replica.start()
          }
        }
      }
    }

    @Test("podman pushes through one replica and pulls through the other while the first is killed")
    func podman() async throws {
      let image = try await SharedImages.shared.debian()
      try await withReplicas(2) { set, workspace in
        let name = "acme/replicas:1"
        try await Podman(in: workspace).push(image, to: "\(set.addresses[0].authority)/\(name)")
        await set.replicas[0].killHard()
        let id = try await Podman(in: workspace).pull("\(set.addresses[1].authority)/\(name)")
        #expect(id == (try image.configDigest()))
      }
    }

    @Test(
      "an upload goes on chunk by chunk on alternating replicas, and after its replica was killed in the middle of one")
    func alternatingChunks() async throws {
      try await withReplicas(2) { set, _ in
        let bytes = randomBytes(30 << 20)
        let addresses = set.addresses
        let location = try await onOwnThread { () -> String in
          var location = try Self.begin(at: addresses[0])
          for (number, start) in stride(from: 0, to: 18 << 20, by: 3 << 20).enumerated() {
            location = try Self.patch(
              bytes[start..<(start + 3 << 20)], from: start, location, at: addresses[number % 2])
          }
          // This one is cut in the middle.
          let connection = try HTTPConnection(addresses[0])
          try connection.sendHead(
            "PATCH", location, headers: [("Content-Type", "application/octet-stream")],
            contentLength: bytes.count - 18 << 20)
          try connection.send(Array(bytes[(18 << 20)..<(20 << 20)]))
          return location
        }
        await set.replicas[0].killHard()
        try await eventually(within: 60, "the other replica takes the upload over") {
          try await onOwnThread {
            let connection = try HTTPConnection(addresses[1])
            let status = try connection.request("GET", location)
            guard let range = status.headers["range"], let last = range.split(separator: "-").last.flatMap({ Int($0) })
            else { return false }
            let answer = try connection.request(
              "PATCH", status.headers["location"] ?? location,
              headers: [("Content-Range", "\(last + 1)-\(bytes.count - 1)")], body: Array(bytes[(last + 1)...]))
            return answer.status == 202
          }
        }
        try await onOwnThread {
          let connection = try HTTPConnection(addresses[1])
          let done = try connection.request("PUT", "\(location)?digest=\(sha256(bytes))", body: [])
          #expect(done.status == 201, "\(done.text)")
          let read = try connection.request("GET", "/v2/acme/big/blobs/\(sha256(bytes))")
          #expect(read.body == bytes)
        }
        let keys = try await set.bucket.backdoor.keys().filter { $0.hasPrefix("blobs/") }
        #expect(keys.count == 1, "\(keys)")
      }
    }

    private static func begin(at address: Address) throws -> String {
      let started = try HTTPConnection(address).request("POST", "/v2/acme/big/blobs/uploads/", body: [])
      guard let location = started.headers["location"] else { throw HarnessError("\(started.status) \(started.text)") }
      return location
    }

    private static func patch(
      _ bytes: ArraySlice<UInt8>, from start: Int, _ location: String, at address: Address
    ) throws -> String {
      let answer = try HTTPConnection(address).request(
        "PATCH", location, headers: [("Content-Range", "\(start)-\(start + bytes.count - 1)")], body: Array(bytes))
      guard answer.status == 202, let next = answer.headers["location"] else {
        throw HarnessError("PATCH: \(answer.status) \(answer.text)")
      }
      return next
    }

    @Test("a blob of 64 MiB is sent to the object store once, and no copy follows")
    func oneWrite() async throws {
      try await withReplicas(1) { set, _ in
        for size in [3_000_000, 64 << 20] {
          let bytes = randomBytes(size)
          let address = set.addresses[0]
          let digest = sha256(bytes)
          set.objectsProxy.forget()
          try await onOwnThread {
            let connection = try HTTPConnection(address)
            let location = try Self.begin(at: address)
            let sent = try connection.request("PATCH", location, body: bytes)
            let done = try connection.request(
              "PUT", "\(sent.headers["location"] ?? location)?digest=\(digest)", body: [])
            #expect(done.status == 201, "\(done.text)")
          }
          let sent = set.objectsProxy.bytesUp
          print("bytes to the object store for \(size): \(sent) (\(Double(sent) / Double(size)))")
          #expect(Double(sent) <= 1.02 * Double(size))
          #expect(set.objectsProxy.exchanges.allSatisfy { !$0.operation.isCopy })
        }
      }
    }

    @Test("a blob that two replicas get by turns, in PATCHes without a range, is sent to the object store once")
    func oneWriteByTurns() async throws {
      try await withReplicas(2) { set, _ in
        for (size, piece) in [(1_000_000, 150_000), (12_000_000, 2_500_000)] {
          let bytes = randomBytes(size)
          let digest = sha256(bytes)
          let addresses = set.addresses
          set.objectsProxy.forget()
          try await onOwnThread {
            let connections = try addresses.map { try HTTPConnection($0) }
            let location = try Self.begin(at: addresses[0])
            for (turn, start) in stride(from: 0, to: size, by: piece).enumerated() {
              let part = Array(bytes[start..<min(start + piece, size)])
              let sent = try connections[turn % 2].request("PATCH", location, body: part)
              #expect(sent.status == 202, "\(sent.text)")
            }
            let done = try connections[1].request("PUT", "\(location)?digest=\(digest)", body: [])
            #expect(done.status == 201, "\(done.text)")
          }
          let sent = set.objectsProxy.bytesUp
          print("bytes to the object store for \(size) in pieces: \(sent) (\(Double(sent) / Double(size)))")
          #expect(Double(sent) <= 1.02 * Double(size))
          #expect(try await RegistryReader.get(addresses[0], "/v2/acme/big/blobs/\(digest)").body == bytes)
        }
      }
    }

    @Test("a replica that is told to stop says first that it is not ready, and serves on meanwhile")
    func drain() async throws {
      try await withReplicas(1, configuration: "limits:\n  drain_delay: 3s\n") { set, _ in
        let replica = set.replicas[0]
        replica.beginStopping()
        try await eventually("/readyz turns red") {
          try await RegistryReader.get(replica.address, "/readyz").status == 503
        }
        #expect(try await RegistryReader.get(replica.address, "/v2/").status == 200)
        try await replica.stop()
      }
    }

    @Test("config check connects to both parts, and says what is wrong in words")
    func configCheck() async throws {
      try await withReplicas(1) { set, _ in
        let good = try await set.replicas[0].run(["config", "check"])
        #expect(good.succeeded, "\(good.story)")
        #expect(good.story.contains("PostgreSQL"))
        let location = set.bucket.location
        let keys = ReplicaSet.environment(set.bucket)
        let wrong: [(String, [String: String], [String], String)] = [
          (location, ["AWS_SECRET_ACCESS_KEY": "wrong"], [], "the secret key is wrong"),
          (location, ["AWS_ACCESS_KEY_ID": "nobody"], [], "access key is not known"),
          (location.replacing(set.bucket.name, with: "no-such-bucket"), [:], [], "make the bucket"),
          (location, [:], ["--database", "postgres://berth@127.0.0.1:1/berth"], "Connection refused"),
          (location, [:], ["--database", set.postgres.url(database: "none")], "does not exist"),
        ]
        for (location, changed, more, words) in wrong {
          let outcome = try await ProgramRunner.run(
            ServerProcess.binary, ["config", "check", "--blobs", location] + more,
            environment: keys.merging(changed) { $1 }, timeoutSeconds: 60)
          #expect(!outcome.succeeded)
          #expect(outcome.story.contains(words), "\(outcome.story)")
        }
      }
    }

    @Test("two registries cannot share a store, and a database is not served with another store than its own")
    func identity() async throws {
      try await withReplicas(1) { set, workspace in
        let other = try await set.postgres.freshDatabase()
        let keys = ReplicaSet.environment(set.bucket)
        func start(_ database: String, _ blobs: String) async throws -> ProgramOutcome {
          try await ServerProcess(
            dataDirectory: workspace.file("none"), parts: ["--database", database, "--blobs", blobs], environment: keys
          ).runToEnd()
        }
        let stolen = try await start(other, set.bucket.location)
        #expect(stolen.story.contains("belongs to another registry"), "\(stolen.story)")
        let bytes = randomBytes(100)
        let address = set.addresses[0]
        let status = try await onOwnThread {
          try HTTPConnection(address).request(
            "POST", "/v2/acme/a/blobs/uploads/?digest=\(sha256(bytes))", body: bytes
          ).status
        }
        #expect(status == 201)
        let empty = try await set.objects.freshBucket()
        let own = "postgres://berth@127.0.0.1:\(set.postgres.port)/t1"
        let lost = try await start(own, empty.location)
        #expect(lost.story.contains("was never used with it"), "\(lost.story)")
        // After a disaster the rows of blobs are made of what lies in the store.
        let rebuild = ["check", "--rebuild", "--database", other, "--blobs", set.bucket.location]
        let refused = try await ProgramRunner.run(
          ServerProcess.binary, rebuild, environment: keys, timeoutSeconds: 60)
        #expect(refused.story.contains("--take-over"), "\(refused.story)")
        let rebuilt = try await ProgramRunner.run(
          ServerProcess.binary, rebuild + ["--take-over"], environment: keys, timeoutSeconds: 60)
        #expect(rebuilt.story.contains("1 of them recorded anew"), "\(rebuilt.story)")
      }
    }
  }
}
