import Foundation
import OCI
import Testing

extension EndToEnd {
  /// What holds of each command, whatever it does.
  @Suite struct EveryCommandTests {
    /// A command without commands of its own: its words, and what it takes.
    private struct Verb {
      let words: String
      let abstract: String
      let arguments: [JSONValue]
    }

    /// As the executable tells them; those that are not for people are left out.
    private static func verbs() async throws -> [Verb] {
      let dump = try await ProgramRunner.succeed(ServerProcess.binary, ["--experimental-dump-help"])
      func walk(_ command: JSONValue, _ path: [String]) -> [Verb] {
        let name = command["commandName"]?.string ?? ""
        guard command["shouldDisplay"]?.bool != false, name != "help" else { return [] }
        let own = (command["subcommands"]?.array ?? []).filter { $0["commandName"] != "help" }
        guard own.isEmpty else { return own.flatMap { walk($0, path + [name]) } }
        return [
          Verb(
            words: (path + [name]).dropFirst().joined(separator: " "), abstract: command["abstract"]?.string ?? "",
            arguments: (command["arguments"]?.array ?? []).filter { $0["shouldDisplay"]?.bool != false })
        ]
      }
      let all = walk(try JSONValue.parse(dump.trimmed)["command"] ?? .null, [])
      try #require(all.count > 90, "\(all.count) commands")
      return all
    }

    @Test("is run by one of these tests, as somebody at a terminal types it")
    func isRun() async throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
      let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".swift") }
      let sources = try names.map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }.joined()
      // Words stand as "vex", "list" there, or as berth vex list.
      let text = sources.replacing(/",\s+"/, with: " ")
      let missing = try await Self.verbs().map(\.words).filter { words in
        !["\"\(words)\"", "\"\(words) ", "berth \(words) "].contains { text.contains($0) }
      }
      #expect(missing == [])
    }

    @Test("says in words what it does, and what everything that it takes means")
    func isExplained() async throws {
      for verb in try await Self.verbs() {
        #expect(!verb.abstract.isEmpty, "\(verb.words)")
        for argument in verb.arguments {
          #expect(argument["abstract"]?.string?.isEmpty == false, "\(verb.words): \(argument)")
        }
      }
    }

    @Test("tells what is wrong with the command line with its own usage, whether it has begun or not, and ends with 64")
    func usage() async throws {
      for (words, told) in [
        (
          ["env", "set", "acme/production"], "name a setting to change\nUsage: berth env set [<options>] <environment>"
        ),
        (
          ["tag", "purge", "acme/api:1"],
          "name the image by its digest: acme/api@sha256:…\nUsage: berth tag purge <image>"
        ),
        (["tag", "history", "acme/api", "--count=-5"], "The value '-5' is invalid for '--count <count>'"),
        (["search", "x", "-n", "0"], "-n is a number from 1 to 10000\nUsage: berth search"),
        (["whoami", "--server", "http://"], "“http://” is no address of a server"),
        (["whoami", "--server", "ftp://registry.test"], "“ftp://registry.test” is no address of a server"),
      ] {
        let outcome = try await ProgramRunner.run(ServerProcess.binary, words)
        #expect(outcome.ending == .exited(64) && outcome.errors.contains(told), "\(outcome.story)")
        #expect(outcome.errors.contains("See 'berth \(words[0])"), "\(outcome.story)")
      }
    }

    @Test("is completed by the shells, in scripts that they can read", arguments: ["bash", "zsh", "fish"])
    func completion(_ shell: String) async throws {
      let workspace = try Workspace()
      let script = try await ProgramRunner.succeed(ServerProcess.binary, ["--generate-completion-script", shell])
      for word in ["inventory", "import-htpasswd", "fail-on"] {
        #expect(script.text.contains(word), "\(shell): \(word)")
      }
      #expect(!script.text.contains("inspect-layer"))
      guard shell == "bash" else { return }
      try await ProgramRunner.succeed("bash", ["-n", try workspace.write(script.text, to: "berth.bash")])
    }
  }
}
