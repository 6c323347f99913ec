import Testing

extension EndToEnd {
  @Suite struct ReloadTests {
    @Test("what can change does so at SIGHUP, and the log tells what waits for a restart")
    func changes() async throws {
      try await withServer(configuration: "logging:\n  requests: true\n") { server, workspace in
        func push() async throws -> HTTPAnswer {
          let bytes = randomBytes(2000)
          let address = server.address
          return try await onOwnThread {
            try HTTPConnection(address)
              .request("POST", "/v2/acme/api/blobs/uploads/?digest=\(sha256(bytes))", body: bytes)
          }
        }
        #expect(try await push().status == 201)
        let file = """
          logging:
            requests: false
            level: warning
          limits:
            blob_bytes: 1000
          cache:
            descriptors: 7
          workers:
            threads: 3

          """
        _ = try workspace.write(file, to: "berth.yaml")
        server.reload()
        try await eventually("the new limit holds") { try await push().status == 413 }
        for setting in ["cache.descriptors", "workers.threads"] {
          try await eventually("the log tells that \(setting) waits for a restart") {
            Self.log(server).contains { $0.contains("takes effect after a restart") && $0.contains(setting) }
          }
        }
        _ = try await RegistryReader.get(server.address, "/v2/acme/unlogged/tags/list")

        // What is told at the level info was not told then; back at that level it is.
        let again = file.replacing("level: warning", with: "level: info").replacing("1000", with: "5000")
        _ = try workspace.write(again, to: "berth.yaml")
        server.reload()
        try await eventually("the new limit holds") { try await push().status == 201 }
        try await eventually("the log tells of the change") {
          Self.log(server).contains { $0.contains("configuration was read again") }
        }
        for setting in ["logging.level", "limits.blob_bytes"] {
          #expect(Self.log(server).count { $0.contains("setting changed") && $0.contains(setting) } == 1, "\(setting)")
        }
        #expect(!server.story.contains("acme/unlogged"), "requests were not to be logged any more")
      }
    }

    private static func log(_ server: ServerProcess) -> [Substring] { server.story.split(separator: "\n") }

    @Test("a certificate that was replaced is served after SIGHUP, on the port that is open")
    func certificate() async throws {
      let folder = try Workspace()
      let (certificate, key) = (folder.file("server.crt"), folder.file("server.key"))
      let old = try await CertificateAuthority("old", in: folder)
      try await old.issue(certificate: certificate, key: key)
      let settings = ServerSettings.tls(certificate: certificate, key: key)
      try await withServer(configuration: settings, usesTLS: true) { server, _ in
        let new = try await CertificateAuthority("new", in: folder)
        try await new.issue(certificate: certificate, key: key)
        server.reload()
        try await eventually("the new certificate is served") {
          try await ProgramRunner.run(
            "curl", ["-sSf", "--cacert", new.certificate, "https://\(server.address.authority)/v2/"]
          ).succeeded
        }
      }
    }

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
