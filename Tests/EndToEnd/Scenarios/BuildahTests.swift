import Testing

extension EndToEnd {
  @Suite struct BuildahTests {
    @Test("buildah builds on an image of the registry and pushes the result, reusing its layers")
    func buildOnTop() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let authority = server.address.authority
        try await Skopeo(in: workspace).push(image, to: "\(authority)/acme/base:1.0")
        let buildah = try Buildah(in: workspace)
        let container = try await buildah.succeed([
          "from", "--quiet", "--tls-verify=false", "--signature-policy", buildah.home.policy,
          "\(authority)/acme/base:1.0",
        ]).trimmed
        let file = try workspace.write("built\n", to: "built")
        try await buildah.succeed(["copy", "--quiet", container, file, "/opt/built"])
        try await buildah.succeed(["config", "--label", "built=yes", container])
        try await buildah.succeed([
          "commit", "--quiet", "--format", "oci", "--signature-policy", buildah.home.policy, container, "local/app:1.0",
        ])
        let pushed = try await buildah.push("local/app:1.0", to: "\(authority)/acme/app:1.0")
        #expect(try await RegistryReader.verify(server.address, "acme/app", "1.0") == pushed)

        let found = try await RegistryReader.manifest(server.address, "acme/app", "1.0")
        #expect(found.manifest.layers?.count == 5)
        let base = try image.manifest().layers ?? []
        #expect(found.manifest.layers?.prefix(4).map(\.digest) == base.map(\.digest))
        let id = try await Buildah(in: workspace).pull("\(authority)/acme/app:1.0")
        #expect(id == found.manifest.config?.digest)
      }
    }

    @Test("buildah pushes a manifest list with all its images")
    func manifestList() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let authority = server.address.authority
        try await Skopeo(in: workspace).copy(image.reference, "docker://\(authority)/acme/multi:1.0", ["--all"])
        let buildah = try Buildah(in: workspace)
        try await buildah.succeed(["manifest", "create", "local/list:1.0"])
        try await buildah.succeed([
          "manifest", "add", "--all", "--tls-verify=false", "local/list:1.0", "docker://\(authority)/acme/multi:1.0",
        ])
        try await buildah.succeed([
          "manifest", "push", "--quiet", "--all", "--format", "oci", "--tls-verify=false", "--signature-policy",
          buildah.home.policy, "local/list:1.0", "docker://\(authority)/acme/list:1.0",
        ])
        try await RegistryReader.verify(server.address, "acme/list", "1.0")
        let found = try await RegistryReader.manifest(server.address, "acme/list", "1.0")
        let sources = try image.manifest().manifests ?? []
        #expect(Set(found.manifest.manifests?.map(\.digest) ?? []) == Set(sources.map(\.digest)))
      }
    }
  }
}
