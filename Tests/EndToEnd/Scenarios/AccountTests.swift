import Foundation
import OCI
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct AccountTests {
    /// What one can log in with.
    enum Credential: String, CaseIterable, Sendable { case password, personal, robot, job }

    @Test(
      "a client logs in, pushes, pulls, and is refused, with every kind of credential", arguments: ClientKind.allCases)
    func client(kind: ClientKind) async throws {
      let issuer = try TestIssuer()
      let source = try await SharedImages.shared.multiArchitecture()
      let environment = ["BERTH_ACCESS_JOB_ISSUERS": issuer.url, "BERTH_ACCESS_SERVICE": "registry.test"]
      try await withServer(isOpen: false, environment: environment) { server, workspace in
        let administrator = try await Self.populate(server, workspace, issuer)
        let image = LayoutImage(path: workspace.file("single"), tag: "1.0")
        try await Skopeo(in: workspace).copy(source.reference, image.reference)
        let authority = server.address.authority
        for credential in Credential.allCases {
          let (user, secret) = try await Self.secret(credential, administrator, issuer)
          let name = "\(authority)/acme/\(credential.rawValue)"
          let client = try await Self.login(kind, user, secret, authority, workspace)
          try await client.push(image, to: "\(name):1.0")
          #expect(try await client.pull("\(name):1.0") == image.configDigest())
          // Berth's own commands have the login from where the client keeps it.
          if let home = Self.home(of: client) {
            let own = ["BERTH_SERVER": authority, "DOCKER_CONFIG": "\(home.path)/docker"]
            let listed = try await ProgramRunner.succeed(
              ServerProcess.binary, ["tag", "list", "acme/\(credential.rawValue)", "--output", "json"],
              environment: home.environment.merging(own) { $1 })
            #expect(try JSONValue.parse(listed.trimmed).array?.count == 1, "\(credential): \(listed.story)")
          }
          // Where nothing is granted.
          await #expect(throws: HarnessError.self, "\(credential)") {
            try await client.push(image, to: "\(authority)/other/api:1.0")
          }
          await #expect(throws: HarnessError.self, "\(credential)") {
            _ = try await client.pull("\(authority)/secret/api:1.0")
          }
        }
        // Nobody, and somebody who is wrong.
        let nobody = try await kind.make(in: workspace)
        await #expect(throws: HarnessError.self) { _ = try await nobody.pull("\(authority)/acme/password:1.0") }
        await #expect(throws: HarnessError.self) {
          let wrong = try await Self.login(kind, "alice", "wrong-password", authority, workspace)
          _ = try await wrong.pull("\(authority)/acme/password:1.0")
        }
        // Everybody, once the namespace is public; and still nobody pushes.
        try await administrator.berth("namespace", "publish", "acme")
        #expect(try await nobody.pull("\(authority)/acme/password:1.0") == image.configDigest())
        await #expect(throws: HarnessError.self) { try await nobody.push(image, to: "\(authority)/acme/password:2.0") }
      }
    }

    private static func populate(
      _ server: ServerProcess, _ workspace: Workspace, _ issuer: TestIssuer
    ) async throws -> Administrator {
      let administrator = try await Administrator(server, workspace)
      try await administrator.shell(
        """
        berth namespace create acme
        berth namespace create other
        echo alice-password | berth user create alice --password-stdin
        berth grant add alice writer acme
        berth trust add acme main --issuer \(issuer.url) --claim repository=acme/api --role writer
        """)
      return administrator
    }

    private static func secret(
      _ credential: Credential, _ administrator: Administrator, _ issuer: TestIssuer
    ) async throws -> (user: String, secret: String) {
      switch credential {
      case .password: return ("alice", "alice-password")
      case .personal:
        let line = """
          export HOME=$HOME/alice; mkdir -p $HOME
          echo alice-password | berth login --user alice --password-stdin > /dev/null; berth token create e2e --days 1
          """
        return ("alice", try await administrator.shell(line).trimmed)
      case .robot:
        let made = try await administrator.berth("robot", "create", "acme+ci", "--role", "writer", "--output", "json")
        guard let secret = try JSONValue.parse(made.trimmed)["secret"]?.string else { throw HarnessError(made.story) }
        return ("acme+ci", secret)
      case .job:
        return ("job", issuer.token(["sub": "repo:acme/api", "aud": "registry.test", "repository": "acme/api"]))
      }
    }

    /// Where a client keeps its logins; nil for one that keeps none.
    private static func home(of client: any RegistryClient) -> Workspace.Home? {
      switch client {
      case let skopeo as Skopeo: skopeo.home
      case let podman as Podman: podman.home
      case let buildah as Buildah: buildah.home
      case let docker as Docker: docker.home
      default: nil
      }
    }

    /// A client that has logged in as its users do.
    private static func login(
      _ kind: ClientKind, _ user: String, _ secret: String, _ authority: String, _ workspace: Workspace
    ) async throws -> any RegistryClient {
      var home = try Workspace.Home(workspace, "\(kind.rawValue)-\(UUID().uuidString.prefix(4))")
      home.namesLogins = false
      let words = ["login", "--tls-verify=false", "-u", user, "-p", secret, authority]
      switch kind {
      case .skopeo:
        let skopeo = Skopeo(home)
        try await skopeo.succeed(words)
        return skopeo
      case .podman:
        let podman = Podman(home)
        try await podman.succeed(words)
        return podman
      case .buildah:
        let buildah = Buildah(home)
        try await buildah.succeed(words)
        return buildah
      case .ctr: return try await Containerd(home, user: "\(user):\(secret)")
      case .docker:
        let docker = try await Docker(home)
        try await docker.succeed(["login", "-u", user, "-p", secret, authority])
        return docker
      }
    }

    @Test("the first start makes an admin once, and an account outlives a restart")
    func firstStart() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let server = try ServerProcess(
        dataDirectory: workspace.file("data"), isOpen: false, environment: ["BERTH_ADMIN_PASSWORD": "short"])
      let refused = try await server.runToEnd()
      #expect(!refused.succeeded, "a password of five letters is none")
      let good = try ServerProcess(dataDirectory: workspace.file("data"), isOpen: false)
      try await good.start()
      do {
        try await Self.outlivesRestart(good, workspace)
      } catch {
        await good.killHard()
        throw error
      }
    }

    private static func outlivesRestart(_ good: ServerProcess, _ workspace: Workspace) async throws {
      let administrator = try await Administrator(good, workspace)
      #expect(try await administrator.berth("whoami").text.hasPrefix("admin, site admin"))
      try await good.stop()
      try await good.start()
      #expect(try await administrator.berth("whoami").text.hasPrefix("admin, site admin"))
      let verified = try await administrator.berth("audit", "verify")
      #expect(verified.text.hasPrefix("The record is whole"))
      // A login that cannot be kept leaves no token behind: in the place of the folder there is a file.
      func tokenCount() async throws -> Int? {
        try JSONValue.parse(try await administrator.berth("token", "list", "--output", "json").trimmed).array?
          .count
      }
      let before = try await tokenCount()
      let password = administrator.home + "/password"
      try await administrator.shell(
        """
        export DOCKER_CONFIG=\(password)/docker
        if berth login --user admin --password-stdin < \(password); then exit 1; fi
        """)
      #expect(try await tokenCount() == before)
      try await administrator.berth("logout")
      #expect(!(try await administrator.run(["whoami"]).succeeded))
      try await good.stop()
    }

    @Test("a pull secret of Kubernetes, as kubectl writes it, is a login that pulls")
    func pullSecret() async throws {
      let source = try await SharedImages.shared.multiArchitecture()
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        try await administrator.berth("namespace", "create", "acme")
        let made = try await administrator.berth(
          "robot", "create", "acme+cluster", "--role", "reader", "--days", "365", "--output", "json")
        let secret = try #require(try JSONValue.parse(made.trimmed)["secret"]?.string, "\(made.story)")
        let authority = server.address.authority
        let image = LayoutImage(path: workspace.file("single"), tag: "1.0")
        try await Skopeo(in: workspace).copy(source.reference, image.reference)
        let pusher = try await Self.login(.skopeo, "admin", ServerProcess.adminPassword, authority, workspace)
        try await pusher.push(image, to: "\(authority)/acme/api:1.0")
        let both = Data("acme+cluster:\(secret)".utf8).base64EncodedString()
        let file = try workspace.write(
          #"{"auths":{"\#(authority)":{"username":"acme+cluster","password":"\#(secret)","auth":"\#(both)"}}}"#,
          to: "pull-secret.json")
        for (login, mayPull) in [(["--authfile", file], true), (["--no-creds"], false)] {
          let outcome = try await ProgramRunner.run(
            "skopeo", ["inspect", "--raw", "--tls-verify=false"] + login + ["docker://\(authority)/acme/api:1.0"],
            environment: ["HOME": try workspace.folder("cluster")])
          #expect(outcome.succeeded == mayPull, "\(outcome.story)")
        }
      }
    }

    @Test("an owner follows the record of a namespace, as JSON lines")
    func follow() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        // What is done before the command has begun it does not tell, so that it is done again.
        let outcome = try await administrator.shell(
          """
          berth namespace create acme
          echo alice-password | berth user create alice --password-stdin
          berth grant add alice owner acme
          export HOME=$HOME/alice; mkdir -p $HOME; cd $HOME
          echo alice-password | berth login --user alice --password-stdin
          \(ServerProcess.binary) audit --follow --namespace acme --output json > told & follow=$!
          for turn in $(seq 100); do
            berth robot create acme+ci$turn --role reader > made
            if grep -q robot.create told; then break; fi
            sleep 0.1
          done
          kill $follow
          echo FOLLOWED; cat told
          """)
        let lines = try #require(outcome.text.split(separator: "FOLLOWED\n").last).split(separator: "\n")
        for line in lines { #expect(try JSONValue.parse(String(line))["namespace"] == "acme", "\(outcome.story)") }
        #expect(try lines.contains { try JSONValue.parse(String($0))["kind"] == "robot.create" }, "\(outcome.story)")
      }
    }

    @Test("the first start prints a password, once, and the log has nothing of it")
    func printedPassword() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let address = try Address.free4()
      let line = """
        begin() {
          \(ServerProcess.binary) serve --listen \(address.authority) --data data > "$1" 2>> log & server=$!
          for turn in $(seq 300); do curl -sf -o /dev/null http://\(address.authority)/readyz && return; sleep 0.1; done
        }
        begin first
        password=$(sed -n 's/^ *password  //p' first)
        test ${#password} -ge 20
        echo "$password" | berth login --user admin --password-stdin
        berth whoami
        kill $server; wait $server
        begin second
        kill $server; wait $server
        test ! -s second
        if grep -F "$password" log; then exit 1; fi
        if grep -rF "$password" data; then exit 1; fi
        """
      let outcome = try await ProgramRunner.succeed(
        "sh", ["-ec", "berth() { \(ServerProcess.binary) \"$@\"; }; cd $HOME; \(line)"],
        environment: ["HOME": try workspace.folder("first"), "BERTH_SERVER": address.authority])
      #expect(outcome.text.contains("admin, site admin"), "\(outcome.story)")
    }

    @Test("a client certificate stands for a robot")
    func certificates() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let authority = try await CertificateAuthority("site", in: workspace)
      let stranger = try await CertificateAuthority("stranger", in: workspace)
      let paths = (certificate: workspace.file("server.crt"), key: workspace.file("server.key"))
      try await authority.issue(certificate: paths.certificate, key: paths.key)
      let environment = [
        "BERTH_HTTP_TLS_CERTIFICATE": paths.certificate, "BERTH_HTTP_TLS_KEY": paths.key,
        "BERTH_HTTP_TLS_CLIENT_CA": authority.certificate,
      ]
      try await withServer(usesTLS: true, isOpen: false, environment: environment) { server, _ in
        let base = "https://\(server.address.authority)"
        let admin = ["-sS", "--cacert", authority.certificate, "-u", "admin:\(ServerProcess.adminPassword)"]
        func post(_ path: String, _ json: String) async throws {
          try await ProgramRunner.succeed(
            "curl", admin + ["-f", "-H", "Content-Type: application/json", "-d", json, base + path])
        }
        try await post("/api/v1/namespaces", #"{"name":"acme"}"#)
        try await post("/api/v1/namespaces/acme/robots", #"{"name":"node","role":"writer"}"#)
        let rules = "/api/v1/namespaces/acme/robots/node/certificates"
        try await post(rules, #"{"field":"dns","value":"node1.acme.test"}"#)
        try await post(rules, #"{"field":"subject","value":"CN=builder,O=Acme"}"#)
        func status(_ pair: (certificate: String, key: String)?, _ version: String = "--http2") async throws -> String {
          let own = pair.map { ["--cert", $0.certificate, "--key", $0.key] } ?? []
          return try await ProgramRunner.run(
            "curl",
            ["-sS", version, "--cacert", authority.certificate, "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST"]
              + own
              + ["\(base)/v2/acme/api/blobs/uploads/"]
          ).trimmed
        }
        let node = try await authority.issueClient(subject: "/CN=x", names: "DNS:node1.acme.test")
        let builder = try await authority.issueClient(subject: "/O=Acme/CN=builder", names: "DNS:other.test")
        let other = try await authority.issueClient(subject: "/CN=node1.acme.test", names: "DNS:node2.acme.test")
        let forged = try await stranger.issueClient(subject: "/CN=x", names: "DNS:node1.acme.test")
        #expect(try await status(node) == "202")
        #expect(try await status(node, "--http1.1") == "202")
        #expect(try await status(builder) == "202")
        #expect(try await status(other) == "401")
        #expect(try await status(nil) == "401")
        #expect(try await status(forged) == "000", "another authority's certificate ends the handshake")
      }
    }
  }
}
