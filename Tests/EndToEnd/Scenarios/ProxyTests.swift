import Foundation
import Testing

extension EndToEnd {
  @Suite struct ProxyTests {
    @Test("behind a proxy that strips a path, Location leads back through the proxy")
    func strippedPrefix() async throws {
      try await withServer { server, workspace in
        let proxy = try await NginxProxy(before: server.address, in: workspace)
        let base = "http://\(proxy.plain.authority)/registry"
        let curl = Curl(workspace: workspace)
        let started = try await curl.request("POST", "\(base)/v2/acme/api/blobs/uploads/")
        let location = Curl.resolve(try #require(started.headers["location"]), base: base)
        #expect(location.hasPrefix("\(base)/v2/acme/api/blobs/uploads/"), "\(location)")

        let bytes = randomBytes(2 << 20)
        let file = try workspace.write(bytes, to: "blob")
        let pushed = try await curl.pushBlob(file, digest: sha256(bytes), to: "acme/api", at: base)
        #expect(pushed.status == 201)
        let blob = Curl.resolve(try #require(pushed.headers["location"]), base: base)
        let answer = try await curl.request("GET", blob)
        #expect(sha256(answer.body) == sha256(bytes), "\(blob)")
      }
    }

    @Test("ctr pushes and pulls through a proxy that strips a path")
    func containerd() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let proxy = try await NginxProxy(before: server.address, in: workspace)
        let containerd = try await Containerd(in: workspace)
        _ = try workspace.folder("hosts/registry.example")
        _ = try workspace.write(
          """
          server = "http://\(proxy.plain.authority)/registry/v2"
          [host."http://\(proxy.plain.authority)/registry/v2"]
            capabilities = ["pull", "resolve", "push"]
            override_path = true

          """, to: "hosts/registry.example/hosts.toml")
        let hosts = ["--hosts-dir", workspace.file("hosts")]
        let reference = "registry.example/acme/api:1.0"
        try await containerd.load(image, as: reference)
        try await containerd.ctr(["images", "push"] + hosts + [reference])
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
        try await containerd.ctr(["images", "remove", "--sync", reference])
        try await containerd.ctr(["content", "fetch"] + hosts + [reference])
        #expect(try await containerd.digest(reference) == image.digest())
      }
    }

    @Test("skopeo pushes and pulls through a proxy that ends TLS")
    func endsTLS() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let proxy = try await NginxProxy(before: server.address, in: workspace)
        let base = "https://\(proxy.secure.authority)"
        let curl = Curl(workspace: workspace, options: ["--cacert", proxy.authority.certificate])
        let started = try await curl.request("POST", "\(base)/v2/acme/api/blobs/uploads/")
        let location = Curl.resolve(try #require(started.headers["location"]), base: base)
        #expect(location.hasPrefix("\(base)/v2/"), "\(location)")

        let skopeo = try Skopeo(in: workspace)
        let reference = "docker://\(proxy.secure.authority)/acme/api:1.0"
        try await skopeo.succeed([
          "copy", "--preserve-digests", "--dest-cert-dir", proxy.authority.trustFolder, image.reference, reference,
        ])
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
        let pulled = LayoutImage(path: workspace.file("pulled"), tag: "1.0")
        try await skopeo.succeed(["copy", "--src-cert-dir", proxy.authority.trustFolder, reference, pulled.reference])
        #expect(try pulled.digest() == image.digest())
      }
    }
  }
}
