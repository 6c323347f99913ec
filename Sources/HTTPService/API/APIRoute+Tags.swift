import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Tags with their memory.
extension APIRoute {
  private static let stateSchema = APISchema.object([
    .init("name", .string, "The tag.", isRequired: true),
    .init("digest", .string, "What it points to.", isRequired: true),
    .init("since", .moment, "Since when.", isRequired: true),
    .init("by", .string, "Who pointed it there.", isRequired: true),
    .init("available", .boolean, "Whether `name@digest` can be pulled: nobody has deleted it since.", isRequired: true),
  ])

  private static func view(_ state: TagState) -> JSONValue {
    [
      "name": .string(state.tag.text), "digest": .string(state.digest.description),
      "since": .string(state.since.description), "by": .string(state.actor), "available": .bool(state.isAvailable),
    ]
  }

  private static let eventSchema = APISchema.object([
    .init("id", .integer, "Its number.", isRequired: true),
    .init("repository", .string, "The repository.", isRequired: true),
    .init("tag", .string, "The tag.", isRequired: true),
    .init("from", .nullable(.string), "What it pointed to before; null: there was no such tag."),
    .init(
      "to", .nullable(.string),
      "What it pointed to from then on; null: it was deleted. The same as `from` when a channel came to another version of its image."
    ),
    .init("kind", .choice(TagEventKind.allCases.map(\.rawValue)), "How.", isRequired: true),
    .init("by", .string, "Who.", isRequired: true), .init("reason", .nullable(.string), "Why."),
    .init("requestID", .nullable(.string), "The request, as in the log."),
    .init("release", .nullable(.integer), "The release that it is part of."),
    .init("at", .moment, "When.", isRequired: true),
    .init("restorable", .boolean, "Whether the tag can go back to `to`.", isRequired: true),
  ])

  private static func view(_ event: TagEvent) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "id": .integer(event.id), "repository": .string(event.repository.text), "tag": .string(event.tag.text),
      "from": text(event.from?.description), "to": text(event.to?.description), "kind": .string(event.kind),
      "by": .string(event.actor), "reason": text(event.reason), "requestID": text(event.requestID),
      "release": event.release.map { .integer($0) } ?? .null, "at": .string(event.at.description),
      "restorable": .bool(event.isKept),
    ]
  }

  private static let asOf = Parameter(
    name: "asOf", description: "As it was at this time, such as 2026-11-24T00:00:00Z; as it is now unless given.",
    schema: .moment)

  private static let eventFilter = [
    Parameter(name: "kind", description: "Only these, such as `push`."),
    Parameter(name: "by", description: "Only by this account."),
    Parameter(name: "since", description: "Not before this time.", schema: .moment),
    Parameter(name: "until", description: "Before this time.", schema: .moment),
  ]

  private static func filter(_ call: APICall) throws -> TagEventFilter {
    var filter = TagEventFilter()
    filter.kind = call.query.first("kind")
    if let kind = filter.kind, TagEventKind(rawValue: kind) == nil {
      let kinds = TagEventKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw AdministrationError(.invalid, "“\(kind.prefix(40))” is no kind of event; there are \(kinds)")
    }
    filter.actor = call.query.first("by")
    filter.since = try call.moment("since")
    filter.until = try call.moment("until")
    return filter
  }

  private static let mayPull = "everybody who may pull from the repository"

  static let tags: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/tags", summary: "List tags, now or as of a time.",
      permission: mayPull, query: paging + [asOf], answer: .page(stateSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let size = try call.pageSize()
      let found = try await routes.registry.tagStates(
        asOf: call.asOf(), after: call.cursor, limit: size + 1, permit: permit)
      return call.page(found, size, next: { $0.tag.text }, view)
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/tags/{tag}", summary: "One tag, now or as of a time.",
      permission: mayPull, query: [asOf], answer: stateSchema
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      return view(try await routes.registry.tagState(call.tag(), asOf: call.asOf(), permit: permit))
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/tags/{tag}/history",
      summary: "What became of a tag, the newest first.", permission: mayPull, query: paging + eventFilter,
      answer: .page(eventSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let tag = try call.tag()
      return try await events(call) { size, before in
        let found = try await routes.registry.history(
          of: tag, filter(call), before: before, limit: size, permit: permit)
        if found.isEmpty { try await routes.registry.requireHistory(of: tag, permit: permit) }
        return found
      }
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/history",
      summary: "What became of the tags of a repository, the newest first.", permission: mayPull,
      query: paging + eventFilter, answer: .page(eventSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      return try await events(call) { size, before in
        let found = try await routes.registry.history(
          of: nil, filter(call), before: before, limit: size, permit: permit)
        if found.isEmpty { try await routes.registry.requireHistory(of: nil, permit: permit) }
        return found
      }
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/history",
      summary: "What became of the tags of a namespace, in those repositories that one may pull from.",
      permission: "everybody who has a role in it, or when it is public", query: paging + eventFilter,
      answer: .page(eventSchema)
    ) { routes, call in
      let namespace = try await routes.access.administration.namespace(call.value("namespace"), by: call.caller)
      let shows = try await routes.access.policy.readable(by: call.caller)
      return try await events(call) { size, before in
        try await routes.registry.history(
          ofNamespace: namespace.name, filter(call), before: before, limit: size, shows: shows)
      }
    },
    APIRoute(
      method: .POST, path: "/api/v1/repositories/{repository}/-/tags/{tag}/restore",
      summary: "Point a tag to what it pointed to before; a deleted one too. Without a goal its last move is undone.",
      permission: "maintainers of the repository",
      body: [
        .init("movesAgo", .integer, "What it pointed to before its last so many moves."),
        .init("event", .integer, "What it pointed to after this event."),
        .init("at", .moment, "What it pointed to at this time."), .init("reason", .string, "Why."),
      ],
      answer: .object([
        .init("tag", .string, "The tag.", isRequired: true),
        .init("from", .nullable(.string), "What it pointed to."),
        .init("to", .string, "What it points to now.", isRequired: true),
        .init("changed", .boolean, "False: it pointed there already.", isRequired: true),
      ])
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Restore.self, on: call.repository(), for: call.caller)
      let restored = try await routes.registry.restore(
        call.tag(), to: goal(call), reason: call.reason(), permit: permit)
      return [
        "tag": .string(restored.tag.text), "from": restored.from.map { .string($0.description) } ?? .null,
        "to": .string(restored.to.description), "changed": .bool(restored.hasChanged),
      ]
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/repositories/{repository}/-/manifests/{digest}",
      summary: "Remove an image for good: its tags go, and no history brings it back.",
      permission: "maintainers of the repository"
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Delete.self, on: call.repository(), for: call.caller)
      try await routes.registry.deleteManifest(routes.digest(call.value("digest")), forGood: true, permit: permit)
      return nil
    },
  ]

  private static func events(
    _ call: APICall, _ find: (Int, Int64?) async throws -> [TagEvent]
  ) async throws -> JSONValue {
    let size = try call.pageSize()
    let cursor = try call.numericCursor()
    return call.page(try await find(size + 1, cursor == 0 ? nil : cursor), size, next: { String($0.id) }, view)
  }

  /// How many moves one may go back at once.
  private static let movesLimit = 1000

  private static func goal(_ call: APICall) throws -> TagGoal {
    let count = try call.integer("movesAgo")
    let event = try call.integer("event")
    let text = try call.text("at")
    guard [count != nil, event != nil, text != nil].count(where: { $0 }) <= 1 else {
      throw AdministrationError(.invalid, "name one of “movesAgo”, “event” and “at”")
    }
    if let event { return .event(event) }
    if let text {
      guard let moment = Timestamp(parsing: text) else {
        throw AdministrationError(.invalid, "“at” is a time such as 2026-11-24T00:00:00Z")
      }
      return .moment(moment.endOfMillisecond)
    }
    guard let count else { return .movesAgo(1) }
    guard (1...Int64(movesLimit)).contains(count) else {
      throw AdministrationError(.invalid, "“movesAgo” is a whole number from 1 to \(movesLimit)")
    }
    return .movesAgo(Int(count))
  }
}

extension APICall {
  /// The tag that the path names.
  func tag() throws -> Tag {
    do throws(ParseError) { return try Tag(parsing: value("tag")) } catch {
      throw AdministrationError(.invalid, error.message)
    }
  }

  /// Why, as the body says it.
  func reason() throws -> String? {
    guard let text = try text("reason") else { return nil }
    guard text.utf8.count <= TagCause.reasonLimitBytes else {
      throw AdministrationError(.invalid, "a reason has at most \(TagCause.reasonLimitBytes) bytes")
    }
    return text.isEmpty ? nil : text
  }
}
