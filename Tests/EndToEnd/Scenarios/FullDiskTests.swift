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
        #expect((500..<600).contains(refused.status) || refused.status == 413, "\(refused.status)")
        #expect(!refused.errorCodes.isEmpty, "no error envelope: \(refused.text)")
      }
      let kept = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(small))")
      #expect(kept.status == 200)
      #expect(sha256(kept.body) == sha256(small))
      let missing = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(large))")
      #expect(missing.status == 404)

      try FileManager.default.removeItem(atPath: filler)
      // The server may watch for room now and then; it has to come back by itself.
      try await eventually("the push succeeds once there is room") {
        try await curl.pushBlob(largeFile, digest: sha256(large), to: "acme/full", at: base).status == 201
      }
      let answer = try await RegistryReader.get(server.address, "/v2/acme/full/blobs/\(sha256(large))")
      #expect(sha256(answer.body) == sha256(large))
    }
  }
}
