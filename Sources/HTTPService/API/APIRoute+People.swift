import Access
import Ground
import Metadata
import NIOHTTP1
import OCI

// Who is asking, users and teams.
extension APIRoute {
  static let identity: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/whoami", summary: "Who the credential stands for.", permission: "everybody",
      answer: .object([
        .init("name", .string, "The account, or who a job is.", isRequired: true),
        .init("credential", .string, "What was shown.", isRequired: true),
        .init("siteRole", .nullable(.string), "admin, auditor or null."),
        .init("teams", .list(.string), "The teams it is in."),
        .init("longestTokenSeconds", .nullable(.integer), "How long a token may last here; null: without end."),
      ])
    ) { routes, call in
      let view =
        call.caller.accountName == nil
        ? nil
        : try? await routes.access.administration.user(
          call.caller.origin.actor, by: call.caller)
      return [
        "name": .string(call.caller.origin.actor), "credential": .string(call.caller.origin.credential),
        "siteRole": view?.siteRole.map { .string($0.rawValue) } ?? .null,
        "teams": .array((view?.teams ?? []).map { .string($0) }),
        "longestTokenSeconds": routes.access.settings.longestToken.map { .integer($0.components.seconds) } ?? .null,
      ]
    },
    APIRoute(
      method: .PUT, path: "/api/v1/whoami/password",
      summary: "Change one's own password; what was had for the old one ends.",
      permission: "users",
      body: [
        .init("current", .string, "The password so far.", isRequired: true, takesAnyText: true),
        .init("new", .string, "The password from now on.", isRequired: true, takesAnyText: true),
      ]
    ) { routes, call in
      try await routes.access.administration.changeOwnPassword(
        from: call.requiredText("current"), to: call.requiredText("new"), by: call.caller)
      return nil
    },
  ]

  private static let userSchema = APISchema.object([
    .init("name", .string, "The name to log in with.", isRequired: true),
    .init("siteRole", .nullable(.choice(SiteRole.allCases.map(\.rawValue))), "What they are for the whole site."),
    .init("disabled", .boolean, "They cannot log in.", isRequired: true),
    .init("issuer", .nullable(.string), "The provider that vouches for them."),
    .init("password", .boolean, "They have a password here.", isRequired: true),
    .init("teams", .list(.string), "The teams they are in.", isRequired: true),
    .init("createdAt", .moment, "When the account was made.", isRequired: true),
    .init("seenAt", .nullable(.moment), "When they last used it, to about a second."),
  ])

  private static func view(_ user: UserView) -> JSONValue {
    [
      "name": .string(user.name), "siteRole": user.siteRole.map { .string($0.rawValue) } ?? .null,
      "disabled": .bool(user.isDisabled), "issuer": user.issuer.map { .string($0) } ?? .null,
      "password": .bool(user.hasPassword), "teams": .array(user.teams.map { .string($0) }),
      "createdAt": .string(user.createdAt.description), "seenAt": moment(user.seenAt),
    ]
  }

  /// Nothing for what has never happened.
  static func moment(_ moment: Timestamp?) -> JSONValue {
    guard let moment, moment > .distantPast else { return .null }
    return .string(moment.description)
  }

  private static func siteRole(_ call: APICall) throws -> SiteRole? {
    guard let text = try call.text("siteRole") else { return nil }
    guard let role = SiteRole(rawValue: text) else {
      throw AdministrationError(.invalid, "siteRole is admin, auditor or null")
    }
    return role
  }

  static let users: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/users", summary: "List users.", permission: "site admins and auditors",
      query: paging, answer: .page(userSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.users(after: call.cursor, limit: size + 1, by: call.caller)
      return call.page(found, size, next: \.name, view)
    },
    APIRoute(
      method: .POST, path: "/api/v1/users", summary: "Make a user.", permission: "site admins",
      body: [
        .init("name", .string, "The name to log in with.", isRequired: true),
        .init("password", .string, "Without one they can only sign on with a provider.", takesAnyText: true),
        .init("siteRole", .nullable(.choice(SiteRole.allCases.map(\.rawValue))), "What they are for the whole site."),
      ], answer: userSchema, status: .created
    ) { routes, call in
      let name = try call.requiredText("name")
      let administration = routes.access.administration
      try await administration.makeUser(
        name, password: call.text("password"), siteRole: siteRole(call), by: call.caller)
      return view(try await administration.user(name, by: call.caller))
    },
    APIRoute(
      method: .POST, path: "/api/v1/users/import", summary: "Take over the accounts of an htpasswd file (bcrypt).",
      permission: "site admins",
      body: [.init("htpasswd", .string, "The text of the file.", isRequired: true, takesAnyText: true)],
      answer: .object([
        .init("made", .list(.string), "Accounts that were made.", isRequired: true),
        .init("skipped", .map(.string), "Names that were passed over, and why.", isRequired: true),
      ])
    ) { routes, call in
      let outcome = try await routes.access.administration.importUsers(
        htpasswd: call.requiredText("htpasswd"), by: call.caller)
      return [
        "made": .array(outcome.made.map { .string($0) }),
        "skipped": .object(JSONObject(outcome.skipped.map { .init(key: $0.name, value: .string($0.reason)) })),
      ]
    },
    APIRoute(
      method: .GET, path: "/api/v1/users/{user}", summary: "One user.",
      permission: "the user, site admins and auditors", answer: userSchema
    ) { routes, call in
      view(try await routes.access.administration.user(call.value("user"), by: call.caller))
    },
    APIRoute(
      method: .PATCH, path: "/api/v1/users/{user}", summary: "Change a user.", permission: "site admins",
      body: [
        .init("password", .string, "A new password; what was had for the old one ends.", takesAnyText: true),
        .init("siteRole", .nullable(.choice(SiteRole.allCases.map(\.rawValue))), "What they are for the whole site."),
        .init("disabled", .boolean, "Whether they cannot log in."),
        .init(
          "logOut", .boolean, "End everything that they have for their password or their sign-on, and all their tokens."
        ),
      ], answer: userSchema
    ) { routes, call in
      var wish = Administration.UserChange()
      wish.password = try call.text("password")
      if call.body["siteRole"] != nil { wish.siteRole = .some(try siteRole(call)) }
      wish.isDisabled = try call.bool("disabled")
      wish.logsOut = try call.bool("logOut") ?? false
      let administration = routes.access.administration
      try await administration.changeUser(call.value("user"), wish, by: call.caller)
      return view(try await administration.user(call.value("user"), by: call.caller))
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/users/{user}", summary: "Delete a user, with their tokens and grants.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.deleteUser(call.value("user"), by: call.caller)
      return nil
    },
  ]

  private static let teamSchema = APISchema.object([
    .init("name", .string, "Its name.", isRequired: true),
    .init("ssoGroup", .nullable(.string), "The group of single sign-on whose members are in it."),
  ])

  static let teams: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/teams", summary: "List teams.", permission: "site admins and auditors",
      query: paging, answer: .page(teamSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.teams(after: call.cursor, limit: size + 1, by: call.caller)
      return call.page(found, size, next: \.name) {
        ["name": .string($0.name), "ssoGroup": $0.ssoGroup.map { .string($0) } ?? .null]
      }
    },
    APIRoute(
      method: .POST, path: "/api/v1/teams", summary: "Make a team.", permission: "site admins",
      body: [
        .init("name", .string, "Its name.", isRequired: true),
        .init("ssoGroup", .string, "A group of single sign-on, after its provider's name: `acme:developers`."),
      ]
    ) { routes, call in
      try await routes.access.administration.makeTeam(
        call.requiredText("name"), ssoGroup: call.text("ssoGroup"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/teams/{team}", summary: "A team and its members.",
      permission: "its members, site admins and auditors",
      answer: .object([
        .init("name", .string, "Its name.", isRequired: true),
        .init("ssoGroup", .nullable(.string), "The group of single sign-on whose members are in it."),
        .init(
          "members",
          .list(
            .object([
              .init("name", .string, "The user.", isRequired: true),
              .init("source", .string, "`manual`, or the provider that says so.", isRequired: true),
              .init("problem", .nullable(.string), "Why it gives nothing; null: it counts."),
            ])), "Who is in it.", isRequired: true),
      ])
    ) { routes, call in
      let (team, members) = try await routes.access.administration.team(call.value("team"), by: call.caller)
      return [
        "name": .string(team.name), "ssoGroup": team.ssoGroup.map { .string($0) } ?? .null,
        "members": .array(
          members.map { member in
            [
              "name": .string(member.name), "source": .string(member.source),
              "problem": member.problem.map { .string($0) } ?? .null,
            ]
          }),
      ]
    },
    APIRoute(
      method: .PATCH, path: "/api/v1/teams/{team}", summary: "Change whose group a team is.", permission: "site admins",
      body: [.init("ssoGroup", .nullable(.string), "The group, or null for none.", isRequired: true)]
    ) { routes, call in
      try await routes.access.administration.setGroup(
        call.text("ssoGroup"), ofTeam: call.value("team"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/teams/{team}", summary: "Delete a team, with what it was granted.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.deleteTeam(call.value("team"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .PUT, path: "/api/v1/teams/{team}/members/{user}", summary: "Put a user into a team.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.addMember(call.value("user"), toTeam: call.value("team"), by: call.caller)
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/teams/{team}/members/{user}", summary: "Take a user out of a team.",
      permission: "site admins"
    ) { routes, call in
      try await routes.access.administration.removeMember(
        call.value("user"), fromTeam: call.value("team"), by: call.caller)
      return nil
    },
  ]
}
