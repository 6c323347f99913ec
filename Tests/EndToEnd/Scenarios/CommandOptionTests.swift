import Foundation
import OCI
import Testing

extension EndToEnd {
  /// What options of commands change, where the tests of the commands themselves do not use them.
  @Suite struct CommandOptionTests {
    /// Of `dave-password`.
    private static let htpasswd = "dave:$2b$05$Ko9udGrhffyGVGzDu8e/guAzro67K9KR0uXdRomONv92TGsi.kdLy\nold:{SHA}x\n"

    @Test("people come over from an htpasswd file, and are logged out at once; robots and jobs get what they are given")
    func people() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        let berth = Commands(server, home: administrator.home)
        let dave = Commands(server, home: administrator.home + "/dave")
        let file = try workspace.write(Self.htpasswd, to: "htpasswd")
        let passedOver = "Passed over old: not a bcrypt hash (htpasswd -B)."
        #expect(try await berth.text("user", "import-htpasswd", file) == "Made 1 user: dave.\n\(passedOver)")
        #expect(try await berth.value("user", "import-htpasswd", file)["skipped"]?["dave"] == "there already")
        #expect(try await berth.refusal("user", "import-htpasswd", "no", code: 1) == "berth: there is no file no")
        let login = "mkdir -p $HOME/dave; echo dave-password | HOME=$HOME/dave berth login -u dave --password-stdin"
        try await administrator.shell(login)
        #expect(try await dave.text("whoami").hasPrefix("dave (token "))
        #expect(try await berth.text("user", "change", "dave", "--log-out") == "Changed the user dave.")
        _ = try await dave.refusal("whoami", code: 2)
        #expect(try await berth.text("user", "change", "dave", "--enable-login") == "Changed the user dave.")
        try await administrator.shell("echo new-password | berth user change dave --new-password --password-stdin")
        #expect(try await berth.text("user", "create", "eve", "--no-password") == "Made the user eve.")

        try await berth.table("namespace", "create", "acme")
        #expect(
          try await berth.text("robot", "create", "acme+ci", "--role", "writer", "--no-token")
            == "Made the robot acme+ci.")
        let scope = ["--robot", "acme+ci", "--scope", "acme/*:pull", "--days", "1"]
        #expect(try await berth.run(["token", "create", "mirror"] + scope).text.hasPrefix("berth_rbt_"))
        let tokens = try await berth.list(["token", "list", "--robot", "acme+ci"])
        #expect(tokens.map { $0["scope"] } == [[["repository": "acme/*", "actions": ["pull"]]]])
        let token = try #require(tokens.first?["id"]?.string)
        #expect(
          try await berth.text("token", "revoke", token, "--robot", "acme+ci") == "Revoked the token \(token).")
        try await berth.table(
          "trust", "add", "acme", "main", "--github", "acme/api", "--ref", "refs/heads/main", "--audience", "other",
          "--minutes", "5", "--role", "reader")
        let rule = try #require(try await berth.list(["trust", "list", "acme"]).first)
        #expect(rule["seconds"] == 300 && rule["claims"]?["ref"] == "refs/heads/main", "\(rule)")

        try await record(berth)
        try await follow(administrator)
      }
    }

    /// Records are told as they come, also through a pipe, and none of those that were there.
    private func follow(_ administrator: Administrator) async throws {
      try await administrator.shell("berth team create early")
      // They have their places in the chain a moment later, and what has none yet comes too.
      try await eventually("the team is in the chain") {
        let found = try await administrator.shell("berth audit --export --kind team.create")
        return found.text.contains("early")
      }
      let told = try await administrator.shell(
        """
        cd $HOME
        \(ServerProcess.binary) audit --follow --kind team.create > followed & following=$!
        trap 'kill $following' EXIT
        turn=0
        while ! grep -q late followed && [ $turn -lt 60 ]; do
          turn=$((turn + 1)); berth team create late-$turn > made; sleep 0.5
        done
        cat followed
        """
      ).text
      #expect(told.contains("team.create  done  admin  "), "\(told)")
      #expect(told.contains("  late-") && !told.contains("early"), "\(told)")
    }

    /// What a policy would have refused of one environment alone.
    private func rehearsal(_ berth: Commands) async throws {
      try await berth.table("env", "create", "acme/staging")
      let wish = ["policy", "dry-run", "acme", "--at", "promotion", "--unscanned", "--days", "1", "--environment"]
      for (environment, count) in [("production", 1), ("staging", 0)] {
        let told = try await berth.run(wish + [environment]).text
        #expect(told.hasPrefix("Of 0 pulled and \(count) promoted images of the last 1 day, "), "\(told)")
      }
      let nowhere = try await berth.refusal("policy", "dry-run", "acme", "--environment", "nowhere", code: 5)
      #expect(nowhere.contains("acme has no environment nowhere"), "\(nowhere)")
    }

    private func record(_ berth: Commands) async throws {
      let mine = ["audit", "--actor", "admin", "--outcome", "done", "--kind", "user.create"]
      #expect(try await berth.list(mine + ["--since", "1h"]).map { $0["target"] } == ["dave", "eve"])
      #expect(try await berth.list(mine + ["--until", "1h"]).isEmpty)
      let some = try await berth.run(mine + ["-n", "1"])
      #expect(some.errors.contains("these are the first 1, and there is more: --count 10"), "\(some.story)")
      let lines = try await berth.run(["audit", "--export"] + mine.dropFirst()).text.split(separator: "\n")
      #expect(try lines.map { try JSONValue.parse(String($0))["target"] } == ["dave", "eve"])
      let link = try #require(try await berth.text("audit", "verify").split(separator: "\n").last.map { String($0) })
      #expect(try await berth.value("audit", "verify", "--expect", link)["whole"] == true)
      _ = try await berth.refusal("audit", "verify", "--expect", "1:00", code: 3)
      #expect(try await berth.refusal("audit", "--outcome", "so-so", code: 64).contains("done"))
    }

    @Test("who logs out of a server that does not answer is told that the token lives on")
    func logout() async throws {
      let workspace = try Workspace()
      let address = try Address.free4().authority
      let file = try workspace.write(#"{"auths":{"\#(address)":{"auth":"YTpi"}}}"#, to: "auth.json")
      let environment = ["REGISTRY_AUTH_FILE": file]
      let outcome = try await ProgramRunner.run(ServerProcess.binary, ["logout", address], environment: environment)
      #expect(outcome.ending == .exited(2) && outcome.trimmed == "Logged out of \(address).", "\(outcome.story)")
      #expect(outcome.errors.contains("its token is forgotten here, and not revoked: "), "\(outcome.story)")
      #expect(!String(decoding: try readFile(file), as: UTF8.self).contains("YTpi"))
      let again = try await ProgramRunner.run(ServerProcess.binary, ["logout", address], environment: environment)
      #expect(again.succeeded && again.errors.isEmpty, "\(again.story)")
    }

    @Test("a login at a terminal goes on in a browser, which confirms it")
    func browser() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let line = """
          berth login --browser 2> told & login=$!
          for turn in $(seq 300); do grep -q 'confirm the code' told && break; sleep 0.1; done
          code=$(sed -n 's/.*confirm the code \\(.*\\)\\.$/\\1/p' told)
          page() { curl -sSf -o /dev/null -c jar -b jar -H 'Sec-Fetch-Site: same-origin' "$@"; }
          page -d user=admin -d password=\(ServerProcess.adminPassword) http://$BERTH_SERVER/auth/login
          page -d "user_code=$code" -d answer=yes http://$BERTH_SERVER/auth/device
          wait $login
          berth whoami
          """
        let outcome = try await ProgramRunner.succeed(
          "sh", ["-ec", "berth() { \(ServerProcess.binary) \"$@\"; }; cd $HOME; \(line)"],
          environment: ["HOME": try workspace.folder("browser"), "BERTH_SERVER": server.address.authority])
        #expect(
          outcome.text.hasPrefix("Logged in to \(server.address.authority) as admin.\nadmin, site admin (token "),
          "\(outcome.story)")
      }
    }

    @Test("without a server: a quick check, a configuration by itself, and a move that was not begun is given up")
    func withoutServer() async throws {
      try await withServer { server, workspace in
        let bytes = randomBytes(100_000)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        let pushed = try await Curl(workspace: workspace).pushBlob(
          file, digest: digest, to: "acme/api", at: "http://\(server.address.authority)")
        #expect(pushed.status == 201)
        try await server.stop()
        #expect(try await server.check(["--fast"]).text.hasSuffix("all is well\n"))
        let name = digest.dropFirst("sha256:".count)
        #expect(truncate("\(server.dataDirectory)/blobs/sha256/\(name.prefix(2))/\(name)", 5000) == 0)
        let damaged = try await server.check(["--fast", "--report-only"])
        #expect(damaged.ending == .exited(1), "\(damaged.story)")
        #expect(damaged.text.contains("blob \(digest): it has 5000 bytes, not 100000"), "\(damaged.story)")
        #expect(damaged.text.hasSuffix("\n1 problem found\n"), "\(damaged.story)")
        let alone = try await server.run(["config", "check", "--offline"])
        #expect(alone.succeeded && !alone.text.contains("all is well"), "\(alone.story)")
        #expect(
          try await server.run(["move", "--abort"]).trimmed == "nothing was given up: this place takes pushes")
        let nowhere = try await ProgramRunner.run(
          ServerProcess.binary, ["gc", "--dry-run", "--data", workspace.file("nowhere")])
        #expect(nowhere.ending == .exited(1) && nowhere.errors.contains("there is no registry in"), "\(nowhere.story)")
      }
    }

    @Test("tags are deleted and come back; environments, retention, policies and exceptions hold what options say")
    func rules() async throws {
      try await withServer(isOpen: true) { server, workspace in
        let berth = Commands(server)
        let image = try await MultiArchitectureImage.make(in: workspace)
        for name in ["acme/api:1.0", "acme/api:production"] {
          try await Skopeo(in: workspace).push(image, to: "\(server.address.authority)/\(name)")
        }
        #expect(try await berth.text("tag", "delete", "acme/api:1.0") == "Deleted acme/api:1.0.")
        _ = try await berth.refusal("tag", "delete", "acme/api:1.0", code: 5)
        let back = try await berth.text("tag", "restore", "acme/api:1.0", "--reason", "too early")
        #expect(back.hasPrefix("acme/api:1.0 points again to sha256:"), "\(back)")
        let history = ["tag", "history", "acme/api:1.0"]
        #expect(try await berth.list(history + ["--since", "1h"]).map { $0["kind"] } == ["restore", "delete", "push"])
        #expect(try await berth.list(history + ["--until", "1h"]).isEmpty)
        let by = try #require(try await berth.list(history).first?["by"]?.string)
        #expect(try await berth.list(history + ["--by", by]).count == 3)
        #expect(try await berth.list(history + ["--by", "nobody"]).isEmpty)

        let made = try await berth.value(
          "env", "create", "acme/production", "--repository", "acme/*", "--tag", "v*", "--adopt")
        #expect(made["repositories"] == ["acme/*"] && made["tags"] == ["v*"], "\(made)")
        #expect(try await berth.list(["env", "releases", "acme/production"]).count == 1, "what was adopted")
        let reset = try await berth.value("env", "set", "acme/production", "--reset", "tag", "--reset", "repository")
        #expect(reset["repositories"] != made["repositories"] && reset["tags"] != made["tags"], "\(reset)")
        let both = try await berth.refusal("env", "set", "acme/production", "--tag", "x", "--reset", "tag", code: 64)
        #expect(both.contains("--reset tag does not go with --tag"), "\(both)")

        try await berth.table(
          "retention", "set", "acme", "--keep-newer-than", "30", "--keep-pulled-within", "90", "--keep-tags", "semver",
          "--applies-to", "!latest", "--delete-untagged-after", "7")
        let kept = try #require(try await berth.list(["retention", "show", "acme"]).first?["value"])
        for (name, value) in [
          ("keepNewerThanDays", 30), ("keepPulledWithinDays", 90), ("deleteUntaggedAfterDays", 7),
          ("keepTags", ["semver"]), ("appliesTo", ["!latest"]),
        ] as [(String, JSONValue)] {
          #expect(kept[name] == value, "\(name): \(kept)")
        }

        try await berth.table(
          "policy", "set", "acme", "--block", "critical", "--only-fixable", "--grace-days", "7", "--warn", "high",
          "--exploited", "--epss-above", "50", "--unscanned", "--end-of-life", "--secret", "--at", "promotion")
        let policy = try #require(try await berth.list(["policy", "show", "acme"]).first?["value"])
        #expect(policy["at"] == ["promotion"] && policy["warn"]?["severity"] == "high", "\(policy)")
        for name in ["exploited", "unscanned", "endOfLife", "secret", "onlyFixable"] {
          #expect(policy["block"]?[name] == true, "\(name): \(policy)")
        }
        #expect(policy["block"]?["epssPercentAbove"] == 50 && policy["block"]?["graceDays"] == 7, "\(policy)")
        let tried = try await berth.value("policy", "dry-run", "acme", "--json", #"{"block":{"unscanned":true}}"#)
        #expect(tried["promotions"] == 1, "\(tried)")
        try await rehearsal(berth)

        let until = "2999-01-01T00:00:00Z"
        let late = try await berth.refusal(
          "exception", "add", "acme", "--package", "openssl", "--reason", "why", "--until", until, code: 1)
        #expect(late.contains("in the next 400 days"), "\(late)")
        let taken = try await berth.text(
          "exception", "add", "acme", "--image", "acme/api:1.0", "--rule", "secret", "--reason", "why", "--days", "2")
        #expect(taken.hasPrefix("Exception 1 is in force until "), "\(taken)")
      }
    }
  }
}
