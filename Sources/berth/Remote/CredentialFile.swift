import Access
import Glibc
import OCI

/// Where docker, podman, skopeo and oras keep what they log in with: we read the same files, and write the same form.
///
/// Source: containers-auth.json(5); the Docker CLI's `config.json`.
struct CredentialFile {
  struct Credential: Equatable {
    let user: String
    let secret: String
  }

  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  let path: String

  /// Files in the order in which they are looked at.
  static func candidates(_ environment: [String: String] = processEnvironment()) -> [CredentialFile] {
    var paths: [String] = []
    if let file = environment["REGISTRY_AUTH_FILE"] { paths.append(file) }
    if let runtime = environment["XDG_RUNTIME_DIR"] { paths.append(runtime + "/containers/auth.json") }
    let home = environment["HOME"] ?? "."
    paths.append((environment["XDG_CONFIG_HOME"] ?? home + "/.config") + "/containers/auth.json")
    paths.append((environment["DOCKER_CONFIG"] ?? home + "/.docker") + "/config.json")
    return paths.map { CredentialFile(path: $0) }
  }

  /// Where a new login is kept: the file that is named, or docker's, which all of them read.
  static func own(_ environment: [String: String] = processEnvironment()) -> CredentialFile {
    if let file = environment["REGISTRY_AUTH_FILE"] { return CredentialFile(path: file) }
    let home = environment["HOME"] ?? "."
    return CredentialFile(path: (environment["DOCKER_CONFIG"] ?? home + "/.docker") + "/config.json")
  }

  /// What is known for a server; nil: nothing.
  static func credential(for server: String, _ environment: [String: String] = processEnvironment()) throws
    -> Credential?
  {
    for file in candidates(environment) { if let found = try file.credential(for: server) { return found } }
    return nil
  }

  private func document() throws -> JSONObject {
    guard let text = try readWholeFile(path) else { return JSONObject() }
    guard let object = (try? JSONValue.parse(text))?.object else {
      throw Unusable(description: "\(path) is not a JSON object")
    }
    return object
  }

  func credential(for server: String) throws -> Credential? {
    let document = try document()
    let helper = document["credHelpers"]?[server]?.string ?? document["credsStore"]?.string
    if let auth = document["auths"]?[server]?["auth"]?.string, let bytes = Base64.decode(auth) {
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: ":", maxSplits: 1)
      if parts.count == 2 { return Credential(user: String(parts[0]), secret: String(parts[1])) }
    }
    guard let helper else { return nil }
    return try CredentialHelper(name: helper).credential(for: server)
  }

  /// Keeps a credential, beside whatever else the file says.
  func store(_ credential: Credential?, for server: String) throws {
    let document = try document()
    var auths = (document["auths"]?.object ?? JSONObject()).members.filter { $0.key != server }
    if let credential {
      let auth = Base64.encode("\(credential.user):\(credential.secret)".utf8)
      auths.append(.init(key: server, value: ["auth": .string(auth)]))
    }
    var members = document.members.filter { $0.key != "auths" }
    members.insert(.init(key: "auths", value: .object(JSONObject(auths))), at: 0)
    try writePrivateFile(path, IndentedJSON.text(.object(JSONObject(members))) + "\n")
  }
}

/// A program that keeps credentials for others: `docker-credential-NAME`.
struct CredentialHelper {
  let name: String

  func credential(for server: String) throws -> CredentialFile.Credential? {
    guard !name.contains("/") else { throw CredentialFile.Unusable(description: "“\(name)” is no credential helper") }
    guard let output = try runProgram("docker-credential-\(name)", ["get"], input: server) else { return nil }
    guard let value = try? JSONValue.parse(output), let user = value["Username"]?.string,
      let secret = value["Secret"]?.string
    else { return nil }
    return CredentialFile.Credential(user: user, secret: secret)
  }
}

/// The text of a file; nil when there is none.
func readWholeFile(_ path: String) throws -> String? {
  let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else {
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw CredentialFile.Unusable(description: "cannot read \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(descriptor) }
  return String(decoding: readAll(descriptor, limit: 1 << 24), as: UTF8.self)
}

/// All bytes that a descriptor gives, up to a limit.
func readAll(_ descriptor: Int32, limit: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while bytes.count < limit {
    let count = read(descriptor, &chunk, chunk.count)
    guard count > 0 else { break }
    bytes += chunk[..<count]
  }
  return bytes
}

/// Replaces a file by one that its owner alone can read.
private func writePrivateFile(_ path: String, _ text: String) throws {
  func failure() -> CredentialFile.Unusable {
    CredentialFile.Unusable(description: "cannot write \(path): \(String(cString: strerror(errno)))")
  }
  if let slash = path.lastIndex(of: "/") {
    let folder = String(path[..<slash])
    if mkdir(folder, 0o700) != 0 && errno != EEXIST { throw failure() }
  }
  let fresh = path + ".berth-\(getpid())"
  let descriptor = Glibc.open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  guard descriptor >= 0 else { throw failure() }
  defer { close(descriptor) }
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 else { throw failure() }
    rest = rest.dropFirst(count)
  }
  guard fsync(descriptor) == 0, rename(fresh, path) == 0 else { throw failure() }
}

/// Runs a program and answers what it printed; nil when it is not there or failed.
private func runProgram(_ name: String, _ arguments: [String], input: String) throws -> String? {
  var inward: [Int32] = [0, 0]
  var outward: [Int32] = [0, 0]
  guard pipe(&inward) == 0 else { return nil }
  guard pipe(&outward) == 0 else {
    for end in inward { close(end) }
    return nil
  }
  for end in inward + outward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, inward[0], STDIN_FILENO)
  posix_spawn_file_actions_adddup2(&actions, outward[1], STDOUT_FILENO)
  var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) } + [nil]
  defer { for word in words { free(word) } }
  var process = pid_t()
  let outcome = posix_spawnp(&process, name, &actions, nil, &words, environ)
  close(inward[0])
  close(outward[1])
  _ = input.withCString { write(inward[1], $0, strlen($0)) }
  close(inward[1])
  let output = readAll(outward[0], limit: 1 << 20)
  close(outward[0])
  guard outcome == 0 else { return nil }
  var status: Int32 = 0
  while waitpid(process, &status, 0) == -1 && errno == EINTR {}
  return status == 0 ? String(decoding: output, as: UTF8.self) : nil
}
