import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Environments: what runs where.
extension APIRoute {
  static let environmentPath = "/api/v1/namespaces/{namespace}/environments"

  private static let settingFields: [APIField] = [
    .init("repositories", .list(.string), "Patterns of the repositories that it covers. All unless given."),
    .init("requires", .list(.string), "Environments in which an image must have been before."),
    .init("tags", .nullable(.list(.string)), "Patterns; a tag that one takes must point to an image."),
    .init(
      "promoters", .list(.string),
      "Who may promote and roll back: accounts, `team:NAME`, `trust:NAME`. Maintainers unless given."),
    .init("approvers", .list(.string), "Who may agree. People who are maintainers unless given."),
    .init("approvals", .integer, "How many others than the one who asks must agree."),
    .init("rollbackNeedsApproval", .boolean, "Whether rolling back needs that too."),
    .init(
      "freezes", .list(.any),
      "When nothing is promoted, in UTC: `{\"from\": TIME, \"to\": TIME}`, or `{\"days\": [\"fri\"], \"from\": \"16:00\", \"to\": \"24:00\"}`."
    ),
    .init(
      "policy", .nullable(.any),
      "What may be wrong with images, beside the namespace's own policy: `{\"block\": {…}, \"warn\": {…}}`; with `\"at\": [\"pull\", \"promotion\"]` also at pulls of what it runs."
    ),
  ]

  private static let environmentSchema = APISchema.object(
    [
      .init("name", .string, "Its name, which is a tag of each repository too.", isRequired: true),
      .init("release", .nullable(.integer), "The release that is in force."),
      .init(
        "images",
        .list(
          .object([
            .init("repository", .string, "The repository.", isRequired: true),
            .init("digest", .string, "What runs.", isRequired: true),
            .init("release", .integer, "The release that put it there.", isRequired: true),
            .init("since", .moment, "Since when.", isRequired: true),
          ])), "What runs, as far as one may pull it.", isRequired: true),
      .init("createdBy", .string, "Who made it.", isRequired: true),
      .init("createdAt", .moment, "When.", isRequired: true),
    ] + settingFields)

  private static func view(_ state: EnvironmentState) -> JSONValue {
    var object: JSONObject = [
      "name": .string(state.record.name.text), "release": state.effective.map { .integer($0) } ?? .null,
      "images": .array(
        state.images.map { image in
          [
            "repository": .string(image.repository.name.text), "digest": .string(image.digest.description),
            "release": .integer(image.release), "since": .string(image.since.description),
          ]
        }),
      "createdBy": .string(state.record.createdBy), "createdAt": .string(state.record.createdAt.description),
      "repositories": state.settings.repositoriesJSON,
    ]
    for member in state.settings.json.object?.members ?? [] { object.append(member.key, member.value) }
    return .object(object)
  }

  static func actor(_ routes: RegistryRoutes, _ call: APICall) async throws -> ReleaseActor {
    try await routes.access.policy.releaseActor(in: call.value("namespace"), for: call.caller)
  }

  /// The environment that the path names.
  static func environmentName(_ call: APICall) throws -> Tag {
    do throws(ParseError) { return try Tag(parsing: call.value("environment")) } catch {
      throw AdministrationError(.notFound, error.message)
    }
  }

  private static func wishes(_ call: APICall) -> JSONObject {
    JSONObject(call.body.members.filter { $0.key != "name" && $0.key != "adopt" })
  }

  static let environments: [APIRoute] = [
    APIRoute(
      method: .GET, path: environmentPath, summary: "List the environments of a namespace, with what runs in each.",
      permission: "everybody who has a role in it", answer: .list(environmentSchema)
    ) { routes, call in
      let actor = try await actor(routes, call)
      try await routes.access.administration.requireNamespace(actor.namespace)
      return .array(try await routes.registry.environments(by: actor).map(view))
    },
    APIRoute(
      method: .POST, path: environmentPath, summary: "Make an environment.", permission: "its owners",
      body: [
        .init("name", .string, "Its name.", isRequired: true),
        .init("adopt", .boolean, "Tags of this name that are there become its first release."),
      ] + settingFields, answer: environmentSchema, status: .created
    ) { routes, call in
      let text = try call.requiredText("name")
      let name: Tag
      do throws(ParseError) { name = try Tag(parsing: text) } catch {
        throw AdministrationError(.invalid, error.message)
      }
      let actor = try await actor(routes, call)
      try await routes.access.administration.requireNamespace(actor.namespace)
      return view(
        try await routes.registry.makeEnvironment(
          name, wishes(call), adopts: call.bool("adopt") ?? false, by: actor))
    },
    APIRoute(
      method: .GET, path: environmentPath + "/{environment}", summary: "What runs where, now or as of a time.",
      permission: "everybody who has a role in it",
      query: [.init(name: "asOf", description: "As it was at this time, such as 2026-11-24T00:00:00Z.")],
      answer: environmentSchema
    ) { routes, call in
      view(
        try await routes.registry.environment(
          environmentName(call), asOf: call.asOf(), by: actor(routes, call)))
    },
    APIRoute(
      method: .PATCH, path: environmentPath + "/{environment}", summary: "Change settings of an environment.",
      permission: "its owners", body: settingFields, answer: environmentSchema
    ) { routes, call in
      view(
        try await routes.registry.changeEnvironment(environmentName(call), wishes(call), by: actor(routes, call)))
    },
    APIRoute(
      method: .DELETE, path: environmentPath + "/{environment}",
      summary: "Take an environment away; its tags stay, as tags like any other.", permission: "its owners"
    ) { routes, call in
      try await routes.registry.deleteEnvironment(environmentName(call), by: actor(routes, call))
      return nil
    },
  ]
}
