import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// `berth move` beside a server that is pushed to. That it goes on after each of its steps is shown by the tests of `Relocation`.
  @Suite struct MoveTests {
    @Test(
      "a registry moves to PostgreSQL and an object store while it is pushed to, and back; each move is killed on its way"
    )
    func thereAndBack() async throws {
      let workspace = try Workspace()
      let postgres = try await PostgresServer.start()
      let objects = try await ObjectStoreServer.start()
      let bucket = try await objects.freshBucket()
      let database = try await postgres.freshDatabase()
      let keys = ReplicaSet.environment(bucket)
      let parts = ["--database", database, "--blobs", bucket.location]
      let old = try ServerProcess(dataDirectory: workspace.file("data"), environment: keys)
      let new = try ServerProcess(dataDirectory: workspace.file("unused"), parts: parts, environment: keys)
      let home = try ServerProcess(dataDirectory: workspace.file("home"), environment: keys)
      do {
        try await old.start()
        let pushed = try await Self.pushing(to: old) {
          try await Self.killSoon(old, ["move", "--to-database", database, "--to-blobs", bucket.location], keys)
          let moved = try await old.run(["move", "--to-database", database, "--to-blobs", bucket.location])
          #expect(moved.succeeded, "\(moved.story)")
          print(String(decoding: moved.output, as: UTF8.self))
          try await Task.sleep(for: .seconds(1))
        }
        // The old place answers pulls and takes no pushes.
        try await pushed.verify(at: old.address)
        let refused = try await onOwnThread { [address = old.address] in
          let connection = try HTTPConnection(address)
          let bytes = Array("late".utf8)
          let uploads = "/v2/acme/late/blobs/uploads/"
          return [
            try connection.request("POST", "\(uploads)?digest=\(sha256(bytes))", body: bytes),
            try connection.request("POST", uploads, body: []),
          ]
        }
        for answer in refused { #expect(answer.status == 503, "\(answer.text)") }
        try await old.stop()

        try await new.start()
        try await pushed.verify(at: new.address)
        let check = try await new.check()
        #expect(check.succeeded, "\(check.story)")

        let later = try await Self.pushing(to: new) {
          try await Task.sleep(for: .seconds(2))
          try await Self.killSoon(new, ["move", "--to-data", home.dataDirectory] + parts, keys)
          let back = try await new.run(["move", "--to-data", home.dataDirectory])
          #expect(back.succeeded, "\(back.story)")
        }
        try await new.stop()
        try await home.start()
        try await pushed.verify(at: home.address)
        try await later.verify(at: home.address)
        try await home.stop()
        let last = try await home.check()
        #expect(last.succeeded, "\(last.story)")
      } catch {
        Issue.record("\(error)\n\(old.story)\n\(new.story)\n\(home.story)")
      }
      for server in [old, new, home] { await server.killHard() }
      try await postgres.stop()
      try await objects.stop()
      workspace.remove()
    }

    /// Runs a command and kills it while it works.
    private static func killSoon(_ server: ServerProcess, _ command: [String], _ environment: [String: String])
      async throws
    {
      let killed = try await ProgramRunner.run(
        "timeout", ["-s", "KILL", "0.6", ServerProcess.binary] + command + ["--data", server.dataDirectory],
        environment: environment, timeoutSeconds: 60)
      #expect(!killed.succeeded, "it was to be killed on its way: \(killed.story)")
    }

    /// What was acknowledged while `body` ran, and what was deleted.
    private static func pushing(
      to server: ServerProcess, while body: () async throws -> Void
    ) async throws -> Ledger.Contents {
      let ledger = Ledger()
      let stop = StopSign()
      let shared = (0..<6).map { _ in randomBytes(8_000) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        let address = server.address
        for _ in 0..<2 {
          // Unlike every other, or a later one would push over the tags of an earlier one.
          let number = Int.random(in: 0..<1_000_000)
          group.addTask {
            try await onOwnThread {
              Pusher(number, [address], ledger, sharedLayers: shared, stop: stop, toleratesUnavailable: true).run()
            }
          }
        }
        try await Task.sleep(for: .seconds(3))
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        stop.raise()
        try await group.waitForAll()
        try outcome.get()
      }
      let contents = ledger.now
      #expect(contents.complaints.isEmpty, "\(contents.complaints.prefix(10))")
      #expect(contents.acknowledged.count > 50, "too little was pushed to tell anything")
      return contents
    }
  }
}
