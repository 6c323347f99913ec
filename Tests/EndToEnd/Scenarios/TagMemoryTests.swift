import OCI
import Testing

extension EndToEnd {
  /// A bad week of a tag, with the clients that people have.
  @Suite struct TagMemoryTests {
    /// The collector takes whatever nothing keeps, at once.
    private static let greedy = [
      "BERTH_COLLECTION_DELETE_UNTAGGED": "true", "BERTH_COLLECTION_UNTAGGED_AFTER": "0s",
      "BERTH_COLLECTION_LEASE": "1s",
    ]

    /// Five versions of an image: a layer that they share, and one of their own.
    private static func versions(_ workspace: Workspace) async throws -> [LayoutImage] {
      var writer = try LayoutWriter(workspace.file("versions"))
      let base = try await MultiArchitectureImage.layer(["etc/base": randomBytes(200_000)], in: workspace)
      var images: [LayoutImage] = []
      for version in 1...5 {
        let own = try await MultiArchitectureImage.layer(["etc/version": randomBytes(90_000)], in: workspace)
        let image = try MultiArchitectureImage.image(
          of: [base, own], .init(architecture: "amd64", os: "linux", variant: nil), in: writer)
        images.append(try writer.tag("\(version)", image))
      }
      return images
    }

    @Test("every earlier state of a tag comes back, digest for digest, also after the collector ran")
    func memory() async throws {
      try await withServer(isOpen: true, environment: Self.greedy) { server, workspace in
        let images = try await Self.versions(workspace)
        let skopeo = try Skopeo(in: workspace)
        let podman = try Podman(in: workspace)
        let reference = "\(server.address.authority)/acme/api:stable"
        for image in images { try await skopeo.push(image, to: reference) }
        // Overwritten, deleted with its manifest, pushed again, deleted by tag.
        try await skopeo.push(images[1], to: reference)
        try await skopeo.delete(reference)
        try await skopeo.push(images[2], to: reference)
        try await ProgramRunner.succeed(
          "curl", ["-sSf", "-X", "DELETE", "http://\(server.address.authority)/v2/acme/api/manifests/stable"])
        for name in ["stable", try images[1].digest()] {
          let gone = try await RegistryReader.get(server.address, "/v2/acme/api/manifests/\(name)")
          #expect(gone.status == 404, "\(name)")
        }

        try await server.stop()
        let collected = try await server.run(["gc"])
        #expect(collected.succeeded, "\(collected.story)")
        try await server.start()

        // pushed 1 to 5, then 2; deleted; 3; deleted: states from the newest back.
        let history = try await Self.events(server)
        #expect(history.count == 9)
        #expect(history.allSatisfy { $0.to == nil || $0.isRestorable })
        for event in history {
          guard let digest = event.to else { continue }
          try await Self.berth(server, ["tag", "restore", "acme/api:stable", "--event", "\(event.id)"])
          #expect(try await RegistryReader.verify(server.address, "acme/api", "stable") == digest)
          let id = try await podman.pull(reference)
          let image = try #require(try images.first { try $0.digest() == digest })
          #expect(try id == image.configDigest())
        }
        // A restore can be undone like any other move.
        try await Self.berth(server, ["tag", "restore", "acme/api:stable", "--reason", "that was one too far"])
        #expect(try await RegistryReader.verify(server.address, "acme/api", "stable") == images[1].digest())

        try await server.stop()
        let checked = try await server.check()
        #expect(checked.succeeded, "\(checked.story)")
      }
    }

    private struct Event {
      let id: Int
      let to: String?
      let isRestorable: Bool
    }

    /// The events of the tag, the newest first, as the command line prints them for programs.
    private static func events(_ server: ServerProcess) async throws -> [Event] {
      let printed = try await berth(server, ["tag", "history", "acme/api:stable", "--output", "json"])
      let events = try JSONValue.parse(printed.trimmed).array ?? []
      return events.map { event in
        Event(
          id: Int(event["id"]?.integer ?? 0), to: event["to"]?.string,
          isRestorable: event["restorable"]?.bool ?? false)
      }
    }

    @discardableResult
    private static func berth(_ server: ServerProcess, _ arguments: [String]) async throws -> ProgramOutcome {
      try await ProgramRunner.succeed(
        ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
    }
  }
}
