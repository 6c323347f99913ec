import Foundation
import Testing

extension EndToEnd {
  @Suite struct PodmanTests {
    @Test("podman pushes, lists, pulls by tag and by digest, and removes its own copy only")
    func pushListPull() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let authority = server.address.authority
        let pusher = try Podman(in: workspace)
        try await pusher.push(image, to: "\(authority)/acme/api:1.0")
        let digest = try await RegistryReader.verify(server.address, "acme/api", "1.0")

        let listed = try await pusher.succeed(["search", "--tls-verify=false", "--list-tags", "\(authority)/acme/api"])
        // A head line, then a line a tag: its repository and its name.
        let lines = listed.trimmed.split(separator: "\n").dropFirst()
        #expect(lines.map { $0.split(separator: " ").last } == ["1.0"])

        for reference in ["\(authority)/acme/api:1.0", "\(authority)/acme/api@\(digest)"] {
          let puller = try Podman(in: workspace)
          #expect(try await puller.pull(reference, []) == image.configDigest())
          #expect(try await puller.manifestDigest(reference) == digest)
          try await puller.succeed(["rmi", reference])
        }
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == digest)
      }
    }

    @Test("podman finds repositories of the catalogue")
    func search() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        for name in ["acme/api", "acme/web", "other/tool"] {
          try await skopeo.push(image, to: "\(server.address.authority)/\(name):1.0")
        }
        let found = try await Podman(in: workspace).succeed([
          "search", "--tls-verify=false", "--format", "{{.Name}}", "\(server.address.authority)/acme",
        ])
        let names = found.trimmed.split(separator: "\n").map {
          $0.split(separator: "/").suffix(2).joined(separator: "/")
        }
        #expect(names.sorted() == ["acme/api", "acme/web"])
      }
    }

    @Test("podman pulls the platform it asks for from an index", arguments: ["amd64", "arm64", "riscv64"])
    func platform(architecture: String) async throws {
      let image = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let reference = "\(server.address.authority)/acme/multi:1.0"
        try await Skopeo(in: workspace).copy(image.reference, "docker://\(reference)", ["--all", "--preserve-digests"])
        let index = try image.manifest()
        let child = try #require(index.manifests?.first { $0.platform?.architecture == architecture })
        let manifest = try JSONDecoder().decode(ImageManifest.self, from: Data(image.blob(child.digest)))
        let id = try await Podman(in: workspace).pull(reference, ["--arch", architecture])
        #expect(id == manifest.config?.digest)
      }
    }
  }
}
