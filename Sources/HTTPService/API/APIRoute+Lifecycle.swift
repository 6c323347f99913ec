import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// What happens to tags by themselves, told before it happens.
extension APIRoute {
  /// Repositories that are looked at for one page at the most.
  private static let repositoryLimit = 200

  static let whoMaySee = "its maintainers, site auditors"

  static let lifecycle: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/retention/preview",
      summary: "What retention would do: every tag that is kept or deleted, and why. A page ends with a repository.",
      permission: whoMaySee, query: paging,
      answer: .page(
        .object([
          .init("repository", .string, "The repository.", isRequired: true),
          .init("tag", .nullable(.string), "The tag; null: an image that nothing names."),
          .init("digest", .string, "The image.", isRequired: true),
          .init("kept", .boolean, "Whether it stays.", isRequired: true),
          .init("reason", .string, "Why.", isRequired: true),
        ]))
    ) { routes, call in
      try await pages(routes, call) { repository in
        guard let plan = try await routes.registry.retentionPlan(of: repository) else { return [] }
        return view(plan)
      }
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/history/preview",
      summary: "What is beyond the time that history is kept, and would be let go of. A page ends with a repository.",
      permission: whoMaySee, query: paging,
      answer: .page(
        .object([
          .init("repository", .string, "The repository.", isRequired: true),
          .init("tag", .string, "The tag; of labels also a digest.", isRequired: true),
          .init("event", .nullable(.integer), "The event; null: labels of what is gone for good.", isRequired: true),
          .init("at", .moment, "When it was; of labels, when one was last changed.", isRequired: true),
          .init("digest", .nullable(.string), "What the tag pointed to from then on."),
          .init("record", .boolean, "Whether its record goes too, or only its hold on the image.", isRequired: true),
          .init("labels", .integer, "How many labels go, with the record of their changes."),
        ]))
    ) { routes, call in
      try await pages(routes, call) { repository in
        var elements: [JSONValue] = []
        var position: Tag?
        repeat {
          let plan = try await routes.registry.historyPlan(of: repository, after: position?.text ?? "")
          elements += plan.trims.flatMap(view)
          position = plan.last
        } while position != nil
        return elements + (try await labels(of: repository, routes))
      }
    },
  ]

  private static func labels(of repository: RepositoryRow, _ routes: RegistryRoutes) async throws -> [JSONValue] {
    var elements: [JSONValue] = []
    var position: String?
    repeat {
      let plan = try await routes.registry.labelPlan(of: repository, after: position ?? "")
      elements += plan.trims.map { trim in
        [
          "repository": .string(repository.name.text), "tag": .string(trim.target), "event": nil,
          "at": .string(trim.lastAt.description), "digest": nil, "record": true, "labels": .integer(Int64(trim.labels)),
        ]
      }
      position = plan.last
    } while position != nil
    return elements
  }

  private static func view(_ plan: RetentionPlan) -> [JSONValue] {
    let name = JSONValue.string(plan.repository.name.text)
    let tags = plan.decisions.map { decision -> JSONValue in
      [
        "repository": name, "tag": .string(decision.tag.name.text), "digest": .string(decision.tag.digest.description),
        "kept": .bool(decision.isKept), "reason": .string(decision.reason),
      ]
    }
    let untagged = plan.untagged.map { manifest -> JSONValue in
      [
        "repository": name, "tag": nil, "digest": .string(manifest.digest.description), "kept": false,
        "reason": "nothing names it any more",
      ]
    }
    return tags + untagged
  }

  private static func view(_ trim: TagTrim) -> [JSONValue] {
    let deleted = Set(trim.deleted.map(\.id))
    let released = trim.released.filter { !deleted.contains($0.id) }
    return (trim.deleted + released).sorted { $0.id > $1.id }.map { event in
      [
        "repository": .string(trim.repository.name.text), "tag": .string(trim.tag.text), "event": .integer(event.id),
        "at": .string(event.at.description), "digest": event.to.map { .string($0.description) } ?? .null,
        "record": .bool(deleted.contains(event.id)),
      ]
    }
  }

  /// Repository after repository, until a page is full; the cursor is the name of the last one.
  private static func pages(
    _ routes: RegistryRoutes, _ call: APICall, _ view: (RepositoryRow) async throws -> [JSONValue]
  ) async throws -> JSONValue {
    let namespace = call.value("namespace")
    try await routes.access.administration.checkLifecycle(of: namespace, by: call.caller)
    let size = try call.pageSize()
    let repositories = try await routes.registry.repositories(
      of: namespace, after: call.cursor, limit: repositoryLimit)
    var elements: [JSONValue] = []
    for (index, repository) in repositories.enumerated() {
      elements += try await view(repository)
      guard elements.count >= size || index == repositoryLimit - 1 else { continue }
      return ["items": .array(elements), "next": .string(repository.name.text)]
    }
    return ["items": .array(elements)]
  }
}
