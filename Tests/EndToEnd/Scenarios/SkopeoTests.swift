import Testing

extension EndToEnd {
  @Suite struct SkopeoTests {
    @Test("skopeo pushes and pulls a Debian image of four layers, every byte the source's")
    func pushAndPull() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/api:1.0"
        try await skopeo.copy(image.reference, "docker://\(reference)", ["--preserve-digests"])
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
        #expect(try await skopeo.digest(reference) == image.digest())

        let pulled = try await skopeo.fetch(reference)
        #expect(try pulled.digest() == image.digest())
        for layer in try pulled.manifest().layers ?? [] {
          #expect(try sha256(pulled.blob(layer.digest)) == layer.digest)
        }
        let byDigest = try await skopeo.fetch("\(server.address.authority)/acme/api@\(image.digest())")
        #expect(try byDigest.digest() == image.digest())
      }
    }

    @Test("skopeo lists the tags it has pushed, in the specification's order")
    func listTags() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let repository = "\(server.address.authority)/acme/api"
        for tag in ["b", "1.0", "A", "latest", "1.0-rc.1"] { try await skopeo.push(image, to: "\(repository):\(tag)") }
        #expect(try await skopeo.tags(repository) == ["1.0", "1.0-rc.1", "A", "b", "latest"])
      }
    }

    @Test("what skopeo deletes is gone for every reader, and the same image in another repository stays")
    func delete() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let authority = server.address.authority
        for name in ["acme/api:1.0", "acme/api:latest", "acme/copy:1.0"] {
          try await skopeo.push(image, to: "\(authority)/\(name)")
        }
        try await skopeo.delete("\(authority)/acme/api:1.0")

        for reference in ["1.0", "latest", try image.digest()] {
          let answer = try await RegistryReader.get(server.address, "/v2/acme/api/manifests/\(reference)")
          #expect(answer.status == 404, "\(reference)")
        }
        let refused = try await skopeo.run(
          ["copy", "--src-tls-verify=false", "docker://\(authority)/acme/api:1.0", "oci:\(workspace.file("gone")):1.0"])
        #expect(!refused.succeeded)
        #expect(try await RegistryReader.verify(server.address, "acme/copy", "1.0") == image.digest())

        try await skopeo.push(image, to: "\(authority)/acme/api:1.0")
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
      }
    }

    private func mounts(_ debugLog: String) -> Int {
      debugLog.split(separator: "\n").filter { $0.contains("... mount OK") }.count
    }

    @Test("skopeo copies within the registry by mounting: no layer is sent again")
    func mount() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let authority = server.address.authority
        let skopeo = try Skopeo(in: workspace)
        try await skopeo.push(image, to: "\(authority)/acme/api:1.0")
        let layers = try image.manifest().layers?.count
        // What skopeo knows of places to mount from is one file for all skopeos of the machine; one that finds it locked by
        // another goes on without. So it is asked a few times.
        var errors = ""
        for attempt in 1...5 {
          errors = try await skopeo.succeed([
            "--debug", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
            "docker://\(authority)/acme/api:1.0", "docker://\(authority)/other/deep/name\(attempt):1.0",
          ]).errors
          #expect(
            try await RegistryReader.verify(server.address, "other/deep/name\(attempt)", "1.0") == image.digest())
          if mounts(errors) == layers { break }
        }
        #expect(mounts(errors) == layers, "\(errors)")
        let uploads = errors.split(separator: "\n").filter { $0.contains("PATCH http") }
        #expect(uploads.count <= 1, "more than the configuration, which skopeo never mounts, was uploaded")
      }
    }

    @Test("skopeo converts to Docker schema 2, and the registry keeps the media types")
    func dockerSchema2() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/docker:1.0"
        try await skopeo.copy(image.reference, "docker://\(reference)", ["--format", "v2s2"])
        let found = try await RegistryReader.manifest(server.address, "acme/docker", "1.0")
        #expect(found.mediaType == "application/vnd.docker.distribution.manifest.v2+json")
        #expect(found.manifest.config?.mediaType == "application/vnd.docker.container.image.v1+json")
        #expect(try await RegistryReader.verify(server.address, "acme/docker", "1.0") == found.digest)

        let directory = workspace.file("docker")
        try await skopeo.copy("docker://\(reference)", "dir:\(directory)")
        #expect(try sha256(readFile("\(directory)/manifest.json")) == found.digest)
        for puller in ClientKind.allCases {
          let id = try await puller.make(in: workspace).pull(reference)
          #expect(id == found.manifest.config?.digest, "pulled by \(puller)")
        }
      }
    }

    @Test("layers that skopeo has compressed with zstd are kept and pulled as they are")
    func zstd() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        // Into a layout first: skopeo 1.9 reuses a known gzip layer instead of compressing again when it pushes.
        let zstd = LayoutImage(path: workspace.file("zstd"), tag: "1.0")
        try await skopeo.copy(image.reference, "dir:\(workspace.file("plain"))", ["--dest-decompress"])
        try await skopeo.copy(
          "dir:\(workspace.file("plain"))", zstd.reference, ["--dest-compress-format", "zstd", "--dest-compress"])
        let reference = "\(server.address.authority)/acme/zstd:1.0"
        try await skopeo.copy(zstd.reference, "docker://\(reference)", ["--preserve-digests"])

        let found = try await RegistryReader.manifest(server.address, "acme/zstd", "1.0")
        #expect(found.manifest.layers?.count == 4)
        for layer in found.manifest.layers ?? [] {
          #expect(layer.mediaType == "application/vnd.oci.image.layer.v1.tar+zstd")
        }
        #expect(try await RegistryReader.verify(server.address, "acme/zstd", "1.0") == zstd.digest())
        // Docker's engine unpacks zstd from version 23 on; Debian 12 has 20.10.
        for puller in ClientKind.allCases where puller != .docker {
          #expect(try await puller.make(in: workspace).pull(reference) == zstd.configDigest(), "pulled by \(puller)")
        }
      }
    }
  }
}
