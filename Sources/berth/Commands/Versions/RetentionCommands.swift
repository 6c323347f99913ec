import ArgumentParser
import OCI

struct RetentionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retention", abstract: "Which tags are kept, and why.",
    subcommands: [Set.self, Show.self, Remove.self, Preview.self])

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Set what is kept; a tag that nothing keeps is deleted, and can be restored while its history is kept.",
      discussion: """
        berth retention set acme --keep-last 10 --keep-tags semver
        berth retention set acme --on 'acme/web-*' --keep-newer-than 30 --keep-pulled-within 90
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "Only in these repositories: a pattern.") var on: String?
    @Option(help: "The newest so many tags.") var keepLast: Int?
    @Option(help: "Tags that were pointed in the last so many days.") var keepNewerThan: Int?
    @Option(help: "Tags whose image was pulled in the last so many days.") var keepPulledWithin: Int?
    @Option(help: "Tags of a kind: semver, v*, !latest; may be repeated.") var keepTags: [String] = []
    @Option(help: "Tags that are versions in a range: 2, '>=2.1 <3'.") var keepVersions: String?
    @Option(help: "The tags that it is about, of all; may be repeated.") var appliesTo: [String] = []
    @Option(help: "Images that nothing names go after so many days.") var deleteUntaggedAfter: Int?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      var value = JSONObject()
      let numbers = [
        ("keepLast", keepLast), ("keepNewerThanDays", keepNewerThan), ("keepPulledWithinDays", keepPulledWithin),
        ("deleteUntaggedAfterDays", deleteUntaggedAfter),
      ]
      for (name, number) in numbers { if let number { value.append(name, .integer(Int64(number))) } }
      for (name, texts) in [("keepTags", keepTags), ("appliesTo", appliesTo)] where !texts.isEmpty {
        value.append(name, .array(texts.map { .string($0) }))
      }
      if let keepVersions { value.append("keepVersions", .string(keepVersions)) }
      let rule = value
      try await remote.run { server in
        try await server.setRule("retention", to: .object(rule), in: namespace, on: on)
        remote.tell("Set. See what it does: berth retention preview \(namespace)")
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show what is kept in a namespace.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.rules(of: namespace, kind: "retention"),
          [("on", "pattern"), ("kept", "value"), ("by", "changedBy"), ("at", "changedAt")])
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Keep everything again.")
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "The pattern that the rule is on.") var on: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.removeRule("retention", in: namespace, on: on)
        remote.tell("Took retention on \(on ?? "all of \(namespace)") away.")
      }
    }
  }

  struct Preview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "preview",
      abstract: "Print every tag that retention keeps or deletes, and why.")
    @Argument(help: "The namespace.") var namespace: String
    @Flag(help: "Only what is deleted.") var deleted = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let found = try await server.all("/api/v1/namespaces/\(pathPart(namespace))/retention/preview")
        remote.show(
          found.filter { !deleted || $0["kept"]?.bool == false },
          [("repository", "repository"), ("tag", "tag"), ("kept", "kept"), ("because", "reason")])
      }
    }
  }
}

struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "How long the history of tags is kept.", subcommands: [Preview.self])

  struct Preview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "preview",
      abstract: "Print the events and labels that are beyond the time that history is kept, and will be let go of.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/namespaces/\(pathPart(namespace))/history/preview"),
          [
            ("repository", "repository"), ("tag", "tag"), ("event", "event"), ("at", "at"), ("digest", "digest"),
            ("record goes", "record"), ("labels", "labels"),
          ])
      }
    }
  }
}
