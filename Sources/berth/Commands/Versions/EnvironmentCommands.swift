import ArgumentParser
import OCI

struct EnvironmentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env", abstract: "Environments: what runs where, promotion and the way back.",
    subcommands: [
      List.self, Show.self, Create.self, Set.self, Delete.self, Promote.self, Rollback.self, Releases.self,
      Release.self,
      Approve.self, Withdraw.self, End.self,
    ])

  /// An environment as people write it: `acme/production`.
  struct Name: ExpressibleByArgument {
    let namespace, name: String

    init?(argument: String) {
      let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
      namespace = String(parts[0])
      name = String(parts[1])
    }

    var text: String { "\(namespace)/\(name)" }
    var path: String { "\(EnvironmentCommand.path(namespace))/\(pathPart(name))" }
  }

  /// Which environment a command is about.
  struct Which: ParsableArguments {
    @Argument(
      help: ArgumentHelp("The environment: acme/production, or production with --namespace.", valueName: "environment")
    ) var name: String
    @Option(help: "The namespace, where the name does not hold it.") var namespace: String?

    private var parsed: Name? { Name(argument: namespace.map { "\($0)/\(name)" } ?? name) }

    var environment: Name {
      guard let parsed else { preconditionFailure("a name that is none was validated") }
      return parsed
    }

    func validate() throws {
      if parsed == nil {
        throw ValidationError(
          "“\(name)” names no environment: acme/production, or production --namespace acme")
      }
    }
  }

  static func path(_ namespace: String) -> String { "/api/v1/namespaces/\(pathPart(namespace))/environments" }

  static let imageColumns = [
    ("repository", "repository"), ("digest", "digest"), ("release", "release"), ("since", "since"),
  ]

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the environments of a namespace.")
    @Argument(help: ArgumentHelp("The namespace.", valueName: "namespace")) var place: String?
    @Option(help: "The namespace, as the other commands take it.") var namespace: String?
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
      if (place == nil) == (namespace == nil) { throw ValidationError("name one namespace") }
    }

    func run() async throws {
      try await remote.run { server in
        let found = try await server.call(.get, EnvironmentCommand.path(place ?? namespace ?? ""))
        remote.show(
          found.array ?? [],
          [
            ("name", "name"), ("release", "release"), ("repositories", "repositories"), ("requires", "requires"),
            ("approvals", "approvals"),
          ])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Show what runs in an environment, now or as of a time.")
    @OptionGroup var which: Which
    @Option(help: "As it was at this time, or so long ago: 12h, 1d, 2w.") var asOf: Moment?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let query = asOf.map { "?asOf=\(PercentCoding.encoded($0.text))" } ?? ""
        let found = try await server.call(.get, which.environment.path + query)
        guard remote.output == .table else { return remote.tell("", found) }
        remote.show(found["images"]?.array ?? [], EnvironmentCommand.imageColumns)
      }
    }
  }

  /// What an environment asks of its releases.
  struct Settings: ParsableArguments {
    @Option(help: "A pattern of repositories that it covers; may be repeated. All unless given.") var repository:
      [String] = []
    @Option(help: "An environment in which an image must have been before; may be repeated.") var requires: [String] =
      []
    @Option(help: "A pattern; a tag that one takes must point to an image: semver, v*; may be repeated.")
    var tag: [String] = []
    @Option(help: "Who may promote: an account, team:NAME, trust:NAME; may be repeated. Maintainers unless given.")
    var promoter: [String] = []
    @Option(help: "Who may agree; may be repeated. People who are maintainers unless given.") var approver: [String] =
      []
    @Option(help: "How many others than the one who asks must agree.") var approvals: Int?
    @Flag(inversion: .prefixedNo, help: "Rolling back needs that too.") var rollbackNeedsApproval: Bool?
    @Option(help: "When nothing is promoted, as JSON; may be repeated.") var freeze: [String] = []
    @Option(
      help: ArgumentHelp(
        #"What may be wrong with images, as JSON: {"block": {"severity": "critical"}}, with "at": ["pull", "#
          + #""promotion"] also at pulls of what it runs; null: nothing is asked."#))
    var policy: String?

    func members() throws -> [JSONObject.Member] {
      var members: [JSONObject.Member] = []
      let lists = [
        ("repositories", repository), ("requires", requires), ("tags", tag), ("promoters", promoter),
        ("approvers", approver),
      ]
      for (name, texts) in lists where !texts.isEmpty {
        members.append(.init(key: name, value: .array(texts.map { .string($0) })))
      }
      if let approvals { members.append(.init(key: "approvals", value: .integer(Int64(approvals)))) }
      if let rollbackNeedsApproval {
        members.append(.init(key: "rollbackNeedsApproval", value: .bool(rollbackNeedsApproval)))
      }
      if !freeze.isEmpty {
        let windows = try freeze.map { text in
          do { return try JSONValue.parse(text) } catch { throw ValidationError("--freeze is no JSON: \(error)") }
        }
        members.append(.init(key: "freezes", value: .array(windows)))
      }
      if let policy {
        do { members.append(.init(key: "policy", value: try JSONValue.parse(policy))) } catch {
          throw ValidationError("--policy is no JSON: \(error)")
        }
      }
      return members
    }
  }

  /// Settings that are lists, by the names of their options.
  enum Resettable: String, ExpressibleByArgument, CaseIterable {
    case repository, requires, tag, promoter, approver

    /// Its name in the API.
    var member: String {
      switch self {
      case .repository: "repositories"
      case .requires: "requires"
      case .tag: "tags"
      case .promoter: "promoters"
      case .approver: "approvers"
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Make an environment.",
      discussion: """
        berth env create acme/staging
        berth env create acme/production --requires staging --tag semver --approvals 1
        berth env create production --namespace acme
        """)
    @OptionGroup var which: Which
    @OptionGroup var settings: Settings
    @Flag(help: "Tags of this name that are there become its first release.") var adopt = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      let members = try settings.members()
      try await remote.run { server in
        var body = JSONObject([.init(key: "name", value: .string(which.environment.name))] + members)
        if adopt { body.append("adopt", true) }
        let answer = try await server.call(.post, EnvironmentCommand.path(which.environment.namespace), .object(body))
        remote.tell("Made the environment \(which.environment.text).", answer)
      }
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set", abstract: "Change settings of an environment; others stay.")
    @OptionGroup var which: Which
    @OptionGroup var settings: Settings
    @Flag(help: "Freeze it no more.") var noFreeze = false
    @Option(help: "Set this back to what it is unless given; may be repeated.") var reset: [Resettable] = []
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      var members = try settings.members()
      if noFreeze { members.append(.init(key: "freezes", value: [])) }
      for list in reset {
        guard !members.contains(where: { $0.key == list.member }) else {
          throw ValidationError("--reset \(list.rawValue) does not go with --\(list.rawValue)")
        }
        members.append(.init(key: list.member, value: []))
      }
      guard !members.isEmpty else { throw ValidationError("name a setting to change") }
      let body = JSONObject(members)
      try await remote.run { server in
        remote.tell(
          "Changed the environment \(which.environment.text).",
          try await server.call(.patch, which.environment.path, .object(body)))
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete",
      abstract: "Take an environment away, with its releases; its tags stay, as tags like any other.")
    @OptionGroup var which: Which
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, which.environment.path)
        remote.tell("Took the environment \(which.environment.text) away.")
      }
    }
  }
}
