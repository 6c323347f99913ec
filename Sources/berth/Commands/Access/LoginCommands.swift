import ArgumentParser
import Glibc
import OCI

/// Reads a secret without showing it.
enum SecretInput {
  static func prompt(_ text: String) throws -> String {
    guard let typed = getpass(text) else { throw ValidationError("no terminal to ask at; use --password-stdin") }
    return String(cString: typed)
  }

  /// All of standard input, without the line's end.
  static func fromStandardInput() -> String {
    var bytes = readAll(STDIN_FILENO, limit: 65_536)
    while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func newPassword(fromStandardInput: Bool) throws -> String {
    if fromStandardInput { return self.fromStandardInput() }
    let first = try prompt("New password: ")
    guard try prompt("Again: ") == first else { throw ValidationError("the two are not alike") }
    return first
  }
}

struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Log in, for berth and for docker, podman, skopeo and oras alike.",
    discussion: """
      Makes a personal token and keeps that where docker keeps its logins, not the password.
      With --browser the login goes on in a browser, with single sign-on where the registry has it.
      """)

  @Argument(help: "The server, such as registry.example.org or 127.0.0.1:5000.")
  var address: String?

  @OptionGroup var remote: RemoteOptions

  @Option(name: [.long, .customLong("username"), .short], help: "The user's name.")
  var user: String?

  @Flag(help: "Read the password from standard input.")
  var passwordStdin = false

  @Flag(help: "Log in with a browser.")
  var browser = false

  @Option(help: "How many days the login lasts; 90, or as many as a token may, unless given.")
  var days: Int?

  private static let usualSeconds: Int64 = 90 * 86_400

  func run() async throws {
    var remote = remote
    remote.server = address ?? remote.server
    try await remote.run { known in
      let server = known.with(nil)
      let (credential, isNew) = try await browser ? (DeviceLogin(server).run(), true) : withPassword(server)
      do { try CredentialFile.own().store(credential, for: server.name) } catch {
        // Nobody would know it any more.
        if isNew { _ = await LogoutCommand.revokeToken(server.with(credential)) }
        throw error
      }
      remote.tell("Logged in to \(server.name) as \(credential.user).", ["user": .string(credential.user)])
    }
  }

  /// - Returns: also whether it was made here.
  private func withPassword(_ server: RemoteServer) async throws -> (CredentialFile.Credential, isNew: Bool) {
    guard let user else { throw ValidationError("name the user with --user, or use --browser") }
    let password = passwordStdin ? SecretInput.fromStandardInput() : try SecretInput.prompt("Password of \(user): ")
    let credential = CredentialFile.Credential(user: user, secret: password)
    // A token that was given as the password is kept as it is: it may be limited, and makes no others.
    guard !password.hasPrefix("berth_") else {
      _ = try await server.with(credential).call(.get, "/api/v1/whoami")
      return (credential, false)
    }
    let logged = server.with(credential)
    let made = try await logged.call(
      .post, "/api/v1/tokens",
      ["name": .string("berth login on \(hostName())"), "seconds": try await seconds(logged)])
    return (CredentialFile.Credential(user: user, secret: made["secret"]?.string ?? ""), true)
  }

  /// What was asked for, whether the server lets a token last so long or not; else what it lets.
  private func seconds(_ server: RemoteServer) async throws -> JSONValue {
    if let days { return try secondsOf(days: days) }
    let longest = try await server.call(.get, "/api/v1/whoami")["longestTokenSeconds"]?.integer
    return .integer(min(Self.usualSeconds, longest ?? Self.usualSeconds))
  }
}

/// The name of this machine, for a token that is used on it.
func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "?" }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

struct LogoutCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Forget a login, and revoke its token.")

  @Argument(help: "The server.")
  var address: String?

  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    var remote = remote
    remote.server = address ?? remote.server
    try await remote.run { server in
      let failure = server.credential == nil ? nil : await Self.revokeToken(server)
      try CredentialFile.own().store(nil, for: server.name)
      remote.tell("Logged out of \(server.name).")
      guard let failure else { return }
      standardError("berth: its token is forgotten here, and not revoked: \(failure)")
      throw failure.exitCode
    }
  }

  /// Revokes the token that is shown to a server, where it is one.
  ///
  /// - Returns: why it may still be good; nil: it is not, or is a password.
  static func revokeToken(_ server: RemoteServer) async -> RemoteServer.Failure? {
    do {
      let own = try await server.call(.get, "/api/v1/whoami")
      guard let credential = own["credential"]?.string, credential.hasPrefix("token ") else { return nil }
      try await server.call(.delete, "/api/v1/tokens/\(pathPart(String(credential.dropFirst(6))))")
      return nil
    } catch let failure as RemoteServer.Failure {
      return [401, 404].contains(failure.status) ? nil : failure
    } catch {
      return RemoteServer.Failure(status: 0, description: "\(error)")
    }
  }
}

struct WhoamiCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "whoami", abstract: "Who the stored login stands for.")

  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try await remote.run { server in
      let own = try await server.call(.get, "/api/v1/whoami")
      let role = own["siteRole"]?.string.map { ", site \($0)" } ?? ""
      remote.tell("\(own["name"]?.string ?? "?")\(role) (\(own["credential"]?.string ?? "?"))", own)
    }
  }
}
