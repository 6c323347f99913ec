import ArgumentParser
import OCI

struct InspectionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspection", abstract: "How far the registry knows its layers and images.",
    subcommands: [Status.self, Rematch.self])

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "status",
      abstract: "How many layers and images are read, wait, could not be read.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let found = try await server.call(.get, "/api/v1/inspection")
        func count(_ part: String, _ state: String) -> Int64 { found[part]?[state]?.integer ?? 0 }
        remote.tell(
          """
          Layers: \(count("layers", "read")) read, \(count("layers", "waiting")) waiting, \
          \(count("layers", "failed")) could not be read.
          Images: \(count("images", "known")) known, \(count("images", "waiting")) waiting.
          Versions of packages: \(found["packages"]?.integer ?? 0), findings of them: \(found["findings"]?.integer ?? 0).
          """, found)
      }
    }
  }

  struct Rematch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rematch",
      abstract: "Judge everything in the registry by every advisory once more. No layer is read.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let report = try await server.call(
          .post, "/api/v1/inspection/rematch", timeout: RemoteServer.importTimeout)
        func count(_ name: String) -> Int64 { report[name]?.integer ?? 0 }
        remote.tell(
          """
          \(count("packages")) versions of packages judged: \(count("findingsNew")) newly affected, \
          \(count("findingsGone")) not any more, \(count("findingsChanged")) otherwise than before.
          """, report)
      }
    }
  }
}
