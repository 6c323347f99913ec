import ArgumentParser
import Ground
import OCI

struct ExceptionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exception", abstract: "Risks that a namespace takes until a day.",
    subcommands: [List.self, Add.self, End.self])

  private static func path(_ namespace: String) -> String {
    "/api/v1/namespaces/\(PercentCoding.encoded(namespace))/exceptions"
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List exceptions, also those whose time is over.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all(ExceptionCommand.path(namespace)),
          [
            ("number", "id"), ("state", "state"), ("vulnerability", "vulnerability"), ("package", "package"),
            ("image", "image"), ("rule", "rule"), ("in", "pattern"), ("until", "until"), ("by", "by"),
            ("reason", "reason"),
          ])
      }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Take a risk: what it is about does not count until a day.",
      discussion: """
        berth exception add acme --vulnerability CVE-2024-3094 --days 30 --reason "not reachable: no sshd in our images"
        berth exception add acme --image acme/api:1.2 --package openssl --days 7 --reason "the next release mends it"
        berth exception add acme --image acme/demo@sha256:… --rule secret --days 90 --reason "a key of the test suite"
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "Any name of the vulnerability.") var vulnerability: String?
    @Option(help: "The name of the package.") var package: String?
    @Option(help: "Only of this image: name:tag, for what the tag points to at the time, or name@digest.")
    var image: String?
    @Option(help: "Not findings, but what else a policy asks: unscanned, endOfLife, secret.") var rule: String?
    @Option(help: "Only in these repositories: a pattern.") var on: String?
    @Option(help: "Why.") var reason: String
    @Option(help: "For so many days.") var days: Int?
    @Option(help: "Until this time: 2026-12-31T00:00:00Z.") var until: String?
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
      guard (days == nil) != (until == nil) else { throw ValidationError("say --days or --until") }
    }

    func run() async throws {
      try await remote.run { server in
        let end = until ?? (SystemTime().now + .seconds(Int64(days ?? 0) * 86_400)).description
        var body: JSONObject = ["reason": .string(reason), "until": .string(end)]
        for (name, value) in [
          ("vulnerability", vulnerability), ("package", package), ("image", image), ("rule", rule), ("pattern", on),
        ] {
          if let value { body.append(name, .string(value)) }
        }
        let made = try await server.call(.post, ExceptionCommand.path(namespace), .object(body))
        if let vulnerability, made["known"]?.bool == false {
          standardError(
            "berth: no advisory of the name \(vulnerability) is known here: until one comes it has no effect")
        }
        remote.tell("Exception \(made["id"]?.integer ?? 0) is in force until \(made["until"]?.string ?? "").", made)
      }
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "end", abstract: "End an exception before its day.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "The exception's number.") var number: Int
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "\(ExceptionCommand.path(namespace))/\(number)")
        remote.tell("Exception \(number) has ended.")
      }
    }
  }
}
