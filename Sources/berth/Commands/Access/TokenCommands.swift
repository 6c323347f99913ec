import Access
import ArgumentParser
import Glibc
import OCI

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Tokens, one's own or a robot's.",
    subcommands: [List.self, Create.self, Revoke.self])

  /// Where the tokens of a robot, or one's own, are.
  static func path(_ robot: String?) throws -> String {
    try robot.map { "\(try RobotCommand.path($0))/tokens" } ?? "/api/v1/tokens"
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List tokens.")
    @Option(help: "A robot's instead of one's own.") var robot: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all(try TokenCommand.path(robot)),
          [
            ("id", "id"), ("name", "name"), ("scope", "scope"), ("ends", "expiresAt"), ("last used", "usedAt"),
            ("made", "createdAt"),
          ])
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Make a token, which is printed once.",
      discussion: """
        berth token create laptop --days 90
        berth token create mirror --scope 'acme/*:pull' --scope acme/api:pull,push
        """)
    @Argument(help: "What it is for.") var name: String
    @Option(help: "For a robot instead of oneself.") var robot: String?
    @Option(help: "What it may at most: PATTERN:ACTIONS. May be repeated.") var scope: [String] = []
    @Option(help: "How many days it lasts; as many as a token may, or until it is revoked, unless given.") var days:
      Int?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body: JSONObject = ["name": .string(name)]
        if let days { body.append("seconds", try secondsOf(days: days)) }
        if !scope.isEmpty { body.append("scope", .array(try scope.map(Self.entry))) }
        let made = try await server.call(.post, try TokenCommand.path(robot), .object(body))
        remote.tell(made["secret"]?.string ?? "", made)
      }
    }

    private static func entry(_ text: String) throws -> JSONValue {
      let parts = text.split(separator: ":")
      guard parts.count == 2 else { throw ValidationError("“\(text)” is not of the form acme/*:pull,push") }
      return [
        "repository": .string(String(parts[0])),
        "actions": .array(parts[1].split(separator: ",").map { .string(String($0)) }),
      ]
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke", abstract: "Revoke a token: it ends at once, everywhere.")
    @Argument(help: "Its id, from berth token list.") var id: String
    @Option(help: "A robot's instead of one's own.") var robot: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "\(try TokenCommand.path(robot))/\(pathPart(id))")
        remote.tell("Revoked the token \(id).")
      }
    }
  }
}

struct TrustCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust", abstract: "CI jobs that need no stored secret.",
    subcommands: [List.self, Add.self, Remove.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List whom a namespace trusts.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/namespaces/\(pathPart(namespace))/trust"),
          [
            ("name", "name"), ("issuer", "issuer"), ("claims", "claims"), ("for", "audience"), ("role", "role"),
            ("on", "pattern"), ("seconds", "seconds"), ("problem", "problem"),
          ])
      }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Trust the jobs of an issuer whose tokens have certain claims.",
      discussion: """
        berth trust add acme main --github acme/api --ref refs/heads/main --role writer --on acme/api
        berth trust add acme main --issuer https://gitlab.com --claim project_path=acme/api --role writer
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "The rule's name.") var name: String
    @Option(help: "A repository of GitHub: its issuer, and the claim repository.") var github: String?
    @Option(help: "A project of gitlab.com: its issuer, and the claim project_path.") var gitlab: String?
    @Option(help: "The git reference, such as refs/heads/main.") var ref: String?
    @Option(help: "Another issuer.") var issuer: String?
    @Option(help: "A claim and its value, a star stands for any text: NAME=VALUE. May be repeated.")
    var claim: [String] = []
    @Option(help: "Whom the token must be for, when that is not this registry's own name.") var audience: String?
    @Option(help: "reader, writer or maintainer.") var role: String
    @Option(help: "Only on these repositories: a pattern.") var on: String?
    @Option(help: "How many minutes an exchanged token lasts.") var minutes = 15
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
      guard [github, gitlab, issuer].count(where: { $0 != nil }) == 1 else {
        throw ValidationError("name the issuer, once: --github, --gitlab or --issuer")
      }
    }

    func run() async throws {
      try await remote.run { server in
        var claims: JSONObject = [:]
        var from = issuer
        if let github {
          from = "https://token.actions.githubusercontent.com"
          claims.append("repository", .string(github))
        }
        if let gitlab {
          from = "https://gitlab.com"
          claims.append("project_path", .string(gitlab))
        }
        if let ref { claims.append("ref", .string(ref)) }
        for text in claim {
          let parts = text.split(separator: "=", maxSplits: 1)
          guard parts.count == 2 else { throw ValidationError("“\(text)” is not of the form NAME=VALUE") }
          claims.append(String(parts[0]), .string(String(parts[1])))
        }
        guard let from else { return }
        var body: JSONObject = [
          "name": .string(name), "issuer": .string(from), "claims": .object(claims), "role": .string(role),
          "seconds": .integer(Int64(min(max(minutes, 0), 100_000)) * 60),
        ]
        if let audience { body.append("audience", .string(audience)) }
        if let on { body.append("pattern", .string(on)) }
        try await server.call(.post, "/api/v1/namespaces/\(pathPart(namespace))/trust", .object(body))
        remote.tell("\(namespace) trusts jobs of \(from) as \(role) (\(name)).")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Trust them no more.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "The rule's name.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/namespaces/\(pathPart(namespace))/trust/\(pathPart(name))")
        remote.tell("\(namespace) trusts \(name) no more.")
      }
    }
  }
}

struct AccessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access", abstract: "Questions about access, and the key that signs tokens.",
    subcommands: [Explain.self, RotateKey.self])

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "explain",
      abstract: "Which rule lets somebody do something, or that none does (exit code 3).")
    @Argument(help: "A user, a robot, or anonymous.") var account: String
    @Argument(help: "The repository.") var repository: String
    @Argument(help: "pull, push or delete.") var action: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      var isAllowed = false
      try await remote.run { server in
        let query = [("account", account), ("repository", repository), ("action", action)]
          .map { "\($0.0)=\(PercentCoding.encoded($0.1))" }.joined(separator: "&")
        let answer = try await server.call(.get, "/api/v1/access/explain?\(query)")
        isAllowed = answer["allowed"]?.bool ?? false
        remote.tell("\(isAllowed ? "allowed" : "denied"): \(answer["rule"]?.string ?? "")", answer)
      }
      if !isAllowed { throw ExitCode.answerIsNo }
    }
  }

  struct RotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rotate-key",
      abstract: "Sign tokens with a new key from now on. Nobody is logged out.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let answer = try await server.call(.post, "/api/v1/signing-keys/rotate")
        remote.tell("The new key is \(answer["key"]?.string ?? "").", answer)
      }
    }
  }
}

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "The record of what was done.", subcommands: [Show.self, Verify.self],
    defaultSubcommand: Show.self)

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "The newest records, all of them, or as they come.")
    @Option(help: "Only these: push, pull, login, refusal, …") var kind: String?
    @Option(help: "Only of this account.") var actor: String?
    @Option(help: "Only in this namespace.") var namespace: String?
    @Option(help: "Only what ended so.") var outcome: Outcome?
    @Option(help: "Not before this time, or not longer ago: 2026-11-24T00:00:00Z, 12h, 1d, 2w.") var since: Moment?
    @Option(help: "Before this time, or longer ago.") var until: Moment?
    @Option(name: [.customShort("n"), .long], help: "How many of the newest, at most 10000.") var count = RowCount(50)
    @Flag(help: "All of them, oldest first, as JSON lines.") var export = false
    @Flag(help: "As they come.") var follow = false
    @OptionGroup var remote: RemoteOptions

    enum Outcome: String, ExpressibleByArgument, CaseIterable { case done, refused, failed }

    /// How often a server is asked for what is new.
    static let followInterval: Duration = .seconds(1)

    func run() async throws {
      try await remote.run { server in
        let filter = [
          ("kind", kind), ("actor", actor), ("namespace", namespace), ("outcome", outcome?.rawValue),
          ("since", since?.text), ("until", until?.text),
        ].compactMap { name, value in value.map { "&\(name)=\(PercentCoding.encoded($0))" } }.joined()
        guard export || follow else {
          return remote.show(
            try await server.some(count, "/api/v1/audit?\(filter.dropFirst())").reversed(), Self.columns)
        }
        var cursor = "0"
        if follow && !export { cursor = try await end(server) }
        while true {
          let page = try await server.call(.get, "/api/v1/audit?order=chain&n=1000&cursor=\(cursor)\(filter)")
          let items = page["items"]?.array ?? []
          for item in items { print(export || remote.output == .json ? item.text : Self.line(item)) }
          // Who reads from a pipe waits for it.
          fflush(nil)
          cursor = page["next"]?.string ?? cursor
          if items.count < 1000 {
            guard follow else { return }
            try await Task.sleep(for: Self.followInterval)
          }
        }
      }
    }

    private static let columns = [
      ("at", "at"), ("kind", "kind"), ("outcome", "outcome"), ("actor", "actor"), ("with", "credential"),
      ("from", "address"), ("on", "target"), ("detail", "detail"),
    ].map { (title: $0.0, member: $0.1) }

    /// The last link, from which to follow: of the namespace that is asked for, since its owners may read no other.
    private func end(_ server: RemoteServer) async throws -> String {
      let own = namespace.map { "&namespace=\(PercentCoding.encoded($0))" } ?? ""
      // The newest of all have their places in the chain a second later.
      let newest = try await server.call(.get, "/api/v1/audit?n=1000\(own)")
      return String(newest["items"]?.array?.lazy.compactMap { $0["position"]?.integer }.first ?? 0)
    }

    private static func line(_ item: JSONValue) -> String {
      columns.dropLast().map { RemoteOptions.cell(item[$0.member]) }.joined(separator: "  ")
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Follow the chain of the record from its beginning (exit code 3 when it is broken).")
    @Option(help: "A link that was written down before: POSITION:HASH. May be repeated.") var expect: [String] = []
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      var isWhole = false
      try await remote.run { server in
        let query = expect.map { "expect=\(PercentCoding.encoded($0))" }.joined(separator: "&")
        let path = "/api/v1/audit/verify" + (query.isEmpty ? "" : "?\(query)")
        // Millions of records take minutes.
        let answer = try await server.call(.get, path, timeout: RemoteServer.importTimeout)
        isWhole = answer["whole"]?.bool ?? false
        let count = answer["records"]?.integer ?? 0
        let last = "\(answer["last"]?.integer ?? 0):\(answer["hash"]?.string ?? "")"
        let text =
          isWhole
          ? "The record is whole: \(counted(count, "link")). The last one, to be written down elsewhere:\n\(last)"
          : "The record is broken: \(answer["problem"]?.string ?? "")"
        remote.tell(text, answer)
      }
      if !isWhole { throw ExitCode.answerIsNo }
    }
  }
}
