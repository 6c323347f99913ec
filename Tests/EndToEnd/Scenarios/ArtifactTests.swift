import Foundation
import Testing

extension EndToEnd {
  @Suite struct ArtifactTests {
    @Test("curl pushes an image's signature and SBOM as artifacts, and the referrers list has both")
    func referrers() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        try await Skopeo(in: workspace)
          .copy(image.reference, "docker://\(server.address.authority)/acme/api:1.0", ["--preserve-digests"])
        let curl = Curl(workspace: workspace)
        let subject = ManifestDescriptor(MediaTypes.manifest, try image.blob(image.digest()))

        var pushed: [String: String] = [:]
        for type in ["application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"] {
          let artifact = try await artifact(type, subject: subject, curl: curl, base: base)
          let digest = sha256(artifact)
          let answer = try await curl.pushManifest(artifact, MediaTypes.manifest, to: "acme/api", as: digest, at: base)
          #expect(answer.status == 201, "\(answer.text)")
          #expect(answer.headers["oci-subject"] == subject.digest)
          pushed[type] = digest
          try await RegistryReader.verify(server.address, "acme/api", digest)
        }

        let all = try await list(curl, "\(base)/v2/acme/api/referrers/\(subject.digest)")
        #expect(Set(all.compactMap(\.artifactType)) == Set(pushed.keys))
        #expect(Set(all.map(\.digest)) == Set(pushed.values))
        #expect(all.allSatisfy { $0.annotations?["org.example.made-by"] == "a test" })
        let type = "application/vnd.example.sbom.v1"
        let some = try await list(curl, "\(base)/v2/acme/api/referrers/\(subject.digest)?artifactType=\(type)")
        #expect(some.map(\.digest) == [pushed[type]])

        let digest = try #require(pushed[type])
        let deleted = try await curl.request("DELETE", "\(base)/v2/acme/api/manifests/\(digest)")
        #expect(deleted.status == 202)
        let left = try await list(curl, "\(base)/v2/acme/api/referrers/\(subject.digest)")
        #expect(left.map(\.artifactType) == ["application/vnd.example.signature.v1"])
      }
    }

    @Test("skopeo copies an artifact with an empty configuration, digest for digest")
    func emptyConfiguration() async throws {
      try await withServer { server, workspace in
        let authority = server.address.authority
        let curl = Curl(workspace: workspace)
        let artifact = try await artifact(
          "application/vnd.example.chart.v1", subject: nil, curl: curl, base: "http://\(authority)")
        let answer = try await curl.pushManifest(
          artifact, MediaTypes.manifest, to: "acme/api", as: "chart", at: "http://\(authority)")
        #expect(answer.status == 201, "\(answer.text)")
        let skopeo = try Skopeo(in: workspace)
        try await skopeo.copy(
          "docker://\(authority)/acme/api:chart", "docker://\(authority)/other/api:chart", ["--preserve-digests"])
        #expect(try await RegistryReader.verify(server.address, "other/api", "chart") == sha256(artifact))
      }
    }

    /// Pushes the blobs of an artifact; the manifest is the caller's to push.
    private func artifact(
      _ type: String, subject: ManifestDescriptor?, curl: Curl, base: String
    ) async throws -> [UInt8] {
      let content = Array("content of \(type)\n".utf8)
      for blob in [Array("{}".utf8), content] {
        let file = try curl.workspace.write(blob, to: "blob")
        let answer = try await curl.pushBlob(file, digest: sha256(blob), to: "acme/api", at: base)
        #expect(answer.status == 201, "\(answer.text)")
      }
      return try ImageManifest(
        mediaType: MediaTypes.manifest, artifactType: type,
        config: ManifestDescriptor(MediaTypes.empty, Array("{}".utf8)),
        layers: [ManifestDescriptor("text/plain", content)],
        subject: subject, annotations: ["org.example.made-by": "a test"]
      ).encoded()
    }

    private func list(_ curl: Curl, _ url: String) async throws -> [ManifestDescriptor] {
      let answer = try await curl.request("GET", url)
      guard answer.status == 200 else { throw HarnessError("\(url): \(answer.status) \(answer.text)") }
      #expect(answer.headers["content-type"] == MediaTypes.index)
      return try JSONDecoder().decode(ImageManifest.self, from: Data(answer.body)).manifests ?? []
    }
  }
}
