import ArgumentParser
import OCI

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Which images are refused, or given out with a warning, for what is wrong with them.",
    subcommands: [Set.self, Show.self, Remove.self, DryRun.self])

  /// What a policy asks, as flags or as JSON.
  struct Wish: ParsableArguments {
    @Option(help: #"The policy as JSON: {"at": ["pull"], "block": {"severity": "critical", "onlyFixable": true}}."#)
    var json: String?
    @Option(help: "Refuse findings of this severity or worse: low, medium, high, critical; unknown: every finding.")
    var block: PolicySeverity?
    @Option(help: "Warn of findings of this severity or worse.") var warn: PolicySeverity?
    @Flag(help: "Only findings that a newer version mends.") var onlyFixable = false
    @Option(help: "Only findings that have been known for longer than so many days.") var graceDays: Int?
    @Flag(help: "Refuse what is known to be exploited.") var exploited = false
    @Option(help: "Refuse what is exploited with a probability above so many percent.") var epssAbove: Int?
    @Flag(help: "Refuse images that are not read, or cannot be judged.") var unscanned = false
    @Flag(help: "Refuse distributions that get no updates any more.") var endOfLife = false
    @Flag(help: "Refuse images with a private key or a credential in them.") var secret = false
    @Option(help: "When it is asked: pull, promotion; may be repeated. Both unless given.") var at: [String] = []

    /// Nil: nothing was said.
    func value() throws -> JSONValue? {
      if let json {
        do { return try JSONValue.parse(json) } catch { throw ValidationError("--json is no JSON: \(error)") }
      }
      var blocked = JSONObject()
      if let block { blocked.append("severity", .string(block.rawValue)) }
      for (name, flag) in [
        ("exploited", exploited), ("unscanned", unscanned), ("endOfLife", endOfLife), ("secret", secret),
      ] where flag { blocked.append(name, true) }
      if let epssAbove { blocked.append("epssPercentAbove", .integer(Int64(epssAbove))) }
      var warned = JSONObject()
      if let warn { warned.append("severity", .string(warn.rawValue)) }
      guard !blocked.members.isEmpty || !warned.members.isEmpty else { return nil }
      for isWarning in [false, true] {
        var more = JSONObject()
        if onlyFixable { more.append("onlyFixable", true) }
        if let graceDays { more.append("graceDays", .integer(Int64(graceDays))) }
        if isWarning, !warned.members.isEmpty { for member in more.members { warned.append(member.key, member.value) } }
        let asksFindings = block != nil || exploited || epssAbove != nil
        if !isWarning, asksFindings { for member in more.members { blocked.append(member.key, member.value) } }
      }
      var policy: JSONObject = ["block": .object(blocked), "warn": .object(warned)]
      if !at.isEmpty { policy.append("at", .array(at.map { .string($0) })) }
      return .object(policy)
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Set the policy of a namespace, or of some of its repositories.",
      discussion: """
        berth policy set acme --block critical --only-fixable --grace-days 7 --warn high
        berth policy set acme --on acme/payments --block high --exploited --unscanned --at promotion
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "Only these repositories: a pattern.") var on: String?
    @OptionGroup var wish: Wish
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      guard let value = try wish.value() else { throw ValidationError("say what is to be blocked, or warned of") }
      try await remote.run { server in
        try await server.setRule("policy", to: value, in: namespace, on: on)
        remote.tell("Set. See what it would have refused: berth policy dry-run \(namespace)")
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the policies of a namespace.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.rules(of: namespace, kind: "policy"),
          [("on", "pattern"), ("policy", "value"), ("by", "changedBy"), ("at", "changedAt")])
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Refuse nothing for what is wrong with it any more.")
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "The pattern that the policy is on.") var on: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.removeRule("policy", in: namespace, on: on)
        remote.tell("Took the policy on \(on ?? "all of \(namespace)") away.")
      }
    }
  }

  struct DryRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dry-run",
      abstract: "Tell what a policy would have refused of the pulls and promotions of the last days.",
      discussion: """
        berth policy dry-run acme --block high --only-fixable
        berth policy dry-run acme --days 30

        Without a policy, the one that is set is tried. Images are judged by what is known of them now. An image counts once, by
        its last pull. Who pulled it and how often in those days, the audit log tells of what not everybody may pull; of the
        rest it is known how often it was pulled since it was pushed.
        """)
    @Argument(help: "The namespace.") var namespace: String
    @Option(help: "Only these repositories: a pattern.") var on: String?
    @Option(help: "Only promotions to this environment and pulls of what it runs, by a policy of its own.")
    var environment: String?
    @Option(help: "How far to look back.") var days: Int = 7
    @Flag(help: "Exit with 1 when something would have been refused, with 2 when it cannot be told.") var exitCode =
      false
    @OptionGroup var wish: Wish
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      let policy = try wish.value()
      var answer = JSONValue.null
      do {
        try await remote.run { server in answer = try await rehearsal(policy, server) }
      } catch is ExitCode where exitCode {
        throw ExitCode.couldNotAsk
      }
      if remote.output == .table { Self.tell(answer, days) } else { remote.tell("", answer) }
      if exitCode, answer["refused"]?.integer ?? 0 > 0 { throw ExitCode.failure }
    }

    private func rehearsal(_ policy: JSONValue?, _ server: RemoteServer) async throws -> JSONValue {
      var body: JSONObject = ["days": .integer(Int64(days))]
      if let policy { body.append("policy", policy) }
      if let on { body.append("pattern", .string(on)) }
      if let environment { body.append("environment", .string(environment)) }
      let path = "/api/v1/namespaces/\(PercentCoding.encoded(namespace))/policy/dry-run"
      return try await server.call(.post, path, .object(body))
    }

    private static func pulled(_ image: JSONValue) -> String {
      let last = "last \(image["at"]?.string ?? "")"
      let actors = (image["actors"]?.array ?? []).compactMap(\.string)
      guard let recorded = image["recorded"]?.integer else {
        return "pulled \(counted(image["pulls"]?.integer ?? 0, "time")) since it was pushed, \(last)"
      }
      return "pulled \(counted(recorded, "time")) by \(actors.joined(separator: ", ")), \(last)"
    }

    private static func tell(_ answer: JSONValue, _ days: Int) {
      let (pulls, promotions) = (answer["pulls"]?.integer ?? 0, answer["promotions"]?.integer ?? 0)
      print(
        "Of \(pulls) pulled and \(promotions) promoted images of the last \(counted(Int64(days), "day")), \(answer["refused"]?.integer ?? 0) would have been refused."
      )
      if answer["partial"]?.bool ?? false { print("Only the latest were looked at: there were too many.") }
      for image in answer["images"]?.array ?? [] {
        let tags = (image["tags"]?.array ?? []).compactMap(\.string)
        let reference = tags.first.map { ":\($0)" } ?? "@\(image["digest"]?.string ?? "")"
        let event =
          image["event"]?.string == "pull"
          ? pulled(image)
          : "release \(image["release"]?.integer ?? 0) to \(image["environment"]?.string ?? ""), \(image["at"]?.string ?? "")"
        let isBlocked = !(image["blocks"]?.array ?? []).isEmpty
        print("\(isBlocked ? "refused" : "warned "): \(image["repository"]?.string ?? "")\(reference)  \(event)")
        for reason in (image["blocks"]?.array ?? []) + (image["warnings"]?.array ?? []) {
          print("  \(reason["message"]?.string ?? "")")
        }
      }
    }
  }
}

/// A severity that policies know. Every finding has one that is no less than unknown.
enum PolicySeverity: String, ExpressibleByArgument, CaseIterable {
  case unknown, negligible, low, medium, high, critical
}
