import Glibc
import OCI

/// A program that keeps credentials for others: `docker-credential-NAME`.
///
/// Source: docker-credential-helpers, "Development": the action is its argument, the rest goes in and out as text or JSON.
struct CredentialHelper {
  let name: String
  /// Directories, with colons between them.
  let searchPath: String
  var timeLimit = usualTimeLimit

  /// Until it has ended. It may have to ask a person to unlock what it keeps logins in.
  static let usualTimeLimit: Duration = .seconds(120)
  /// How often a helper that has said all is looked at, whether it has ended.
  private static let lookMicroseconds: UInt32 = 2000
  /// The user's name that says that the secret is an identity token.
  private static let identityToken = "<token>"
  private static let outputLimitBytes = 1 << 20

  /// What it keeps for a server; nil: nothing. One that does not work is told, and is as good as none: what is public can be
  /// asked for without it.
  func credential(for server: String) -> CredentialFile.Credential? {
    let said: (isDone: Bool, output: String)
    do { said = try run("get", input: server) } catch {
      standardError("berth: \(error); going on without what it keeps")
      return nil
    }
    guard said.isDone, let value = try? JSONValue.parse(said.output), let user = value["Username"]?.string,
      let secret = value["Secret"]?.string, !secret.isEmpty
    else { return nil }
    let isIdentityToken = user == Self.identityToken
    return CredentialFile.Credential(
      user: isIdentityToken ? "" : user, secret: secret, isIdentityToken: isIdentityToken)
  }

  /// Makes it keep a credential; nil: forget what it keeps.
  ///
  /// - Throws: ``CredentialFile/Unusable``.
  func store(_ credential: CredentialFile.Credential?, for server: String) throws {
    guard let credential else {
      // One that keeps nothing says that it failed.
      _ = try run("erase", input: server)
      return
    }
    let user = credential.isIdentityToken ? Self.identityToken : credential.user
    let wish: JSONValue = [
      "ServerURL": .string(server), "Username": .string(user), "Secret": .string(credential.secret),
    ]
    let said = try run("store", input: wish.text)
    guard said.isDone else {
      throw CredentialFile.Unusable(
        description: "docker-credential-\(name) does not keep the login: \(onOneLine(said.output))")
    }
  }

  // MARK: Running

  private func path() throws -> String {
    guard !name.contains("/") else { throw CredentialFile.Unusable(description: "“\(name)” is no credential helper") }
    let candidates = searchPath.split(separator: ":").map { "\($0)/docker-credential-\(name)" }
    guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
      throw CredentialFile.Unusable(
        description: "docker-credential-\(name), which keeps logins here, is not in the search path")
    }
    return found
  }

  private func run(_ action: String, input: String) throws -> (isDone: Bool, output: String) {
    let path = try path()
    // A socket, both ways: writing to one whose reader is gone need not end this process, as writing to a pipe does.
    var ends: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw CredentialFile.Unusable(description: "cannot run \(path): \(String(cString: strerror(errno)))")
    }
    let process = Self.spawn(path, action, inputAndOutput: ends[0])
    close(ends[0])
    guard let process else {
      close(ends[1])
      throw CredentialFile.Unusable(description: "cannot run \(path)")
    }
    let deadline = ContinuousClock.now + timeLimit
    _ = input.withCString { send(ends[1], $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    shutdown(ends[1], Int32(SHUT_WR))
    let output = Self.output(ends[1], until: deadline)
    close(ends[1])
    // One that says so much keeps no logins, and might go on for ever.
    if output.count >= Self.outputLimitBytes { kill(process, SIGKILL) }
    guard let status = Self.ending(of: process, until: deadline) else {
      throw CredentialFile.Unusable(
        description: "\(path) \(action) did not end within \(timeLimit), and was stopped")
    }
    return (status == 0, String(decoding: output, as: UTF8.self))
  }

  /// What it says until it says no more, or the time is over.
  private static func output(_ descriptor: Int32, until deadline: ContinuousClock.Instant) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < outputLimitBytes {
      let rest = (deadline - ContinuousClock.now).components
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let found = poll(&wait, 1, Int32(max(rest.seconds, 0) * 1000 + max(rest.attoseconds, 0) / 1_000_000_000_000_000))
      if found < 0, errno == EINTR { continue }
      guard found > 0 else { break }
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// The status with which a process ends. Nil: it had to be stopped when the time was over.
  private static func ending(of process: pid_t, until deadline: ContinuousClock.Instant) -> Int32? {
    var status: Int32 = 0
    repeat {
      let found = waitpid(process, &status, WNOHANG)
      guard found == 0 || (found < 0 && errno == EINTR) else { return status }
      usleep(lookMicroseconds)
    } while ContinuousClock.now < deadline
    kill(process, SIGKILL)
    while waitpid(process, &status, 0) == -1 && errno == EINTR {}
    return nil
  }

  private static func spawn(_ path: String, _ action: String, inputAndOutput: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, inputAndOutput, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, inputAndOutput, STDOUT_FILENO)
    var words: [UnsafeMutablePointer<CChar>?] = [strdup(path), strdup(action), nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    return posix_spawn(&process, path, &actions, nil, &words, environ) == 0 ? process : nil
  }
}
