import ArgumentParser
import OCI

struct NamespaceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "namespace", abstract: "Namespaces: the first part of repositories' names.",
    subcommands: [List.self, Create.self, Publish.self, Hide.self, Delete.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the namespaces that one may see.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/namespaces"), [("name", "name"), ("public", "public"), ("made", "createdAt")])
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Make a namespace.")
    @Argument(help: "Its name.") var name: String
    @Option(help: "A user who becomes its owner.") var owner: String?
    @Flag(help: "Everybody may pull.") var `public` = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        var body: JSONObject = ["name": .string(name), "public": .bool(`public`)]
        if let owner { body.append("owner", .string(owner)) }
        let answer = try await server.call(.post, "/api/v1/namespaces", .object(body))
        remote.tell("Made the namespace \(name).", answer)
      }
    }
  }

  struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "publish", abstract: "Let everybody pull from a namespace.")
    @Argument(help: "The namespace.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let answer = try await server.call(.patch, "/api/v1/namespaces/\(pathPart(name))", ["public": true])
        remote.tell("Everybody may pull from \(name).", answer)
      }
    }
  }

  struct Hide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "hide", abstract: "Let only those pull who are granted it.")
    @Argument(help: "The namespace.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let answer = try await server.call(.patch, "/api/v1/namespaces/\(pathPart(name))", ["public": false])
        remote.tell("Only who is granted it may pull from \(name).", answer)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Delete a namespace that holds no image.")
    @Argument(help: "The namespace.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/namespaces/\(pathPart(name))")
        remote.tell("Deleted the namespace \(name).")
      }
    }
  }
}

struct GrantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant", abstract: "Roles: reader, writer, maintainer, owner.",
    subcommands: [List.self, Add.self, Remove.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List what is granted in a namespace.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/namespaces/\(pathPart(namespace))/grants"),
          [
            ("id", "id"), ("role", "role"), ("on", "pattern"), ("account", "account"), ("team", "team"),
            ("granted by", "grantedBy"), ("at", "createdAt"),
          ])
      }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Grant a role.",
      discussion: """
        berth grant add alice writer acme
        berth grant add team:web maintainer 'acme/web-*'
        """)
    @Argument(help: "A user or a robot, or team:NAME.") var whom: String
    @Argument(help: "reader, writer, maintainer or owner.") var role: String
    @Argument(help: "A namespace, or a pattern of its repositories.") var on: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let namespace = String(on.prefix { $0 != "/" })
        var body: JSONObject = ["role": .string(role)]
        if whom.hasPrefix("team:") {
          body.append("team", .string(String(whom.dropFirst(5))))
        } else {
          body.append("account", .string(whom))
        }
        if on.contains("/") { body.append("pattern", .string(on)) }
        try await server.call(.post, "/api/v1/namespaces/\(pathPart(namespace))/grants", .object(body))
        remote.tell("\(whom) is \(role) on \(on).")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a grant away.")
    @Argument(help: "The namespace.") var namespace: String
    @Argument(help: "Its number, from berth grant list.") var id: Int64
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "/api/v1/namespaces/\(pathPart(namespace))/grants/\(id)")
        remote.tell("Took the grant \(id) away.")
      }
    }
  }
}

struct RobotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "robot", abstract: "Robots: accounts of a namespace for machines.",
    subcommands: [List.self, Create.self, Delete.self, Certificates.self, AddCertificate.self, RemoveCertificate.self])

  /// `acme+ci` → `acme`
  static func namespace(of robot: String) throws -> String {
    guard let plus = robot.firstIndex(of: "+") else {
      throw ValidationError("write the robot with its namespace: acme+\(robot)")
    }
    return String(robot[..<plus])
  }

  static func path(_ robot: String) throws -> String {
    "/api/v1/namespaces/\(pathPart(try namespace(of: robot)))/robots/\(pathPart(robot))"
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the robots of a namespace.")
    @Argument(help: "The namespace.") var namespace: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.all("/api/v1/namespaces/\(pathPart(namespace))/robots"),
          [("name", "name"), ("made", "createdAt"), ("last seen", "seenAt")])
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Make a robot with a token, which is printed once.",
      discussion: """
        berth robot create acme+ci --role writer
        berth robot create acme+cluster --role reader --on 'acme/web-*' --days 365
        """)
    @Argument(help: "Its name, with its namespace: acme+ci.") var name: String
    @Option(help: "reader, writer or maintainer.") var role: String
    @Option(help: "Only on these repositories: a pattern.") var on: String?
    @Option(help: "How many days the token lasts; until it is revoked unless given.") var days: Int?
    @Flag(help: "Make no token.") var noToken = false
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let namespace = try RobotCommand.namespace(of: name)
        var wish: JSONObject = ["name": "first"]
        if let days { wish.append("seconds", try secondsOf(days: days)) }
        var body: JSONObject = ["name": .string(name), "role": .string(role)]
        if let on { body.append("pattern", .string(on)) }
        let made = try await server.call(
          .post, "/api/v1/namespaces/\(pathPart(namespace))/robots", .object(body))
        if noToken { return remote.tell("Made the robot \(name).", made) }
        let token = try await server.call(.post, "\(try RobotCommand.path(name))/tokens", .object(wish))
        remote.tell(
          """
          Made the robot \(name). Its password, shown this once:

              \(token["secret"]?.string ?? "")

          """, token)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "delete", abstract: "Delete a robot, with its tokens.")
    @Argument(help: "The robot.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, try RobotCommand.path(name))
        remote.tell("Deleted the robot \(name).")
      }
    }
  }

  struct Certificates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "certificates", abstract: "List the client certificates that stand for a robot.")
    @Argument(help: "The robot.") var name: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let found = try await server.call(.get, "\(try RobotCommand.path(name))/certificates")
        remote.show(found.array ?? [], [("id", "id"), ("field", "field"), ("value", "value")])
      }
    }
  }

  struct AddCertificate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add-certificate", abstract: "Let a client certificate stand for a robot.")
    @Argument(help: "The robot.") var name: String
    @Argument(help: "subject, dns, uri or email.") var field: String
    @Argument(help: "What stands there: CN=ci,O=Acme.") var value: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(
          .post, "\(try RobotCommand.path(name))/certificates", ["field": .string(field), "value": .string(value)])
        remote.tell("Certificates with \(field) \(value) stand for \(name).")
      }
    }
  }

  struct RemoveCertificate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove-certificate", abstract: "Let a certificate stand for a robot no more.")
    @Argument(help: "The robot.") var name: String
    @Argument(help: "Its number, from berth robot certificates.") var id: Int64
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.delete, "\(try RobotCommand.path(name))/certificates/\(id)")
        remote.tell("Certificate \(id) stands for \(name) no more.")
      }
    }
  }
}
