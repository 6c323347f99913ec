import ArgumentParser
import OCI
import Scanning

struct VEXCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vex", abstract: "What vendors and teams say does not count: OpenVEX and CSAF.",
    discussion: """
      berth vex set acme ours.openvex.json --name ours
      oras attach --artifact-type application/openvex+json registry/acme/api:2.3 ours.openvex.json

      What is attached to an image is said of that image alone.
      """, subcommands: [List.self, Set.self, Remove.self])

  private static func path(_ namespace: String) -> String { "/api/v1/namespaces/\(pathPart(namespace))/vex" }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List documents, uploaded and attached.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all(VEXCommand.path(namespace)),
          [
            ("document", "document"), ("repositories", "repositories"), ("attached to", "subject"),
            ("author", "author"),
            ("statements", "statements"), ("latest", "latestAt"), ("state", "state"), ("reason", "reason"),
          ])
      }
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Set a document, in place of the one of its name.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "A file with OpenVEX or CSAF in JSON.") var file: String
    @Option(help: "Its name; that of the file unless given.") var name: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      let name = name ?? String(file.split(separator: "/").last ?? "")
      var document: [UInt8] = []
      do {
        try RecordFiles.whole(at: file) { document = Array($0) }
      } catch let failure as RecordFiles.Failure {
        standardError("berth: \(failure)")
        throw ExitCode.failure
      }
      let bytes = document
      try await remote.run { server in
        let answer = try await server.put(bytes, to: "\(VEXCommand.path(namespace))/\(pathPart(name))")
        remote.tell("Set \(name): \(counted(answer["statements"]?.integer ?? 0, "statement")).", answer)
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a document away.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "The document's name.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "\(VEXCommand.path(namespace))/\(pathPart(name))")
        remote.tell("Took \(name) away.")
      }
    }
  }
}
