import Access
import Ground
import Metadata
import NIOHTTP1
import OCI

// Namespaces and what is granted in them.
extension APIRoute {
  static let roles = Role.allCases.map(\.rawValue)

  private static let namespaceSchema = APISchema.object([
    .init("name", .string, "The first part of its repositories' names.", isRequired: true),
    .init("public", .boolean, "Everybody may pull.", isRequired: true),
    .init("createdAt", .moment, "When it was made.", isRequired: true),
  ])

  private static func view(_ record: NamespaceRecord) -> JSONValue {
    [
      "name": .string(record.name), "public": .bool(record.isPublic),
      "createdAt": .string(record.createdAt.description),
    ]
  }

  private static let grantSchema = APISchema.object([
    .init("id", .integer, "Its number.", isRequired: true),
    .init("role", .choice(roles), "The role.", isRequired: true),
    .init("pattern", .string, "Which repositories of the namespace.", isRequired: true),
    .init("account", .nullable(.string), "The user or robot that has it."),
    .init("team", .nullable(.string), "The team that has it."),
    .init("grantedBy", .string, "Who granted it.", isRequired: true),
    .init("createdAt", .moment, "When.", isRequired: true),
  ])

  static let namespaces: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces", summary: "List the namespaces that one may see.",
      permission: "everybody who has logged in", query: paging, answer: .page(namespaceSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.namespaces(after: call.cursor, limit: size, by: call.caller)
      var body: JSONObject = ["items": .array(found.elements.map(view))]
      if let next = found.next { body.append("next", .string(next)) }
      return .object(body)
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces", summary: "Make a namespace.", permission: "site admins",
      body: [
        .init("name", .string, "Its name.", isRequired: true), .init("public", .boolean, "Whether everybody may pull."),
        .init("owner", .string, "A user who becomes its owner."),
      ], answer: namespaceSchema, status: .created
    ) { routes, call in
      let name = try call.requiredText("name")
      try await routes.access.administration.makeNamespace(
        name, isPublic: call.bool("public") ?? false, owner: call.text("owner"), by: call.caller)
      return view(try await routes.access.administration.namespace(name, by: call.caller))
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}", summary: "One namespace.",
      permission: "everybody who has a role in it, or when it is public", answer: namespaceSchema
    ) { routes, call in
      view(try await routes.access.administration.namespace(call.value("namespace"), by: call.caller))
    },
    APIRoute(
      method: .PATCH, path: "/api/v1/namespaces/{namespace}", summary: "Make a namespace public or private.",
      permission: "its owners", body: [.init("public", .boolean, "Whether everybody may pull.", isRequired: true)],
      answer: namespaceSchema
    ) { routes, call in
      guard let isPublic = try call.bool("public") else { throw AdministrationError(.invalid, "“public” is missing") }
      try await routes.access.administration.setPublic(isPublic, call.value("namespace"), by: call.caller)
      return view(try await routes.access.administration.namespace(call.value("namespace"), by: call.caller))
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}", summary: "Delete a namespace that holds no image.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.deleteNamespace(call.value("namespace"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/grants", summary: "List what is granted in a namespace.",
      permission: "its maintainers, site auditors", query: paging, answer: .page(grantSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.grants(
        on: call.value("namespace"), after: call.numericCursor(), limit: size + 1, by: call.caller)
      return call.page(found, size, next: { String($0.id) }) { grant in
        [
          "id": .integer(grant.id), "role": .string(grant.role), "pattern": .string(grant.pattern),
          "account": grant.account.map { .string($0) } ?? .null, "team": grant.team.map { .string($0) } ?? .null,
          "grantedBy": .string(grant.grantedBy), "createdAt": .string(grant.createdAt.description),
        ]
      }
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/grants", summary: "Grant a role.", permission: "its owners",
      body: [
        .init("role", .choice(roles), "The role.", isRequired: true),
        .init("account", .string, "A user or a robot."), .init("team", .string, "Or a team."),
        .init("pattern", .string, "Only on these repositories: `acme/api`, `acme/web-*`. All unless given."),
      ]
    ) { routes, call in
      let grantee: Administration.Grantee
      switch (try call.text("account"), try call.text("team")) {
      case (let name?, nil): grantee = .account(name)
      case (nil, let name?): grantee = .team(name)
      default: throw AdministrationError(.invalid, "name one of “account” and “team”")
      }
      try await routes.access.administration.grant(
        call.requiredText("role"), to: grantee, on: call.value("namespace"), pattern: call.text("pattern"),
        by: call.caller)
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/grants/{grant}", summary: "Take a grant away.",
      permission: "its owners"
    ) { routes, call in
      guard let id = Int64(call.value("grant")) else { throw AdministrationError(.notFound, "there is no such grant") }
      try await routes.access.administration.deleteGrant(id, on: call.value("namespace"), by: call.caller)
      return nil
    },
  ]
}
