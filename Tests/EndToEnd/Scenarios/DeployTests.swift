import Foundation
import Testing

extension EndToEnd {
  /// The scripts in `deploy/`, as `make image` and `make replicas` call them.
  @Suite struct DeployTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()

    private static func script(_ name: String) -> String { root.appending(path: "deploy/\(name)").path() }

    @Test("the layout of make image is pushed to berth and pulled, and the berth in it runs with nothing around it")
    func image() async throws {
      try await withServer { server, workspace in
        let layout = workspace.file("image")
        try await ProgramRunner.succeed(
          Self.script("make-image"), [ServerProcess.binary, layout], timeoutSeconds: 300)
        let version = try await ProgramRunner.succeed(ServerProcess.binary, ["version"]).trimmed
        let tag = try #require(version.split(separator: " ").dropFirst().first.map { String($0) })
        let image = LayoutImage(path: layout, tag: tag)
        let config = String(decoding: try image.blob(image.configDigest()), as: UTF8.self)
        #expect(config.contains(#""Entrypoint":["/usr/local/bin/berth"]"#) && config.contains(#""User":"65532:65532""#))
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/berth/berth:\(tag)"
        try await skopeo.copy(image.reference, "docker://\(reference)", ["--preserve-digests"])
        #expect(try await RegistryReader.verify(server.address, "berth/berth", tag) == image.digest())

        let pulled = try await skopeo.fetch(reference, ["--preserve-digests"])
        let root = try workspace.folder("root")
        for layer in try pulled.manifest().layers ?? [] {
          let file = try workspace.write(pulled.blob(layer.digest), to: "layer")
          try await ProgramRunner.succeed("tar", ["-C", root, "-xzf", file])
        }
        func inside(_ arguments: String...) async throws -> ProgramOutcome {
          // A container has /proc, from which a program of Swift knows its arguments. The mount goes with the process.
          let enter =
            #"mkdir -p "$0/proc" && mount --bind /proc "$0/proc" && "#
            + #"exec chroot --userspec=65532:65532 "$0" /usr/local/bin/berth "$@""#
          return try await ProgramRunner.run("unshare", ["--mount", "sh", "-c", enter, root] + arguments)
        }
        let told = try await inside("version")
        #expect(told.trimmed == version, "\(told.story)")
        // libpq is loaded when it is needed.
        let refused = try await inside(
          "config", "check", "--data", "/tmp", "--database", "postgres://berth@127.0.0.1:1/berth")
        #expect(refused.story.contains("Connection refused"), "\(refused.story)")
      }
    }

    @Test("make replicas: podman pushes through one and pulls through the other while the first is killed")
    func replicas() async throws {
      let image = try await SharedImages.shared.debian()
      let workspace = try Workspace()
      let first = try Self.twoFreePorts()
      let log = try TemporaryFile()
      func printed() -> String { String(decoding: log.contents(), as: UTF8.self) }
      let weed =
        ProcessInfo.processInfo.environment["BERTH_TEST_WEED"]
        ?? Self.root.appending(path: ".build-tools/venv/bin/weed").path()
      let script = try ChildProcess(
        path: Self.script("replicas"), arguments: [ServerProcess.binary, weed],
        environment: ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PORT": "\(first)"],
        output: log.descriptor, errors: log.descriptor, ownGroup: true)
      do {
        try await eventually(within: 90, "the replicas are up") {
          if let ending = script.ending { throw HarnessError("the script ended with \(ending)") }
          return printed().contains("Ctrl-C ends all of it.")
        }
        try await Podman(in: workspace).push(image, to: "127.0.0.1:\(first)/acme/api:1.0")
        let process = try #require(printed().firstMatch(of: #/127\.0\.0\.1:(\d+) \(process (\d+)\)/#))
        #expect(process.output.1 == "\(first)")
        kill(try #require(pid_t(process.output.2)), SIGKILL)
        let id = try await Podman(in: workspace).pull("127.0.0.1:\(first + 1)/acme/api:1.0")
        #expect(id == (try image.configDigest()))

        // As Ctrl-C does: all that was started ends, and nothing is left.
        kill(script.pid, SIGTERM)
        try await eventually(within: 60, "the script has ended") { script.ending != nil }
        #expect(script.ending == .exited(0))
        let folder = try #require(printed().firstMatch(of: #/logs +(/.*)/#)?.output.1)
        #expect(!FileManager.default.fileExists(atPath: String(folder)))
        await #expect(throws: HarnessError.self) {
          try await RegistryReader.get(.loopback4(port: first + 1), "/v2/")
        }
      } catch {
        Issue.record("\(error)\n\(printed())")
      }
      if script.ending == nil {
        kill(script.pid, SIGTERM)
        try? await eventually(within: 30, "the script has ended") { script.ending != nil }
        script.kill(SIGKILL)
      }
    }

    /// A port that is free, as is the one after it.
    private static func twoFreePorts() throws -> UInt16 {
      for _ in 0..<100 {
        let port = try Address.free4().port
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        let next = Address.loopback4(port: port &+ 1)
        if port < .max, next.withSocketAddress({ bind(descriptor, $0, $1) }) == 0 { return port }
      }
      throw HarnessError("no two free ports")
    }
  }
}
