import ArgumentParser
import OCI

extension EnvironmentCommand {
  struct Promote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "promote",
      abstract: "Promote images as one release: all or none.",
      discussion: """
        berth env promote acme/production acme/api:2.3.1 acme/web:2.3.1 --reason "release 2.3.1"
        berth env promote acme/production --from staging
        """)
    @OptionGroup var which: Which
    @Argument(help: "Images, by tag or digest.") var images: [String] = []
    @Option(help: "All that this environment runs.") var from: String?
    @OptionGroup var wish: Wish
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      guard images.isEmpty != (from == nil) else { throw ValidationError("name images, or --from another environment") }
      try await remote.run { server in
        var body = wish.members
        if let from {
          body.append("from", .string(from))
        } else {
          body.append("images", .array(images.map { .string($0) }))
        }
        let answer = try await server.call(.post, "\(which.environment.path)/promotions", .object(body), key: wish.key)
        EnvironmentCommand.tell(answer, which.environment, remote)
        try EnvironmentCommand.requireEnd(answer["outcome"])
      }
    }
  }

  struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rollback",
      abstract: "Go back to what ran before the release that is in force.",
      discussion: """
        berth env rollback acme/production --reason "2.3.1 loses orders"
        berth env rollback acme/production --to 12
        """)
    @OptionGroup var which: Which
    @Option(help: "The release to go back to; the one before unless given.") var to: Int64?
    @OptionGroup var wish: Wish
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body = wish.members
        if let to { body.append("release", .integer(to)) }
        let answer = try await server.call(.post, "\(which.environment.path)/rollback", .object(body), key: wish.key)
        EnvironmentCommand.tell(answer, which.environment, remote)
        try EnvironmentCommand.requireEnd(answer["outcome"])
      }
    }
  }

  /// What promoting and going back have in common.
  struct Wish: ParsableArguments {
    @Option(help: "Why.") var reason: String?
    @Flag(help: "Only tell what would be done.") var dryRun = false
    @Option(help: "Makes repeating it safe: the same key is the same release.") var key: String?

    var members: JSONObject {
      var members = JSONObject()
      if let reason { members.append("reason", .string(reason)) }
      if dryRun { members.append("dryRun", true) }
      return members
    }
  }

  /// A script that goes on as if something were released must notice that it is not.
  ///
  /// - Throws: the exit code for what waits until others agree.
  private static func requireEnd(_ state: JSONValue?) throws {
    if state?.string == "pending" { throw ExitCode.pending }
  }

  /// How far those are who must agree; nil of a release that has ended.
  private static func agreement(_ release: JSONValue) -> String? {
    guard let counted = release["approvalsCounted"]?.integer, let needed = release["approvalsNeeded"]?.integer else {
      return nil
    }
    return "\(counted) of the \(needed) that are needed have agreed, and still may"
  }

  /// What became of a wish, with what it changes.
  private static func tell(_ answer: JSONValue, _ environment: Name, _ remote: RemoteOptions) {
    guard remote.output == .table else { return remote.tell("", answer) }
    let number = answer["release"]?["number"]?.integer ?? 0
    switch answer["outcome"]?.string {
    case "unchanged": return print("\(environment.text) runs all of it already.")
    case "planned" where answer["images"]?.array?.isEmpty ?? true:
      print("Nothing would change in \(environment.text).")
      return show(warnings: answer["warnings"])
    case "planned": print("This would change in \(environment.text):")
    case "pending":
      let needed = answer["release"]?["approvalsNeeded"]?.integer ?? 0
      print(
        "Release \(number) of \(environment.text) waits for \(needed) to agree: berth env approve \(environment.text) \(number)"
      )
    default: print("Release \(number) of \(environment.text):")
    }
    show(answer["images"]?.array ?? [], remote)
    show(warnings: answer["warnings"])
  }

  private static func show(warnings: JSONValue?) {
    for warning in warnings?.array ?? [] {
      print("Warning: \(warning["image"]?.string ?? ""): \(warning["message"]?.string ?? "")")
    }
  }

  private static func show(_ images: [JSONValue], _ remote: RemoteOptions) {
    remote.show(images, [("repository", "repository"), ("from", "from"), ("to", "to"), ("as", "source")])
  }

  struct Releases: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "releases", abstract: "List releases, the newest first.")
    @OptionGroup var which: Which
    @Option(name: [.customShort("n"), .customLong("count")], help: "How many, at most 10000.") var count = RowCount(20)
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.some(count, "\(which.environment.path)/releases"),
          [
            ("release", "number"), ("kind", "kind"), ("state", "state"), ("in force", "effective"),
            ("by", "requestedBy"),
            ("at", "endedAt"), ("reason", "reason"),
          ])
      }
    }
  }

  /// A release of an environment.
  struct NumberedRelease: ParsableArguments {
    @OptionGroup var which: Which
    @Argument(help: "The release's number.") var number: Int64

    var path: String { "\(which.environment.path)/releases/\(number)" }
    var text: String { "\(number) of \(which.environment.text)" }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "release", abstract: "Show a release: what it changed, and who agreed.")
    @OptionGroup var named: NumberedRelease
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let release = try await server.call(.get, named.path)
        guard remote.output == .table else { return remote.tell("", release) }
        func word(_ name: String) -> String { release[name]?.string ?? "-" }
        print("\(word("kind")) \(named.text), \(word("state")), asked for by \(word("requestedBy"))")
        if let reason = release["reason"]?.string { print("reason: \(reason)") }
        if let agreed = EnvironmentCommand.agreement(release) { print(agreed) }
        EnvironmentCommand.show(release["images"]?.array ?? [], remote)
        EnvironmentCommand.show(warnings: release["warnings"])
        let approvals = release["approvals"]?.array ?? []
        if !approvals.isEmpty { remote.show(approvals, [("agreed", "by"), ("at", "at"), ("comment", "comment")]) }
      }
    }
  }

  struct Approve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "approve",
      abstract: "Agree to a release that waits; who completes the number carries it out.")
    @OptionGroup var named: NumberedRelease
    @Option(help: "What there is to say.") var comment: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body = JSONObject()
        if let comment { body.append("comment", .string(comment)) }
        let release = try await server.call(.post, "\(named.path)/approve", .object(body))
        let state = release["state"]?.string ?? ""
        let agreed = EnvironmentCommand.agreement(release).map { ": \($0)" } ?? ""
        remote.tell("Release \(named.text) is \(state)\(agreed).", release)
        try EnvironmentCommand.requireEnd(release["state"])
      }
    }
  }

  struct Withdraw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "withdraw",
      abstract: "Take back that you agree to a release that waits; the release goes on waiting.")
    @OptionGroup var named: NumberedRelease
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let release = try await server.call(.post, "\(named.path)/withdraw", .object(JSONObject()))
        let agreed = EnvironmentCommand.agreement(release).map { ": \($0)" } ?? ""
        let state = release["state"]?.string ?? ""
        remote.tell("You do not agree to release \(named.text), which is \(state)\(agreed).", release)
      }
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "end",
      abstract: "End a release that waits: who asked for it cancels it, who could agree rejects it.")
    @OptionGroup var named: NumberedRelease
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let release = try await server.call(.post, "\(named.path)/end", .object(JSONObject()))
        remote.tell("Release \(named.text) is \(release["state"]?.string ?? "").", release)
      }
    }
  }
}
