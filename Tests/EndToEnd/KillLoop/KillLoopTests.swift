import Testing

extension EndToEnd {
  @Suite struct KillLoopTests {
    /// Kills in one run, and how long the server lives between them. Collection comes round every second.
    private static let rounds = 6
    private static let lifeMilliseconds = 1200...2600
    private static let pushers = 4

    @Test("whatever was acknowledged survives kill -9 with collection running, digest for digest")
    func killLoop() async throws {
      try await withServer(configuration: ServerSettings.eagerCollection) { server, _ in
        let ledger = Ledger()
        let stop = StopSign()
        let shared = (0..<6).map { _ in randomBytes(8_000) }
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<Self.pushers {
            let address = server.address
            group.addTask {
              try await onOwnThread { Pusher(number, [address], ledger, sharedLayers: shared, stop: stop).run() }
            }
          }
          do {
            for _ in 0..<Self.rounds {
              try await Task.sleep(for: .milliseconds(Int.random(in: Self.lifeMilliseconds)))
              await server.killHard()
              try await server.start()
            }
          } catch {
            stop.raise()
            throw error
          }
          stop.raise()
          try await group.waitForAll()
        }
        await server.killHard()
        try await server.start()

        let contents = ledger.now
        #expect(contents.complaints.count == 0, "\(contents.complaints.prefix(10))")
        #expect(contents.acknowledged.count > 100, "too little was pushed to tell anything")
        #expect(contents.deleted.count > 20, "too little was deleted to tell anything")

        // Collection gets its time with everything that is now unreferenced; what is referenced must outlive it.
        try await Task.sleep(for: .seconds(4))
        try await contents.verify(at: server.address)
        try await server.stop()
        let check = try await server.check()
        #expect(check.succeeded, "\(check.story)")
      }
    }
  }
}
