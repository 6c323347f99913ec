import Testing

extension EndToEnd {
  @Suite struct MultiArchitectureTests {
    @Test("skopeo copies an index with all platforms in and out, digest for digest")
    func copyAll() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/multi:1.0"
        try await skopeo.copy(image.reference, "docker://\(reference)", ["--all", "--preserve-digests"])
        #expect(try await RegistryReader.verify(server.address, "acme/multi", "1.0") == image.digest())
        let pulled = try await skopeo.fetch(reference, ["--all"])
        #expect(try pulled.digest() == image.digest())
        for child in try image.manifest().manifests ?? [] {
          #expect(try pulled.blob(child.digest) == image.blob(child.digest))
        }
      }
    }

    @Test("skopeo makes a Docker manifest list of an index")
    func dockerManifestList() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let reference = "\(server.address.authority)/acme/list:1.0"
        try await Skopeo(in: workspace).copy(image.reference, "docker://\(reference)", ["--all", "--format", "v2s2"])
        let found = try await RegistryReader.manifest(server.address, "acme/list", "1.0")
        #expect(found.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json")
        #expect(found.manifest.manifests?.count == MultiArchitectureImage.platforms.count)
        try await RegistryReader.verify(server.address, "acme/list", "1.0")
      }
    }

    @Test("an index whose images were never pushed is refused, and no tag moves")
    func missingChildren() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let answer = try await Curl(workspace: workspace).pushManifest(
          image.blob(image.digest()), MediaTypes.index, to: "acme/multi", as: "1.0",
          at: "http://\(server.address.authority)")
        #expect((400..<500).contains(answer.status))
        #expect(
          answer.errorCodes.contains { ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"].contains($0) }, "\(answer.text)")
        #expect(try await RegistryReader.get(server.address, "/v2/acme/multi/manifests/1.0").status == 404)
      }
    }
  }
}
