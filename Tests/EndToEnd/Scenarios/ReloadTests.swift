import Testing

extension EndToEnd {
  @Suite struct ReloadTests {
    @Test("a configuration with a mistake changes nothing, and the log says what and where it is")
    func mistake() async throws {
      try await withServer(configuration: "limits:\n  idle_timeout: 70s\n") { server, workspace in
        _ = try workspace.write("limits:\n  idle_timeout: soon\n", to: "berth.yaml")
        server.reload()
        try await eventually("the log tells of the mistake") {
          server.story.contains("the old one stays")
        }
        let line = server.story.split(separator: "\n").first { $0.contains("the old one stays") } ?? ""
        #expect(line.contains("limits.idle_timeout") && line.contains("berth.yaml:2:"), "\(line)")
        #expect(try await RegistryReader.get(server.address, "/v2/").status == 200)
      }
    }
  }
}
