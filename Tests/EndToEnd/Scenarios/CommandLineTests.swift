import Foundation
import Testing

extension EndToEnd {
  /// What a person does with the executable beside pushing and pulling.
  @Suite struct CommandLineTests {
    @Test("gc tells its plan beside a running server and changes nothing; without one it carries it out")
    func collection() async throws {
      try await withServer(configuration: "collection:\n  enabled: false\n  lease: 1s\n") { server, workspace in
        let bytes = randomBytes(100_000)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        #expect(try await curl.pushBlob(file, digest: digest, to: "acme/api", at: base).status == 201)
        try await eventually("the plan has the blob that no manifest names") {
          let plan = try await server.run(["gc", "--dry-run"])
          return plan.succeeded && plan.text.contains("blob \(digest) in acme/api: no manifest names it")
        }
        #expect(try await RegistryReader.get(server.address, "/v2/acme/api/blobs/\(digest)").status == 200)
        let busy = try await server.run(["gc"])
        #expect(!busy.succeeded && busy.errors.contains("in use"), "\(busy.story)")

        try await server.stop()
        let done = try await server.run(["gc"])
        #expect(done.succeeded && done.text.contains("freed 1 blob,"), "\(done.story)")
        let after = try await server.run(["gc", "--dry-run"])
        #expect(after.text.contains("0 manifests, 0 blobs"), "\(after.story)")
        #expect(try await server.check().succeeded)
        try await server.start()
        #expect(try await RegistryReader.get(server.address, "/v2/acme/api/blobs/\(digest)").status == 404)
      }
    }

    @Test("healthcheck ends with 0 while the server is ready, and with 1 when it is gone", arguments: [true, false])
    func healthcheck(_ overTCP: Bool) async throws {
      let folder = try Workspace()
      let address = overTCP ? try Address.free4() : .unixSocket(path: folder.file("berth.sock"))
      try await withServer(address: address) { server, _ in
        let command = ["healthcheck", "--listen", address.listenArgument]
        let ready = try await server.run(command)
        #expect(ready.succeeded && ready.text.contains(#""ready":true"#), "\(ready.story)")
        try await server.stop()
        let gone = try await server.run(command)
        #expect(gone.ending == .exited(1) && gone.errors.contains("no answer from"), "\(gone.story)")
      }
    }

    @Test("a mistake in the configuration is told with file, line and what was meant, and nothing is served")
    func mistake() async throws {
      let workspace = try Workspace()
      let file = try workspace.write("limits:\n  idle_timeou: 5s\n", to: "berth.yaml")
      for command in [["config", "check"], ["config", "show"], ["serve", "--open"]] {
        let outcome = try await run(command + ["--config", file, "--data", workspace.file("data")])
        #expect(outcome.ending == .exited(78), "\(outcome.story)")
        let expected = #"\#(file):2:3: unknown key "idle_timeou" under "limits"; did you mean "idle_timeout"?"#
        #expect(outcome.errors.contains(expected), "\(outcome.story)")
      }
      #expect(!FileManager.default.fileExists(atPath: workspace.file("data")))
    }

    @Test("the executable tells its version, what each command does, its settings and their schema")
    func description() async throws {
      #expect(try await run(["version"]).text.hasPrefix("berth "))
      let help = try await run(["--help"])
      for command in ["serve", "check", "gc", "config", "version", "healthcheck"] {
        #expect(help.text.contains("\n  \(command) "), "\(help.story)")
        #expect(try await run([command, "--help"]).text.contains("USAGE: berth \(command)"))
      }
      let shown = try await run(["config", "show"])
      #expect(shown.succeeded && shown.text.contains("127.0.0.1:5000"), "\(shown.story)")
      let schema = try await run(["config", "schema"])
      let object = try JSONSerialization.jsonObject(with: Data(schema.output)) as? [String: Any]
      #expect(object?["additionalProperties"] as? Bool == false)
      #expect((object?["properties"] as? [String: Any])?["limits"] != nil)
    }

    @Test("--open is refused where other machines reach, and nothing is made")
    func openToAll() async throws {
      let workspace = try Workspace()
      let data = workspace.file("data")
      for address in ["0.0.0.0:0", "[::]:0", ":0"] {
        let outcome = try await run(["serve", "--open", "--listen", address, "--data", data])
        #expect(outcome.ending == .exited(78) && outcome.errors.contains("loopback"), "\(outcome.story)")
      }
      #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test("--open says so in the log")
    func openIsTold() async throws {
      try await withServer { server, _ in
        try await eventually("the log tells that everybody may do everything") {
          server.story.contains("open: everybody on this machine may do everything")
        }
      }
    }

    private func run(_ arguments: [String]) async throws -> ProgramOutcome {
      try await ProgramRunner.run(ServerProcess.binary, arguments, timeoutSeconds: 60)
    }
  }
}
