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
    /// It renews logins at the token endpoint of its registry, and is no password.
    var isIdentityToken = false
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
  ///
  /// - Parameter repository: podman keeps logins of single ones too.
  static func credential(
    for server: String, repository: String? = nil, _ environment: [String: String] = processEnvironment()
  ) throws -> Credential? {
    for file in candidates(environment) {
      if let found = try file.credential(for: server, repository: repository, environment) { return found }
    }
    return nil
  }

  private func document() throws -> JSONObject {
    guard let text = try readWholeFile(path) else { return JSONObject() }
    guard let object = (try? JSONValue.parse(text))?.object else {
      throw Unusable(description: "\(path) is not a JSON object")
    }
    return object
  }

  func credential(
    for server: String, repository: String? = nil, _ environment: [String: String] = processEnvironment()
  ) throws -> Credential? {
    let document = try document()
    if let helper = Self.helper(document, server, environment), let found = helper.credential(for: server) {
      return found
    }
    let entries = document["auths"]?.object ?? JSONObject()
    for key in Self.keys(server, repository) { if let found = Self.credential(in: entries[key]) { return found } }
    // Older files have whole addresses.
    let older = entries.members.first { Self.isOlder($0.key, server) }
    return Self.credential(in: older?.value)
  }

  private static func helper(
    _ document: JSONObject, _ server: String, _ environment: [String: String]
  ) -> CredentialHelper? {
    guard let name = document["credHelpers"]?[server]?.string ?? document["credsStore"]?.string, !name.isEmpty else {
      return nil
    }
    return CredentialHelper(name: name, searchPath: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
  }

  /// `HOST/NAMESPACE/NAME`, `HOST/NAMESPACE`, `HOST`: the longest first.
  private static func keys(_ server: String, _ repository: String?) -> [String] {
    let parts = repository?.split(separator: "/") ?? []
    func keys(_ name: String) -> [String] {
      parts.indices.reversed().map { "\(name)/" + parts[...$0].joined(separator: "/") } + [name]
    }
    // Docker has another name for its registry there than podman.
    let dockerHub = ArtifactAddress.dockerHub
    return (server == dockerHub.credentialName ? keys(dockerHub.name) : []) + keys(server)
  }

  /// Whether a key is a whole address at a server, `https://HOST/v1/`.
  private static func isOlder(_ key: String, _ server: String) -> Bool {
    key.contains("://") && key.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" } == server
  }

  private static func credential(in entry: JSONValue?) -> Credential? {
    guard let entry else { return nil }
    let auth = entry["auth"]?.string.flatMap { Base64.decode($0) }.map { String(decoding: $0, as: UTF8.self) } ?? ""
    let parts = auth.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let user = parts.first.map { String($0) } ?? ""
    if let token = entry["identitytoken"]?.string, !token.isEmpty {
      return Credential(user: user, secret: token, isIdentityToken: true)
    }
    guard parts.count == 2, !parts[1].isEmpty else { return nil }
    return Credential(user: user, secret: String(parts[1]))
  }

  /// Keeps a credential, beside whatever else the file says; where it names a helper, that one keeps it.
  func store(
    _ credential: Credential?, for server: String, _ environment: [String: String] = processEnvironment()
  ) throws {
    let document = try document()
    var auths = (document["auths"]?.object ?? JSONObject()).members.filter {
      $0.key != server && !Self.isOlder($0.key, server)
    }
    let helper = Self.helper(document, server, environment)
    try helper?.store(credential, for: server)
    if let credential {
      let auth = Base64.encode("\(credential.user):\(credential.secret)".utf8)
      // As docker does: who is logged in is in the file, the secret is not.
      auths.append(.init(key: server, value: helper == nil ? ["auth": .string(auth)] : [:]))
    }
    var members = document.members.filter { $0.key != "auths" }
    members.insert(.init(key: "auths", value: .object(JSONObject(auths))), at: 0)
    try writePrivateFile(path, IndentedJSON.text(.object(JSONObject(members))) + "\n")
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
