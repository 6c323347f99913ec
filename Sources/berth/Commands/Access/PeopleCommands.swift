import ArgumentParser
import OCI

struct UserCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "user", abstract: "Users: list, make, change, delete; one's own password.",
    subcommands: [
      List.self, Create.self, Change.self, Delete.self, Password.self, Import.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List users.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/users"),
          [
            ("name", "name"), ("site role", "siteRole"), ("teams", "teams"), ("disabled", "disabled"),
            ("signs on with", "issuer"), ("last seen", "seenAt"),
          ])
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a user.")
    @Argument(help: "The name to log in with.") var name: String
    @Option(help: "admin, or auditor who reads everything.") var siteRole: String?
    @Flag(help: "Read the password from standard input.") var passwordStdin = false
    @Flag(help: "Without a password: they sign on with a provider.") var noPassword = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body: JSONObject = ["name": .string(name)]
        if !noPassword {
          body.append("password", .string(try SecretInput.newPassword(fromStandardInput: passwordStdin)))
        }
        if let siteRole { body.append("siteRole", .string(siteRole)) }
        remote.tell("Made the user \(name).", try await server.call(.post, "/api/v1/users", .object(body)))
      }
    }
  }

  struct Change: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "change", abstract: "Change a user.")
    @Argument(help: "The user.") var name: String
    @Option(help: "admin, auditor or none.") var siteRole: String?
    @Flag(inversion: .prefixedEnableDisable, help: "Whether they can log in.") var login: Bool?
    @Flag(help: "Set a new password.") var newPassword = false
    @Flag(help: "Read it from standard input.") var passwordStdin = false
    @Flag(help: "End all their logins, of browsers and of clients, and all their tokens.") var logOut = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body = JSONObject()
        if let siteRole { body.append("siteRole", siteRole == "none" ? .null : .string(siteRole)) }
        if let login { body.append("disabled", .bool(!login)) }
        if newPassword || passwordStdin {
          body.append("password", .string(try SecretInput.newPassword(fromStandardInput: passwordStdin)))
        }
        if logOut { body.append("logOut", true) }
        guard !body.members.isEmpty else { throw ValidationError("say what to change") }
        let answer = try await server.call(.patch, "/api/v1/users/\(pathPart(name))", .object(body))
        remote.tell("Changed the user \(name).", answer)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Delete a user, with their tokens and grants.")
    @Argument(help: "The user.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/users/\(pathPart(name))")
        remote.tell("Deleted the user \(name).")
      }
    }
  }

  struct Password: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "password",
      abstract: "Change one's own password. What was had for the old one ends; tokens stay.")
    @Flag(help: "Read the old and the new one from standard input, a line each.") var passwordStdin = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var old = ""
        var new = ""
        if passwordStdin {
          let lines = SecretInput.fromStandardInput().split(separator: "\n", omittingEmptySubsequences: false)
          guard lines.count == 2 else {
            throw ValidationError("two lines were expected: the old password, the new one")
          }
          (old, new) = (String(lines[0]), String(lines[1]))
        } else {
          old = try SecretInput.prompt("Old password: ")
          new = try SecretInput.newPassword(fromStandardInput: false)
        }
        try await server.call(
          .put, "/api/v1/whoami/password", ["current": .string(old), "new": .string(new)])
        remote.tell("Changed the password.")
      }
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import-htpasswd", abstract: "Take over the accounts of an htpasswd file (bcrypt).")
    @Argument(help: "The file.") var file: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        guard let text = try readWholeFile(file) else {
          throw CredentialFile.Unusable(description: "there is no file \(file)")
        }
        let answer = try await server.call(.post, "/api/v1/users/import", ["htpasswd": .string(text)])
        let made = answer["made"]?.array?.compactMap(\.string) ?? []
        var lines = [
          "Made \(counted(Int64(made.count), "user"))\(made.isEmpty ? "" : ": " + made.joined(separator: ", "))."
        ]
        lines += (answer["skipped"]?.object?.members ?? []).map { "Passed over \($0.key): \($0.value.string ?? "")." }
        remote.tell(lines.joined(separator: "\n"), answer)
      }
    }
  }
}

struct TeamCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "team", abstract: "Teams and their members.",
    subcommands: [List.self, Show.self, Create.self, Delete.self, Add.self, Remove.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List teams.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(try await server.all("/api/v1/teams"), [("name", "name"), ("group", "ssoGroup")])
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "List the members of a team.")
    @Argument(help: "The team.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let team = try await server.call(.get, "/api/v1/teams/\(pathPart(name))")
        remote.show(team["members"]?.array ?? [], [("name", "name"), ("by", "source"), ("problem", "problem")])
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a team.")
    @Argument(help: "Its name.") var name: String
    @Option(help: "A group of single sign-on whose members are in it: PROVIDER:GROUP.") var group: String?
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body: JSONObject = ["name": .string(name)]
        if let group { body.append("ssoGroup", .string(group)) }
        try await server.call(.post, "/api/v1/teams", .object(body))
        remote.tell("Made the team \(name).")
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Delete a team, with what it was granted.")
    @Argument(help: "The team.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/teams/\(pathPart(name))")
        remote.tell("Deleted the team \(name).")
      }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Put a user into a team.")
    @Argument(help: "The team.") var name: String
    @Argument(help: "The user.") var user: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.put, "/api/v1/teams/\(pathPart(name))/members/\(pathPart(user))")
        remote.tell("\(user) is in the team \(name).")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a user out of a team.")
    @Argument(help: "The team.") var name: String
    @Argument(help: "The user.") var user: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/teams/\(pathPart(name))/members/\(pathPart(user))")
        remote.tell("\(user) is not in the team \(name) any more.")
      }
    }
  }
}
