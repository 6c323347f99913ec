import Foundation
import Testing

extension EndToEnd {
  @Suite struct InterruptionTests {
    @Test("a push by skopeo that kill -9 interrupted succeeds when it is run again")
    func pushAgain() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/api:1.0"
        for delay in [20, 60, 120, 250] {
          async let interrupted = skopeo.run([
            "copy", "--dest-tls-verify=false", "--preserve-digests", image.reference, "docker://\(reference)",
          ])
          try await Task.sleep(for: .milliseconds(delay))
          await server.killHard()
          try await server.start()
          // Either is right: it was done before the kill, or it says that it failed.
          let first = try await interrupted
          if first.succeeded {
            #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
          }
        }
        try await skopeo.copy(image.reference, "docker://\(reference)", ["--preserve-digests"])
        #expect(try await RegistryReader.verify(server.address, "acme/api", "1.0") == image.digest())
      }
    }

    @Test("a server that is told twice to stop ends at once, whatever is under way")
    func toldTwice() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let bytes = randomBytes(1 << 20)
        let file = try workspace.write(bytes, to: "blob")
        let before = try await requestsUnderWay(server)
        async let slow = ProgramRunner.run(
          "curl",
          [
            "-s", "--limit-rate", "2000", "--data-binary", "@\(file)",
            "\(base)/v2/acme/api/blobs/uploads/?digest=\(sha256(bytes))",
          ], timeoutSeconds: 60)
        try await eventually("the upload is under way") { try await requestsUnderWay(server) > before }
        server.beginStopping()
        try await Task.sleep(for: .milliseconds(1500))
        server.beginStopping()
        #expect(await server.ended() == .exited(1), "\(server.story)")
        #expect(try await !slow.succeeded)
        #expect(server.story.contains("a second time"))
      }
    }

    private func requestsUnderWay(_ server: ServerProcess) async throws -> Int {
      let name = "registry_http_in_flight_requests "
      let lines = try await RegistryReader.get(server.address, "/metrics").text.split(separator: "\n")
      return lines.first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? 0
    }

    @Test("a server that is told to stop finishes the download that is under way")
    func finishesDownload() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        // More than the buffers of two sockets hold, so that the server cannot be done before it is told to stop.
        let bytes = randomBytes(32 << 20)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        let curl = Curl(workspace: workspace)
        #expect(try await curl.pushBlob(file, digest: digest, to: "acme/api", at: base).status == 201)

        let target = workspace.file("downloaded")
        async let download = ProgramRunner.run(
          "curl", ["-sSf", "--limit-rate", "12M", "-o", target, "\(base)/v2/acme/api/blobs/\(digest)"])
        try await eventually("the download has begun") { ((try? readFile(target))?.count ?? 0) > 0 }
        try await server.stop()
        let outcome = try await download
        #expect(outcome.succeeded, "\(outcome.story)")
        #expect(try sha256(readFile(target)) == digest)
        let after = try await ProgramRunner.run("curl", ["-sS", "--max-time", "5", "\(base)/v2/"])
        #expect(!after.succeeded, "somebody still listens")
      }
    }
  }
}
