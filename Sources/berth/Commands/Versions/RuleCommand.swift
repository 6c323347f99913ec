import ArgumentParser
import Ground
import OCI

struct RuleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rule",
    abstract: "What a namespace wants of its repositories: immutable, history, retention, channels, policy.",
    subcommands: [List.self, Set.self, Remove.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the rules of a namespace.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.rules(of: namespace),
          [("kind", "kind"), ("on", "pattern"), ("value", "value"), ("by", "changedBy"), ("at", "changedAt")])
      }
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Set a rule, in place of the one of its kind on the same pattern.",
      discussion: """
        berth rule set acme immutable '["v*", "semver"]'
        berth rule set acme immutable '["!latest"]' --on 'acme/web-*'
        berth rule set acme policy '{"at":["pull"],"block":{"severity":"critical","onlyFixable":true}}'
        berth rule set acme history '{"states":50,"days":90,"environmentDays":365}'
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "immutable, history, retention, channels or policy.") var kind: String
    @Argument(help: "What it says, in JSON.") var value: String
    @Option(help: "Only in these repositories: a pattern.") var on: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      let value: JSONValue
      do { value = try JSONValue.parse(self.value) } catch {
        throw ValidationError("the value is no JSON: \(error)")
      }
      try await remote.run { server in
        try await server.setRule(kind, to: value, in: namespace, on: on)
        remote.tell("Set \(kind) on \(on ?? "all of \(namespace)").")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a rule away.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "immutable, history, retention, channels or policy.") var kind: String
    @Option(help: "The pattern that it is on.") var on: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.removeRule(kind, in: namespace, on: on)
        remote.tell("Took \(kind) on \(on ?? "all of \(namespace)") away.")
      }
    }
  }
}
