import OCI
import Testing

extension EndToEnd {
  /// What has changed from one version to the next, as somebody at a terminal and a script ask.
  @Suite struct DiffTests {
    /// Two versions of an image: a layer that they share, one of their own, another variable and another user.
    private static func versions(_ workspace: Workspace) async throws -> (old: LayoutImage, new: LayoutImage) {
      var writer = try LayoutWriter(workspace.file("versions"))
      let base = try await MultiArchitectureImage.layer(["etc/base": randomBytes(200_000)], in: workspace)
      var images: [LayoutImage] = []
      for (version, settings) in [
        ("1.0", #""User":"app","Env":["PATH=/bin"]"#), ("1.1", #""User":"app","Env":["PATH=/bin","RETRY=3"]"#),
      ] {
        let own = try await MultiArchitectureImage.layer(["etc/version": randomBytes(50_000)], in: workspace)
        let configuration = """
          {"architecture":"amd64","os":"linux","config":{\(settings)},\
          "rootfs":{"type":"layers","diff_ids":["\(base.diffID)","\(own.diffID)"]},\
          "history":[{"created_by":"FROM base"},{"created_by":"COPY \(version)"}]}
          """
        let manifest = ImageManifest(
          mediaType: MediaTypes.manifest, config: try writer.add(Array(configuration.utf8), MediaTypes.config),
          layers: try [base, own].map { try writer.add($0.compressed, MediaTypes.layerGzip) })
        images.append(try writer.tag(version, try writer.add(try manifest.encoded(), MediaTypes.manifest)))
      }
      return (images[0], images[1])
    }

    @Test("the difference of two images that skopeo pushed, as text, as JSON and as an exit code")
    func difference() async throws {
      try await withServer(isOpen: true) { server, workspace in
        let (old, new) = try await Self.versions(workspace)
        let skopeo = try Skopeo(in: workspace)
        for image in [old, new] {
          try await skopeo.push(image, to: "\(server.address.authority)/acme/api:\(image.tag)")
        }
        func diff(_ arguments: String...) async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, ["diff"] + arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        let text = try await diff("acme/api:1.0", "acme/api:1.1")
        #expect(text.succeeded, "\(text.story)")
        let layers = try [old, new].map { try $0.manifest().layers?.last?.digest ?? "" }
        for line in [
          "+ env RETRY=3", "- layer \(layers[0])", "+ layer \(layers[1])", "1 layer shared", "- history COPY 1.0",
          "+ history COPY 1.1",
        ] { #expect(text.text.contains(line), "\(line)\n\(text.story)") }
        #expect(!text.text.contains("PATH="), "\(text.story)")

        let printed = try await diff("acme/api:1.0", "acme/api:1.1", "--output", "json")
        let found = try JSONValue.parse(printed.trimmed)
        #expect(found["same"]?.bool == false)
        #expect(try found["from"]?["digest"]?.string == old.digest())
        #expect(found["configuration"]?["environment"]?["added"] == [["name": "RETRY", "value": "3"]])
        #expect(found["layers"]?["added"]?.array?.map { $0["digest"]?.string } == [layers[1]])

        // For scripts: 0 for the same, 1 for others, and neither for what cannot be compared.
        #expect(try await diff("acme/api:1.0", "acme/api:1.1", "--exit-code").ending == .exited(1))
        let same = try await diff("acme/api:1.1", "acme/api@\(new.digest())", "--exit-code")
        #expect(same.succeeded && same.text.contains("They are the same."), "\(same.story)")
        let unknown = try await diff("acme/api:1.0", "acme/api:none", "--exit-code")
        #expect(unknown.ending == .exited(2), "\(unknown.story)")
        #expect(unknown.errors.contains("acme/api"), "\(unknown.story)")
      }
    }
  }
}
