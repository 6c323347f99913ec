import Foundation
import Testing

extension EndToEnd {
  @Suite struct ContainerdTests {
    @Test("ctr pushes and pulls a Debian image under one manifest digest")
    func pushAndPull() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let reference = "\(server.address.authority)/acme/api:1.0"
        let pusher = try await Containerd(in: workspace)
        try await pusher.push(image, to: reference)
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
        let puller = try await Containerd(in: workspace)
        #expect(try await puller.pull(reference) == image.configDigest())
        #expect(try await puller.digest(reference) == image.digest())
      }
    }

    @Test("ctr pulls every platform of an index and pushes them all to another repository")
    func allPlatforms() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let authority = server.address.authority
        try await Skopeo(in: workspace)
          .copy(image.reference, "docker://\(authority)/acme/multi:1.0", ["--all", "--preserve-digests"])
        let containerd = try await Containerd(in: workspace)
        let (source, target) = ("\(authority)/acme/multi:1.0", "\(authority)/copy/multi:1.0")
        try await containerd.ctr(["content", "fetch", "--plain-http", "--all-platforms", source])
        #expect(try await containerd.digest(source) == image.digest())
        try await containerd.ctr(["images", "tag", source, target])
        try await containerd.ctr(["images", "push", "--plain-http", target])
        #expect(try await RegistryReader.verify(server.address, "copy/multi", "1.0") == image.digest())
      }
    }

    @Test("ctr fetches an index within an index")
    func nestedIndex() async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        try await Skopeo(in: workspace)
          .copy(
            image.reference, "docker://\(server.address.authority)/acme/nested:inner", ["--all", "--preserve-digests"])
        let curl = Curl(workspace: workspace)
        let inner = try image.blob(image.digest())
        let outer = ImageManifest(
          mediaType: MediaTypes.index, manifests: [ManifestDescriptor(MediaTypes.index, inner)],
          annotations: ["org.opencontainers.image.title": "nested"])
        let bytes = try outer.encoded()
        let answer = try await curl.pushManifest(bytes, MediaTypes.index, to: "acme/nested", as: "outer", at: base)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(try await RegistryReader.verify(server.address, "acme/nested", "outer") == sha256(bytes))

        let containerd = try await Containerd(in: workspace)
        let reference = "\(server.address.authority)/acme/nested:outer"
        try await containerd.ctr(["content", "fetch", "--plain-http", "--all-platforms", reference])
        for child in try image.manifest().manifests ?? [] {
          #expect(try sha256(await containerd.content(child.digest)) == child.digest)
        }
      }
    }
  }
}
