import Foundation
import NIOHTTP1
import OCI
import TestSupport
import Testing

@testable import berth

/// What docker, podman and helpers of theirs keep, in a home of its own.
private final class Home {
  let path: String
  let environment: [String: String]

  init() throws {
    path = try temporaryDirectory()
    environment = [
      "HOME": path, "DOCKER_CONFIG": path + "/docker", "XDG_CONFIG_HOME": path + "/config", "PATH": path + "/bin",
    ]
    for folder in ["bin", "docker", "config/containers", "kept"] { try makeFolder(folder) }
  }

  deinit { try? removeTree(path) }

  private func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
  }

  func write(_ text: String, to file: String) throws {
    try text.write(toFile: "\(path)/\(file)", atomically: false, encoding: .utf8)
  }

  func read(_ file: String) throws -> String { try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8) }

  func docker(_ json: String) throws { try write(json, to: "docker/config.json") }
  func podman(_ json: String) throws { try write(json, to: "config/containers/auth.json") }

  /// A helper that keeps what it is told in files, one a server.
  func helper(_ name: String, _ script: String? = nil) throws {
    let keeper = """
      #!/bin/sh
      read -r line
      case "$1" in
      get) cat "\(path)/kept/$line" 2> /dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
      store) echo "$line" > "\(path)/kept/$(echo "$line" | /bin/sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')" ;;
      erase) rm "\(path)/kept/$line" ;;
      esac
      """
    try write(script ?? keeper, to: "script")
    // Written by another program: what is open for writing cannot be run, and a child that another test starts at that moment would
    // have it open.
    let installed = try FinishedProgram(
      "install", ["-m", "755", "\(path)/script", "\(path)/bin/docker-credential-\(name)"])
    try #require(installed.status == 0, "\(installed.text)")
  }

  func credential(_ server: String, repository: String? = nil) throws -> CredentialFile.Credential? {
    try CredentialFile.credential(for: server, repository: repository, environment)
  }

  var own: CredentialFile { CredentialFile.own(environment) }
}

@Suite struct `Logins of docker and podman` {
  private typealias Credential = CredentialFile.Credential

  private static func auth(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

  @Test func `are read from the files of both, podman's before docker's`() throws {
    let home = try Home()
    #expect(try home.credential("a.test") == nil)
    try home.docker(#"{"auths":{"a.test":{"auth":"\#(Self.auth("d:1"))"},"b.test":{"auth":"\#(Self.auth("d:x:y"))"}}}"#)
    try home.podman(#"{"auths":{"a.test":{"auth":"\#(Self.auth("p:2"))"}}}"#)
    #expect(try home.credential("a.test") == Credential(user: "p", secret: "2"))
    #expect(try home.credential("b.test") == Credential(user: "d", secret: "x:y"))
    #expect(try home.credential("test") == nil)
  }

  @Test func `of single repositories go before that of their registry`() throws {
    let home = try Home()
    let logins = ["a.test", "a.test/acme", "a.test/acme/api"].map { #""\#($0)":{"auth":"\#(Self.auth("\($0):s"))"}"# }
    try home.podman(#"{"auths":{\#(logins.joined(separator: ","))}}"#)
    for (repository, user) in [
      ("acme/api", "a.test/acme/api"), ("acme/web", "a.test/acme"), ("acme-evil/api", "a.test"), ("x", "a.test"),
    ] {
      #expect(try home.credential("a.test", repository: repository)?.user == user)
    }
    #expect(try home.credential("a.test")?.user == "a.test")
  }

  @Test func `are found under the whole address that older files have`() throws {
    let home = try Home()
    try home.docker(#"{"auths":{"https://a.test/v1/":{"auth":"\#(Self.auth("u:s"))"}}}"#)
    #expect(try home.credential("a.test") == Credential(user: "u", secret: "s"))
    #expect(try home.credential("test") == nil)
  }

  @Test func `under whole addresses are forgotten with those of their server`() throws {
    let home = try Home()
    let entry = #"{"auth":"\#(Self.auth("u:s"))"}"#
    try home.docker(#"{"auths":{"https://a.test/v1/":\#(entry),"a.test":\#(entry),"https://b.test/v1/":\#(entry)}}"#)
    try home.own.store(nil, for: "a.test", home.environment)
    #expect(try home.credential("a.test") == nil)
    #expect(try home.credential("b.test") == Credential(user: "u", secret: "s"))
  }

  @Test func `for Docker's registry are found under the names that docker and podman have for it`() throws {
    let home = try Home()
    let hub = ArtifactAddress.dockerHub.credentialName
    try home.docker(#"{"auths":{"\#(hub)":{"auth":"\#(Self.auth("docker:s"))"}}}"#)
    #expect(try home.credential(hub, repository: "acme/api")?.user == "docker")
    let logins = ["docker.io", "docker.io/acme"].map { #""\#($0)":{"auth":"\#(Self.auth("\($0):s"))"}"# }
    try home.podman(#"{"auths":{\#(logins.joined(separator: ","))}}"#)
    #expect(try home.credential(hub, repository: "acme/api")?.user == "docker.io/acme")
    #expect(try home.credential(hub, repository: "other/api")?.user == "docker.io")
  }

  @Test func `may be identity tokens, which are no passwords`() throws {
    let home = try Home()
    try home.docker(#"{"auths":{"a.test":{"auth":"\#(Self.auth("u:"))","identitytoken":"refresh"}}}"#)
    #expect(try home.credential("a.test") == Credential(user: "u", secret: "refresh", isIdentityToken: true))
  }

  @Test func `are asked of the helper of their server, or of the one for all`() throws {
    let home = try Home()
    try home.helper("one")
    try home.helper(
      "all", "#!/bin/sh\nread -r line\necho '{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"r\"}'")
    try home.docker(#"{"auths":{"a.test":{},"b.test":{}},"credHelpers":{"a.test":"one"},"credsStore":"all"}"#)
    #expect(try home.credential("a.test") == nil)
    try home.write(#"{"ServerURL":"a.test","Username":"u","Secret":"s"}"#, to: "kept/a.test")
    #expect(try home.credential("a.test") == Credential(user: "u", secret: "s"))
    #expect(try home.credential("b.test") == Credential(user: "", secret: "r", isIdentityToken: true))
  }

  @Test(arguments: [
    nil, "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho no\n", "#!/nowhere\n", "#!/bin/sh\nkill -9 $$\n",
    "#!/bin/sh\ntrap '' PIPE\nwhile :; do echo yesyesyesyesyesyesyesyesyesyesyesyesyesyesyesyes; done\n",
  ])
  func `are as good as none when their helper is not there or does not work`(script: String?) throws {
    let home = try Home()
    if let script { try home.helper("broken", script) }
    try home.docker(
      #"{"auths":{"b.test":{"auth":"\#(Self.auth("u:s"))"}},"credHelpers":{"a.test":"broken","c.test":"../x"},"credsStore":"broken"}"#
    )
    #expect(try home.credential("a.test") == nil)
    #expect(try home.credential("b.test") == Credential(user: "u", secret: "s"))
    #expect(try home.credential("c.test") == nil)
  }

  /// It says a little, or nothing any more, and goes on; what it has started goes on too.
  @Test(arguments: ["printf '{\"Username\":\"u\"'; sleep 5", "exec >&-; exec sleep 60"])
  func `are not waited for without end where their helper hangs`(script: String) throws {
    let home = try Home()
    try home.helper("slow", "#!/bin/sh\nread -r line\n\(script)\n")
    let bin = "\(home.path)/bin"
    let helper = CredentialHelper(name: "slow", searchPath: bin, timeLimit: .milliseconds(200))
    #expect(helper.credential(for: "a.test") == nil)
    let error = #expect(throws: CredentialFile.Unusable.self) {
      try helper.store(Credential(user: "u", secret: "s"), for: "a.test")
    }
    #expect(error?.description == "\(bin)/docker-credential-slow store did not end within 0.2 seconds, and was stopped")
  }

  @Test func `are kept and forgotten by the helper, where there is one`() throws {
    let home = try Home()
    try home.helper("one")
    try home.docker(#"{"credsStore":"one","auths":{"b.test":{}},"HttpHeaders":{"x":"y"}}"#)
    let credential = Credential(user: "u", secret: "a-secret")
    try home.own.store(credential, for: "a.test", home.environment)
    #expect(try home.credential("a.test") == credential)
    let file = try JSONValue.parse(home.read("docker/config.json"))
    #expect(file == ["auths": ["b.test": [:], "a.test": [:]], "credsStore": "one", "HttpHeaders": ["x": "y"]])
    try home.own.store(nil, for: "a.test", home.environment)
    #expect(try home.credential("a.test") == nil)
    // What it does not keep is not kept elsewhere unasked.
    try home.helper("one", "#!/bin/sh\necho locked\nexit 1\n")
    #expect(throws: CredentialFile.Unusable.self) {
      try home.own.store(credential, for: "a.test", home.environment)
    }
    #expect(!(try home.read("docker/config.json")).contains("a.test"))
  }

  @Test func `stay in a file that its owner alone can read, without a helper`() throws {
    let home = try Home()
    try home.own.store(Credential(user: "u", secret: "s"), for: "a.test", home.environment)
    #expect(try home.credential("a.test") == Credential(user: "u", secret: "s"))
    let mode = try FileManager.default.attributesOfItem(atPath: home.own.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  // MARK: Identity tokens

  private static func server() throws -> ScriptedHTTPServer {
    try ScriptedHTTPServer { request in
      func field(_ name: String) -> String? {
        let line = request.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ": ") }
        return line.map { String($0.dropFirst(name.count + 2)) }
      }
      switch request.target.prefix(while: { $0 != "?" }) {
      case "/token":
        let form = try? Query(parsing: request.body)
        guard request.method == "POST", form?.first("grant_type") == "refresh_token",
          form?.first("refresh_token") == "refresh", let scope = form?.first("scope")
        else { return .init(401, body: Array(#"{"error":"invalid_grant"}"#.utf8)) }
        return .init(
          200, body: Array(#"{"access_token":"\#(scope.contains("acme/api") ? "for-api" : "for-lists")"}"#.utf8))
      default:
        guard let shown = field("authorization") else {
          let realm = "http://\(field("host") ?? "")/token"
          return .init(401, headers: [("WWW-Authenticate", #"Bearer realm="\#(realm)",service="x""#)])
        }
        return .init(200, body: Array(#"{"shown":"\#(shown)"}"#.utf8))
      }
    }
  }

  @Test func `that are identity tokens are shown for a token, by all that asks a registry`() async throws {
    let server = try Self.server()
    defer { server.stop() }
    let credential = Credential(user: "", secret: "refresh", isIdentityToken: true)
    let remote = RemoteServer(server.url, credential: credential)
    #expect(
      try await remote.call(.get, "/api/v1/repositories/acme/api/-/tags?n=1")["shown"] == "Bearer for-api")
    #expect(try await remote.call(.get, "/api/v1/whoami")["shown"] == "Bearer for-lists")
    let address = try ArtifactAddress(parsing: "\(server.url.dropFirst(7))/acme/api:1")
    let client = RegistryClient(address, credential: credential)
    _ = try await client.send(.GET, "/manifests/1", for: .pull)
    #expect(server.requests.last?.target == "/v2/acme/api/manifests/1")
    #expect(server.requests.last?.head.contains("Bearer for-api") ?? false)
    let ended = RemoteServer(server.url, credential: Credential(user: "", secret: "old", isIdentityToken: true))
    await #expect(throws: RemoteServer.Failure.self) { try await ended.call(.get, "/api/v1/whoami") }
  }

  @Test func `that are identity tokens follow no redirect to somebody else`() async throws {
    let other = try ScriptedHTTPServer { _ in (200, #"{"access_token":"t"}"#) }
    defer { other.stop() }
    let elsewhere = other.url
    let server = try ScriptedHTTPServer { request in
      guard request.target.hasPrefix("/token") else {
        let host = request.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("host: ") }?.dropFirst(6)
        let challenge = #"Bearer realm="http://\#(host ?? "")/token",service="x""#
        return .init(401, headers: [("WWW-Authenticate", challenge)])
      }
      return .init(307, headers: [("Location", elsewhere + "/token")])
    }
    defer { server.stop() }
    let credential = Credential(user: "", secret: "refresh", isIdentityToken: true)
    let remote = RemoteServer(server.url, credential: credential)
    await #expect(throws: RemoteServer.Failure.self) { try await remote.call(.get, "/api/v1/whoami") }
    let address = try ArtifactAddress(parsing: "\(server.url.dropFirst(7))/acme/api:1")
    await #expect(throws: RegistryClient.Failure.self) {
      try await RegistryClient(address, credential: credential).send(.GET, "/manifests/1", for: .pull)
    }
    #expect(server.requests.count == 3)
    #expect(other.requests.isEmpty)
  }

  @Test(arguments: [
    (
      "/api/v1/diff?from=acme%2Fapi%3A1&to=acme/web@sha256:\(String(repeating: "0", count: 64))",
      "repository:acme/api:pull,push,delete repository:acme/web:pull,push,delete registry:catalog:*"
    ),
    (
      "/api/v1/diff/contents?from=acme/api:1&to=acme/api:2&platform=linux/arm64",
      "repository:acme/api:pull,push,delete registry:catalog:*"
    ), ("/api/v1/diff", "registry:catalog:*"),
    ("/v2/acme/tags/api/manifests/1", "repository:acme/tags/api:pull,push,delete registry:catalog:*"),
    ("/v2/acme/manifests/blobs/uploads/?mount=x", "repository:acme/manifests:pull,push,delete registry:catalog:*"),
    ("/api/v1/repositories/acme/api/-/tags/1", "repository:acme/api:pull,push,delete registry:catalog:*"),
    ("/v2/acme/x/api/manifests/1", "repository:acme/x/api:pull,push,delete registry:catalog:*"),
    ("/api/v1/search?q=a/-/b", "registry:catalog:*"), ("/api/v1/namespaces/acme/-/x", "registry:catalog:*"),
    ("/v2/", "registry:catalog:*"), ("/api/v1/repositories/-/x", "registry:catalog:*"), ("", "registry:catalog:*"),
  ])
  func `that are identity tokens are shown for what an operation is about`(path: String, scope: String) {
    #expect(RemoteServer.scope(of: path) == scope)
  }
}
