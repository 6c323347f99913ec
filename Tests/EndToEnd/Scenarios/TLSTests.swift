import Testing

extension EndToEnd {
  @Suite struct TLSTests {
    @Test("skopeo pushes and pulls over TLS, and trusts only the authority it was given")
    func skopeo() async throws {
      let image = try await SharedImages.shared.debian()
      try await withTLSServer { server, workspace, authority, _ in
        let skopeo = try Skopeo(in: workspace)
        let reference = "docker://\(server.address.authority)/acme/api:1.0"
        try await skopeo.succeed([
          "copy", "--preserve-digests", "--dest-cert-dir", authority.trustFolder, image.reference, reference,
        ])
        let pulled = LayoutImage(path: workspace.file("pulled"), tag: "1.0")
        try await skopeo.succeed(["copy", "--src-cert-dir", authority.trustFolder, reference, pulled.reference])
        #expect(try pulled.digest() == image.digest())
        let distrusting = try await skopeo.run(["inspect", reference])
        #expect(!distrusting.succeeded)
        #expect(distrusting.errors.contains("certificate"), "\(distrusting.story)")
      }
    }

    @Test("berth healthcheck asks a server that speaks TLS")
    func healthcheck() async throws {
      try await withTLSServer { server, _, _, _ in
        let outcome = try await server.run(["healthcheck", "--listen", server.address.listenArgument])
        #expect(outcome.succeeded && outcome.text.contains(#""ready":true"#), "\(outcome.story)")
      }
    }

    @Test("a certificate that was replaced on disk is served without a restart")
    func replaced() async throws {
      try await withTLSServer { server, workspace, old, paths in
        let base = "https://\(server.address.authority)"
        let new = try await CertificateAuthority("new", in: workspace)
        let before = try await Curl(workspace: workspace, options: ["--cacert", old.certificate])
          .request("GET", "\(base)/v2/")
        #expect(before.status == 200)

        try await new.issue(certificate: paths.certificate, key: paths.key)
        try await eventually("the new certificate is served") {
          try await ProgramRunner.run(
            "curl", ["-sSf", "--cacert", new.certificate, "\(base)/v2/"], timeoutSeconds: 10
          ).succeeded
        }
        let after = try await ProgramRunner.run("curl", ["-sSf", "--cacert", old.certificate, "\(base)/v2/"])
        #expect(!after.succeeded)
      }
    }

    @Test("curl negotiates HTTP/2 over TLS, and a blob goes in and out by it")
    func http2() async throws {
      try await withTLSServer { server, workspace, authority, _ in
        let base = "https://\(server.address.authority)"
        let curl = Curl(workspace: workspace, options: ["--http2", "--cacert", authority.certificate])
        let bytes = randomBytes(5 << 20)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        let pushed = try await curl.pushBlob(file, digest: digest, to: "acme/two", at: base)
        #expect(pushed.status == 201)
        #expect(pushed.version == "2")
        let got = try await curl.request("GET", "\(base)/v2/acme/two/blobs/\(digest)")
        #expect(got.version == "2")
        #expect(sha256(got.body) == digest)

        let old = Curl(workspace: workspace, options: ["--http1.1", "--cacert", authority.certificate])
        let again = try await old.request("GET", "\(base)/v2/acme/two/blobs/\(digest)")
        #expect(again.version == "1.1")
        #expect(sha256(again.body) == digest)
      }
    }

    private func withTLSServer(
      _ body: (ServerProcess, Workspace, CertificateAuthority, (certificate: String, key: String)) async throws -> Void
    ) async throws {
      let workspace = try Workspace()
      let authority = try await CertificateAuthority("old", in: workspace)
      let paths = (certificate: workspace.file("server.crt"), key: workspace.file("server.key"))
      try await authority.issue(certificate: paths.certificate, key: paths.key)
      let settings = ServerSettings.tls(certificate: paths.certificate, key: paths.key)
      try await withServer(configuration: settings, usesTLS: true) { server, _ in
        try await body(server, workspace, authority, paths)
      }
    }
  }
}
