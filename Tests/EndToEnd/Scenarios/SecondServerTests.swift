import Testing

extension EndToEnd {
  @Suite struct SecondServerTests {
    @Test("a second server on the same data says so and stops; the first serves on")
    func secondServer() async throws {
      try await withServer { server, _ in
        let second = try ServerProcess(dataDirectory: server.dataDirectory)
        let outcome = try await second.runToEnd()
        #expect(!outcome.timedOut, "it went on running")
        #expect(!outcome.succeeded)
        #expect((outcome.errors + outcome.text).contains(server.dataDirectory), "\(outcome.story)")
        #expect(try await RegistryReader.get(server.address, "/v2/").status == 200)
      }
    }

    @Test("a server that was killed leaves nothing that keeps the next one from starting")
    func afterKill() async throws {
      try await withServer { server, _ in
        await server.killHard()
        try await server.start()
        #expect(try await RegistryReader.get(server.address, "/v2/").status == 200)
      }
    }
  }
}
