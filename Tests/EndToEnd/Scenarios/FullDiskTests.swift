import Foundation
import Testing

extension EndToEnd {
  @Suite struct FullDiskTests {
    @Test("a full disk is a clear error, reading goes on, and with room again the push succeeds")
    func fullDisk() async throws {
      let workspace = try Workspace()
      let disk = try workspace.folder("disk")
      let mount = try await ProgramRunner.run("mount", ["-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", disk])
      guard mount.succeeded else {
        throw HarnessError("this test needs to mount a small file system, so run the tests as root\n\(mount.story)")
      }
      let server = try ServerProcess(dataDirectory: "\(disk)/data")
      do {
        try await server.start()
        try await fill(disk, server, workspace)
        try await server.stop()
        let check = try await server.check()
        #expect(check.succeeded, "\(check.story)")
      } catch {
        Issue.record("\(error)\n\(server.story)")
      }
      await server.killHard()
      let unmount = try await ProgramRunner.run("umount", ["--lazy", disk])
      #expect(unmount.succeeded, "\(unmount.story)")
    }

    private func fill(_ disk: String, _ server: ServerProcess, _ workspace: Workspace) async throws {
      let base = "http://\(server.address.authority)"
      let curl = Curl(workspace: workspace)
      let small = randomBytes(1 << 20)
      let smallFile = try workspace.write(small, to: "small")
      let large = randomBytes(24 << 20)
      let largeFile = try workspace.write(large, to: "large")
      #expect(try await curl.pushBlob(smallFile, digest: sha256(small), to: "acme/full", at: base).status == 201)

      // Leaves some room, so that the disk fills while the blob arrives and not before.
      let filler = "\(disk)/filler"
      try Data(count: 50 << 20).write(to: URL(fileURLWithPath: filler))
      for _ in 1...3 {
        let refused = try await curl.pushBlob(largeFile, digest: sha256(large), to: "acme/full", at: base)
        #expect(refused.status == 507 && refused.errorCodes == ["INSUFFICIENT_STORAGE"], "\(refused.text)")
        #expect(refused.text.contains("no space left"), "\(refused.text)")
      }
      let kept = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(small))")
      #expect(kept.status == 200)
      #expect(sha256(kept.body) == sha256(small))
      let missing = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(large))")
      #expect(missing.status == 404)

      // Now there is none at all, for rows neither.
      let rest = "\(disk)/rest"
      _ = try await ProgramRunner.run("dd", ["if=/dev/zero", "of=\(rest)", "bs=4k"])
      let refusal = try await refusedManifest(server.address, layer: small)
      #expect(refusal.status == 507 && refusal.text.contains("INSUFFICIENT_STORAGE"), "\(refusal.text)")
      let again = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(small))")
      #expect(again.body == small)
      let ready = try await RegistryReader.get(server.address, "/readyz")
      #expect(ready.text.contains("are free; pushes may fail"), "\(ready.text)")
      // Lines of the log wait for others, a fifth of a second.
      try await eventually("the log says that the disk is full") { server.story.contains("no space is left") }

      try FileManager.default.removeItem(atPath: rest)
      try FileManager.default.removeItem(atPath: filler)
      // The server may watch for room now and then; it has to come back by itself.
      try await eventually("the push succeeds once there is room") {
        try await curl.pushBlob(largeFile, digest: sha256(large), to: "acme/full", at: base).status == 201
      }
      let answer = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(large))")
      #expect(sha256(answer.body) == sha256(large))
      #expect(try await pushManifest(server.address, layer: large, tag: "whole").status == 201)
      #expect(try await RegistryReader.verify(server.address, "acme/full", "whole").hasPrefix("sha256:"))
    }

    /// Pushes manifests until one is refused: the database has some pages left to write to.
    private func refusedManifest(_ address: Address, layer: [UInt8]) async throws -> HTTPAnswer {
      for number in 0..<3000 {
        let answer = try await pushManifest(address, layer: layer, tag: "t\(number)")
        if answer.status != 201 { return answer }
      }
      throw HarnessError("every manifest found room")
    }

    private func pushManifest(_ address: Address, layer: [UInt8], tag: String) async throws -> HTTPAnswer {
      // The layer stands for the configuration too, which nobody reads here.
      let descriptor = ManifestDescriptor(MediaTypes.layerGzip, layer)
      let manifest = try ImageManifest(
        mediaType: MediaTypes.manifest, config: descriptor, layers: [descriptor],
        annotations: ["number": tag, "padding": String(repeating: "a", count: 2000)]
      ).encoded()
      return try await onOwnThread {
        try HTTPConnection(address).request(
          "PUT", "/v2/acme/full/manifests/\(tag)", headers: [("Content-Type", MediaTypes.manifest)], body: manifest)
      }
    }
  }
}
