import Foundation
import Testing

extension EndToEnd {
  @Suite struct DockerTests {
    @Test("docker pushes and pulls a Debian image under one digest, sends no layer twice, and mounts those it knows")
    func pushAndPull() async throws {
      let image = try await SharedImages.shared.debian()
      let layers = try image.manifest().layers ?? []
      try await withServer { server, workspace in
        let authority = server.address.authority
        let docker = try await Docker(in: workspace)
        let first = "\(authority)/acme/api:1.0"
        try await docker.push(image, to: first)
        let digest = try await RegistryReader.verify(server.address, "acme/api", "1.0")
        for (name, said) in [
          ("acme/api:1.0", "Layer already exists"), ("acme/api:2.0", "Layer already exists"),
          ("acme/web:1.0", "Mounted from acme/api"),
        ] {
          try await docker.succeed(["tag", first, "\(authority)/\(name)"])
          let pushed = try await docker.succeed(["push", "\(authority)/\(name)"])
          #expect(pushed.text.components(separatedBy: said).count - 1 == layers.count, "\(name): \(pushed.story)")
          #expect(pushed.text.contains("digest: \(digest) "), "\(name): \(pushed.story)")
        }
        #expect(try await RegistryReader.verify(server.address, "acme/web", "1.0") == digest)
        for name in ["acme/api:2.0", "acme/api@\(digest)", "acme/web:1.0"] {
          #expect(try await docker.pull("\(authority)/\(name)") == image.configDigest(), "\(name)")
          #expect(try await docker.manifestDigest("\(authority)/\(name)") == digest, "\(name)")
        }
      }
    }

    @Test("docker shows why it is refused, and what to do")
    func refusals() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer(isOpen: false) { server, workspace in
        try await Administrator(server, workspace)
          .shell(
            """
            berth namespace create acme
            echo alice-password | berth user create alice --password-stdin
            berth grant add alice writer acme
            """)
        let authority = server.address.authority
        let docker = try await Docker(in: workspace)
        func expect(_ said: String, _ arguments: String...) async throws {
          let outcome = try await docker.run(arguments)
          #expect(!outcome.succeeded && outcome.errors.contains(said), "\(outcome.story)")
        }
        try await docker.load(image, as: "\(authority)/acme/api:1.0")
        try await docker.succeed(["tag", "\(authority)/acme/api:1.0", "\(authority)/other/api:1.0"])
        try await expect("unauthorized: log in to do this", "push", "\(authority)/acme/api:1.0")
        try await expect("unauthorized: log in to do this", "pull", "\(authority)/acme/api:1.0")
        try await expect(
          "unauthorized: the user name, the password or the token is not right", "login", "-u", "alice", "-p", "wrong",
          authority)
        try await docker.succeed(["login", "-u", "alice", "-p", "alice-password", authority])
        try await docker.succeed(["push", "--quiet", "\(authority)/acme/api:1.0"])
        try await expect("denied: you may not push to other/api", "push", "\(authority)/other/api:1.0")
        try await expect("acme/api has no manifest 2.0", "pull", "\(authority)/acme/api:2.0")
        try await expect(
          "there is no repository other/api, or you may not see it", "pull", "\(authority)/other/api:1.0")
        try await docker.succeed(["logout", authority])
        try await expect("unauthorized: log in to do this", "pull", "\(authority)/acme/api:1.0")
      }
    }

    @Test("docker shows what a policy has against an image, and does not take the registry for a broken one")
    func policy() async throws {
      try await withServer { server, workspace in
        let key = workspace.file("key")
        try await ProgramRunner.succeed("openssl", ["genrsa", "-traditional", "-out", key, "2048"])
        let layer = try await MultiArchitectureImage.layer(["root/.ssh/id_rsa": try readFile(key)], in: workspace)
        var writer = try LayoutWriter(workspace.file("leak"))
        let image = try writer.tag(
          "1.0", try MultiArchitectureImage.image(of: [layer], MultiArchitectureImage.platforms[0], in: writer))
        let docker = try await Docker(in: workspace)
        let reference = "\(server.address.authority)/acme/leak:1.0"
        try await docker.push(image, to: reference)
        let commands = Commands(server)
        try await eventually("the image is inspected") {
          try await commands.text("inventory", "acme/leak:1.0").contains("inventoried")
        }
        _ = try await commands.text("policy", "set", "acme", "--secret")
        var refused: ProgramOutcome?
        try await eventually("the policy is in force") {
          try await docker.forgetImages()
          let outcome = try await docker.run(["pull", reference])
          refused = outcome
          return !outcome.succeeded
        }
        let said = try #require(refused)
        #expect(said.errors.contains("denied: the policy of acme does not give out acme/leak@sha256:"), "\(said.story)")
        #expect(said.errors.contains("root/.ssh/id_rsa (private-key)"), "\(said.story)")
        #expect(!said.text.contains("WARNING"), "\(said.story)")
      }
    }

    @Test("docker makes a manifest list of two images, and pulls by it the one of the platform it asks for")
    func manifestList() async throws {
      let source = try await SharedImages.shared.multiArchitecture()
      try await withServer { server, workspace in
        let docker = try await Docker(in: workspace)
        let repository = "\(server.address.authority)/acme/multi"
        var images: [String: LayoutImage] = [:]
        for architecture in ["amd64", "arm64"] {
          let image = LayoutImage(path: workspace.file(architecture), tag: architecture)
          try await Skopeo(in: workspace)
            .succeed(["--override-arch", architecture, "copy", source.reference, image.reference])
          // By docker: of version 20.10 `docker manifest` takes images of Docker's own types alone.
          try await docker.push(image, to: "\(repository):\(architecture)")
          images[architecture] = image
        }
        let parts = images.keys.sorted().map { "\(repository):\($0)" }
        try await docker.succeed(["manifest", "create", "--insecure", "\(repository):1.0"] + parts)
        let pushed = try await docker.succeed(["manifest", "push", "--insecure", "\(repository):1.0"])
        let digest = try await RegistryReader.verify(server.address, "acme/multi", "1.0")
        #expect(pushed.trimmed.hasSuffix(digest), "\(pushed.story)")
        for (architecture, image) in images {
          try await docker.forgetImages()
          try await docker.succeed(["pull", "--quiet", "--platform", "linux/\(architecture)", "\(repository):1.0"])
          #expect(try await docker.inspect("\(repository):1.0", "{{.Id}}") == image.configDigest(), "\(architecture)")
          #expect(try await docker.manifestDigest("\(repository):1.0") == digest)
        }
      }
    }
  }
}
