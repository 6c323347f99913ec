import ArgumentParser
import Ground
import OCI

struct TagCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag", abstract: "Tags and their memory.",
    subcommands: [List.self, History.self, Restore.self, LabelCommand.self, Delete.self, Purge.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "List the tags of a repository, as they are or as they were.",
      discussion: """
        berth tag list acme/api
        berth tag list acme/api --as-of 2026-11-24T00:00:00Z
        """)
    @Argument(help: "The repository.") var repository: String
    @Option(help: "As they were at this time, or so long ago: 12h, 1d, 2w.") var asOf: Moment?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let query = asOf.map { "?asOf=\(PercentCoding.encoded($0.text))" } ?? ""
        remote.show(
          try await server.all("\(try repositoryName(repository).apiPath)/tags\(query)"),
          [("tag", "name"), ("digest", "digest"), ("since", "since"), ("by", "by"), ("available", "available")],
          wholeDigests: true)
      }
    }
  }

  struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "history",
      abstract: "Show what became of a tag, of all tags of a repository, or of a namespace.",
      discussion: """
        berth tag history acme/api:latest
        berth tag history acme/api --by alice --since 2026-11-24T00:00:00Z
        berth tag history acme/
        """)
    @Argument(
      help: ArgumentHelp(
        "A tag (acme/api:2.3), a repository (acme/api), or a namespace with a slash (acme/).", valueName: "what"))
    var of: String
    @Option(name: [.customShort("n"), .customLong("count")], help: "How many, at most 10000.") var count = RowCount(20)
    @Option(help: "Only these: push, delete, restore, promotion, rollback, retention, channel.") var kind: String?
    @Option(help: "Only by this account.") var by: String?
    @Option(help: "Not before this time, or not longer ago: 12h, 1d, 2w.") var since: Moment?
    @Option(help: "Before this time, or longer ago.") var until: Moment?
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
      try await remote.run { server in
        let filter = [("kind", kind), ("by", by), ("since", since?.text), ("until", until?.text)]
          .compactMap { name, value in value.map { "&\(name)=\(PercentCoding.encoded($0))" } }.joined()
        let found = try await server.some(count, "\(try path())?\(filter.dropFirst())")
        remote.show(
          found,
          [
            ("event", "id"), ("at", "at"), ("tag", "tag"), ("how", "kind"), ("by", "by"), ("from", "from"),
            ("to", "to"),
            ("restorable", "restorable"), ("reason", "reason"),
          ] + (of.contains(":") ? [] : [("repository", "repository")]))
      }
    }

    private func path() throws -> String {
      if of.hasSuffix("/") { return "/api/v1/namespaces/\(pathPart(String(of.dropLast())))/history" }
      guard of.contains(":") else { return "\(try repositoryName(of).apiPath)/history" }
      guard let image = ImageName(argument: of) else { throw ValidationError("“\(of)” is no tag of a repository") }
      return "\(image.repository.apiPath)/tags/\(try image.tag())/history"
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore",
      abstract: "Point a tag to what it pointed to before; a deleted one too.",
      discussion: """
        berth tag restore acme/api:latest                       undo its last move
        berth tag restore acme/api:latest --moves 3             undo its last three
        berth tag restore acme/api:latest --event 217           as it was after event 217
        berth tag restore acme/api:latest --at 2026-11-24T03:00:00Z
        """)
    @Argument(help: "The tag: acme/api:2.3.") var image: ImageName
    @Option(help: "What it pointed to before its last so many moves.") var moves: Int?
    @Option(help: "What it pointed to after this event, from berth tag history.") var event: Int64?
    @Option(help: "What it pointed to at this time, or so long ago.") var at: Moment?
    @Option(help: "Why.") var reason: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let tag = try image.tag()
        var body = JSONObject()
        if let moves { body.append("movesAgo", .integer(Int64(moves))) }
        if let event { body.append("event", .integer(event)) }
        if let at { body.append("at", .string(at.text)) }
        if let reason { body.append("reason", .string(reason)) }
        let answer = try await server.call(
          .post, "\(image.repository.apiPath)/tags/\(tag)/restore", .object(body))
        let digest = answer["to"]?.string ?? ""
        let isThere = answer["changed"]?.bool == false
        remote.tell("\(image.repository):\(tag) \(isThere ? "points to" : "points again to") \(digest)", answer)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete",
      abstract: "Delete a tag. Its history stays, and berth tag restore brings it back.")
    @Argument(help: "The tag: acme/api:2.3.") var image: ImageName
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      let tag = try image.tag()
      try await remote.run { server in
        try await server.call(.delete, "/v2/\(image.repository)/manifests/\(tag)")
        remote.tell("Deleted \(image.repository):\(tag).")
      }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "purge",
      abstract: "Remove an image for good, with the tags that point to it: no history brings it back.")
    @Argument(help: "The image by its digest: acme/api@sha256:….") var image: ImageName
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      guard case .digest(let digest) = image.reference else {
        throw ValidationError("name the image by its digest: \(image.repository)@sha256:…")
      }
      try await remote.run { server in
        try await server.call(.delete, "\(image.repository.apiPath)/manifests/\(pathPart(digest.description))")
        remote.tell("Removed \(image.repository)@\(digest) for good.")
      }
    }
  }
}

func repositoryName(_ text: String) throws -> RepositoryName {
  do { return try RepositoryName(parsing: text) } catch { throw ValidationError("\(error)") }
}
