import Access
import Ground
import Metadata
import NIOHTTP1
import OCI

// Robots, tokens, and jobs that are trusted without a stored secret.
extension APIRoute {
  // MARK: Robots

  private static let robotSchema = APISchema.object([
    .init("name", .string, "`acme+ci`, the user name to log in with.", isRequired: true),
    .init("createdAt", .moment, "When it was made.", isRequired: true),
    .init("seenAt", .nullable(.moment), "When it was last used."),
  ])

  private static let certificateSchema = APISchema.object([
    .init("id", .integer, "Its number.", isRequired: true),
    .init("field", .choice(Administration.certificateFields), "Where in the certificate.", isRequired: true),
    .init("value", .string, "What stands there.", isRequired: true),
  ])

  static let robots: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/robots", summary: "List the robots of a namespace.",
      permission: "its maintainers, site auditors", query: paging, answer: .page(robotSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.robots(
        of: call.value("namespace"), after: call.cursor, limit: size + 1, by: call.caller)
      return call.page(found, size, next: \.name) {
        ["name": .string($0.name), "createdAt": .string($0.createdAt.description), "seenAt": moment($0.seenAt)]
      }
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/robots", summary: "Make a robot.",
      permission: "its maintainers",
      body: [
        .init("name", .string, "Its name, with or without `acme+`.", isRequired: true),
        .init("role", .choice(roles.filter { $0 != "owner" }), "What it may.", isRequired: true),
        .init("pattern", .string, "Only on these repositories. All of the namespace unless given."),
      ], answer: .object([.init("name", .string, "The user name to log in with.", isRequired: true)]), status: .created
    ) { routes, call in
      let name = try await routes.access.administration.makeRobot(
        call.requiredText("name"), in: call.value("namespace"), role: call.requiredText("role"),
        pattern: call.text("pattern"), by: call.caller)
      return ["name": .string(name)]
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/robots/{robot}",
      summary: "Delete a robot, with its tokens.",
      permission: "its maintainers"
    ) { routes, call in
      try await routes.access.administration.deleteRobot(
        call.value("robot"), in: call.value("namespace"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/robots/{robot}/certificates",
      summary: "List the client certificates that stand for a robot.", permission: "its maintainers, site auditors",
      answer: .list(certificateSchema)
    ) { routes, call in
      let found = try await routes.access.administration.certificates(
        of: call.value("robot"), in: call.value("namespace"), by: call.caller)
      return .array(found.map { ["id": .integer($0.id), "field": .string($0.field), "value": .string($0.value)] })
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/robots/{robot}/certificates",
      summary: "Let a client certificate stand for a robot.", permission: "site admins",
      body: [
        .init("field", .choice(Administration.certificateFields), "Where in the certificate.", isRequired: true),
        .init("value", .string, "What must stand there, to the letter.", isRequired: true),
      ]
    ) { routes, call in
      try await routes.access.administration.addCertificate(
        field: call.requiredText("field"), value: call.requiredText("value"), to: call.value("robot"),
        in: call.value("namespace"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/robots/{robot}/certificates/{certificate}",
      summary: "Let a certificate stand for a robot no more.", permission: "site admins"
    ) { routes, call in
      guard let id = Int64(call.value("certificate")) else {
        throw AdministrationError(.notFound, "there is no such certificate")
      }
      try await routes.access.administration.removeCertificate(
        id, of: call.value("robot"), in: call.value("namespace"), by: call.caller)
      return nil
    },
  ]

  // MARK: Tokens

  private static let scopeSchema = APISchema.list(
    .object([
      .init("repository", .string, "A pattern: `*`, `acme/*`, `acme/api`.", isRequired: true),
      .init("actions", .list(.choice(Action.allCases.map(\.rawValue))), "What it may be used for.", isRequired: true),
    ]))

  private static let tokenFields: [APIField] = [
    .init("id", .string, "What it is known by; not the secret.", isRequired: true),
    .init("name", .string, "What it is for.", isRequired: true),
    .init("scope", .nullable(scopeSchema), "What it may at most; null: whatever its account may."),
    .init("expiresAt", .nullable(.moment), "When it ends; null: when it is revoked."),
    .init("usedAt", .nullable(.moment), "When it was last used, to about a second."),
    .init("createdAt", .moment, "When it was made.", isRequired: true),
  ]
  private static let newTokenSchema = APISchema.object(
    tokenFields + [.init("secret", .string, "The secret, which is never shown again.", isRequired: true)])

  private static func members(_ token: TokenRecord) -> JSONObject {
    [
      "id": .string(token.id), "name": .string(token.name),
      "scope": token.scope.flatMap { try? JSONValue.parse($0) } ?? .null, "expiresAt": moment(token.expiresAt),
      "usedAt": moment(token.usedAt), "createdAt": .string(token.createdAt.description),
    ]
  }

  private static let tokenBody: [APIField] = [
    .init("name", .string, "What it is for.", isRequired: true),
    .init("scope", scopeSchema, "What it may at most. Whatever its account may unless given."),
    .init(
      "seconds", .integer,
      "How long it lasts. As long as a token may (`access.longest_token`), or until it is revoked, unless given."),
  ]

  private static func list(_ routes: RegistryRoutes, _ call: APICall, _ owner: Administration.TokenOwner) async throws
    -> JSONValue
  {
    let size = try call.pageSize()
    let found = try await routes.access.administration.tokens(
      of: owner, after: call.cursor, limit: size + 1, by: call.caller)
    return call.page(found, size, next: \.id) { .object(members($0)) }
  }

  private static func make(_ routes: RegistryRoutes, _ call: APICall, _ owner: Administration.TokenOwner) async throws
    -> JSONValue
  {
    var scope: TokenScope?
    if let value = call.body["scope"], !value.isNull {
      guard let parsed = TokenScope(json: value), !parsed.entries.isEmpty else {
        throw AdministrationError(
          .invalid, #"“scope” is a list such as [{"repository":"acme/*","actions":["pull","push"]}]"#)
      }
      scope = parsed
    }
    let made = try await routes.access.administration.makeToken(
      call.requiredText("name"), for: owner, scope: scope, lifetime: call.integer("seconds").map { .seconds($0) },
      by: call.caller)
    var answer = members(made.record)
    answer.append("secret", .string(made.secret))
    return .object(answer)
  }

  static let tokens: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/tokens", summary: "List one's own tokens.", permission: "every account",
      query: paging, answer: .page(.object(tokenFields))
    ) { try await list($0, $1, .own) },
    APIRoute(
      method: .POST, path: "/api/v1/tokens", summary: "Make a token of one's own.", permission: "every account",
      body: tokenBody, answer: newTokenSchema, status: .created
    ) { try await make($0, $1, .own) },
    APIRoute(
      method: .DELETE, path: "/api/v1/tokens/{token}", summary: "Revoke a token of one's own.",
      permission: "every account"
    ) { routes, call in
      try await routes.access.administration.revokeToken(call.value("token"), of: .own, by: call.caller)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/users/{user}/tokens", summary: "List a user's tokens.",
      permission: "site admins and auditors", query: paging, answer: .page(.object(tokenFields))
    ) { try await list($0, $1, .user($1.value("user"))) },
    APIRoute(
      method: .DELETE, path: "/api/v1/users/{user}/tokens/{token}", summary: "Revoke a user's token.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.revokeToken(
        call.value("token"), of: .user(call.value("user")), by: call.caller)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/robots/{robot}/tokens", summary: "List a robot's tokens.",
      permission: "its maintainers, site auditors", query: paging, answer: .page(.object(tokenFields))
    ) { try await list($0, $1, .robot($1.value("robot"), namespace: $1.value("namespace"))) },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/robots/{robot}/tokens", summary: "Make a token of a robot.",
      permission: "its maintainers", body: tokenBody, answer: newTokenSchema, status: .created
    ) { try await make($0, $1, .robot($1.value("robot"), namespace: $1.value("namespace"))) },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/robots/{robot}/tokens/{token}",
      summary: "Revoke a robot's token.", permission: "its maintainers"
    ) { routes, call in
      try await routes.access.administration.revokeToken(
        call.value("token"), of: .robot(call.value("robot"), namespace: call.value("namespace")), by: call.caller)
      return nil
    },
  ]

  // MARK: Trust

  private static let trustFields: [APIField] = [
    .init("name", .string, "Its name in the namespace.", isRequired: true),
    .init("issuer", .string, "Whose tokens are trusted.", isRequired: true),
    .init("audience", .nullable(.string), "Whom the token must be for; null: this registry's own name."),
    .init(
      "claims", .map(.string), "Claims that the token must have, `*` in a value stands for any text.", isRequired: true),
    .init("role", .choice(roles.filter { $0 != "owner" }), "What such a job may.", isRequired: true),
    .init("pattern", .string, "On which repositories."),
    .init("seconds", .integer, "How long what is given in exchange lasts."),
  ]

  static let trust: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/trust", summary: "List whom a namespace trusts.",
      permission: "its maintainers, site auditors", query: paging,
      answer: .page(
        .object(
          trustFields + [
            .init("problem", .nullable(.string), "Why it takes no jobs; null: it takes those that it is about.")
          ]))
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.trustRules(
        on: call.value("namespace"), after: call.cursor, limit: size + 1, by: call.caller)
      return call.page(found, size, next: \.name) { rule in
        [
          "name": .string(rule.name), "issuer": .string(rule.issuer),
          "audience": rule.audience.map { .string($0) } ?? .null,
          "claims": (try? JSONValue.parse(rule.claims)) ?? .null, "role": .string(rule.role),
          "pattern": .string(rule.pattern), "seconds": .integer(rule.lifetimeSeconds),
          "problem": routes.access.administration.problem(of: rule).map { .string($0) } ?? .null,
        ]
      }
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/trust",
      summary: "Trust the jobs of an issuer that have certain claims.", permission: "its owners", body: trustFields
    ) { routes, call in
      guard let claims = call.body["claims"]?.object else { throw AdministrationError(.invalid, "“claims” is missing") }
      let pairs = try claims.members.map { member -> (String, String) in
        guard let text = member.value.string else {
          throw AdministrationError(.invalid, "each of the claims is a text")
        }
        return (member.key, text)
      }
      try await routes.access.administration.makeTrustRule(
        call.requiredText("name"), on: call.value("namespace"), issuer: call.requiredText("issuer"),
        audience: call.text("audience"), claims: pairs, role: call.requiredText("role"), pattern: call.text("pattern"),
        lifetime: .seconds(call.integer("seconds") ?? 900), by: call.caller)
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/trust/{rule}", summary: "Trust them no more.",
      permission: "its owners"
    ) { routes, call in
      try await routes.access.administration.deleteTrustRule(
        call.value("rule"), on: call.value("namespace"), by: call.caller)
      return nil
    },
  ]
}
