import OCI
import TestSupport
import Testing

extension EndToEnd {
  /// The commands about versions as somebody at a terminal types them, with what they print for people and for programs.
  @Suite struct VersionCommandTests {
    @Test("tags: list, history, restore, labels, search and purge say what they do, in words and as JSON")
    func tags() async throws {
      try await withServer(isOpen: true) { server, _ in
        let berth = Commands(server)
        let (one, two) = (image("one"), image("two"))
        try await push(one, to: "acme/api", as: "1.0.0", server)
        try await push(two, to: "acme/api", as: "1.1.0", server)
        for image in [one, two] { try await push(image, to: "acme/api", as: "latest", server) }

        let list = try await berth.table("tag", "list", "acme/api")
        #expect(list.heads == ["TAG", "DIGEST", "SINCE", "BY", "AVAILABLE"])
        #expect(list.rows.map { [$0[0], $0[1], $0[4]] }.last == ["latest", two.digest.description, "yes"])
        for more in [[], ["--as-of", "0h"]] {
          let listed = try await berth.list(["tag", "list", "acme/api"] + more)
          #expect(listed.map { $0["name"]?.string } == ["1.0.0", "1.1.0", "latest"], "\(more)")
        }
        let early = try await berth.refusal("tag", "list", "acme/api", "--as-of", "yesterday")
        #expect(early.contains("--as-of"), "\(early)")

        let history = try await berth.table("tag", "history", "acme/api:latest", "-n", "1")
        #expect(history.heads.prefix(4) == ["EVENT", "AT", "TAG", "HOW"])
        #expect(history.rows.map { $0[3] } == ["push"])
        for (what, count) in [("acme/api:latest", 2), ("acme/api", 4), ("acme/", 4)] {
          #expect(try await berth.list(["tag", "history", what]).count == count, "\(what)")
        }
        #expect(try await berth.list(["tag", "history", "acme/api", "--kind", "delete"]).isEmpty)

        let restored = try await berth.text(
          "tag", "restore", "acme/api:latest", "--moves", "1", "--reason", "too early")
        #expect(restored == "acme/api:latest points again to \(one.digest)")
        let event = try #require(try await berth.list(["tag", "history", "acme/api:latest"]).last?["id"]?.integer)
        #expect(
          try await berth.text("tag", "restore", "acme/api:latest", "--event", "\(event)")
            == "acme/api:latest points to \(one.digest)")
        let undone = try await berth.value("tag", "restore", "acme/api:latest")
        #expect(undone["to"]?.string == two.digest.description && undone["changed"]?.bool == true)
        #expect(
          try await berth.refusal("tag", "restore", "acme/api:latest", "--moves", "99").contains("no state before"))

        try await labelsAndSearch(berth)

        let purged = try await berth.text("tag", "purge", "acme/api@\(two.digest)")
        #expect(purged == "Removed acme/api@\(two.digest) for good.")
        #expect(try await berth.list(["tag", "list", "acme/api"]).map { $0["name"]?.string } == ["1.0.0"])
        #expect(try await berth.refusal("tag", "restore", "acme/api:1.1.0").contains("removed for good"))
      }
    }

    private func labelsAndSearch(_ berth: Commands) async throws {
      let set = try await berth.table("tag", "label", "set", "acme/api:1.0.0", "team=payments", "tier=1")
      #expect(set.heads == ["TARGET", "KEY", "VALUE", "BY", "AT"])
      #expect(set.rows.map { $0[1] + "=" + $0[2] } == ["team=payments", "tier=1"])
      #expect(try await berth.list(["tag", "label", "set", "acme/api:1.0.0", "tier-"]).count == 1)
      let changes = try await berth.list(["tag", "label", "history", "acme/api:1.0.0"])
      #expect(changes.map { $0["key"]?.string }.first == "tier" && changes.count == 3)
      #expect(
        try await berth.refusal("tag", "label", "set", "acme/api:1.0.0", "-x=1").contains("key=value sets a label"))

      // Facts are read after the push.
      try await eventually("the facts of both images are read") {
        try await berth.list(["search", "squad", "platform:linux/amd64"]).count == 3
      }
      let shown = try await berth.table("tag", "label", "show", "acme/api:1.0.0")
      #expect(shown.heads == ["FROM", "KEY", "VALUE"])
      #expect(shown.rows.contains(["image", "squad", "checkout"]), "\(shown)")
      #expect(shown.rows.contains { $0.suffix(2) == ["team", "payments"] }, "\(shown)")

      let found = try await berth.table("search", "label:team=payments", "version:>=1,<2", "-tag:latest")
      #expect(found.heads == ["REPOSITORY", "TAG", "DIGEST", "PUSHED", "BY", "PLATFORMS", "SIZE", "LABELS"])
      #expect(found.rows.map { $0.prefix(2) } == [["acme/api", "1.0.0"]])
      let all = try await berth.list(["search", "squad", "sort:name", "-n", "2"])
      #expect(all.map { $0["tag"]?.string } == ["1.0.0", "1.1.0"])
      #expect(all.first?["labels"] == ["team": "payments"])
      let wrong = try await berth.refusal("search", "squad", "tga:2")
      #expect(wrong == "berth: column 7: there is no field “tga”; did you mean tag:?")
    }

    @Test("environments: from making one to taking it away, with agreement, freezes and every refusal in words")
    func environments() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        try await administrator.shell(
          """
          berth namespace create acme
          echo alice-password | berth user create alice --password-stdin
          berth grant add alice owner acme
          mkdir -p $HOME/alice; export HOME=$HOME/alice
          echo alice-password | berth login --user alice --password-stdin
          """)
        let (berth, alice) = (
          Commands(server, home: administrator.home), Commands(server, home: administrator.home + "/alice")
        )
        let (one, two) = (image("one"), image("two"))
        for repository in ["acme/api", "acme/web"] {
          for (image, tag) in [(one, "1.0.0"), (two, "2.0.0")] {
            try await push(image, to: repository, as: tag, server)
          }
        }
        #expect(
          try await berth.text("env", "create", "staging", "--namespace", "acme")
            == "Made the environment acme/staging.")
        let settings = ["--requires", "staging", "--tag", "semver", "--approvals", "1", "--rollback-needs-approval"]
        let made = try await berth.run(["env", "create", "acme/production"] + settings + ["--output", "json"])
        #expect(try JSONValue.parse(made.trimmed)["rollbackNeedsApproval"]?.bool == true, "\(made.story)")
        let list = try await berth.table("env", "list", "--namespace", "acme")
        #expect(list.heads == ["NAME", "RELEASE", "REPOSITORIES", "REQUIRES", "APPROVALS"])
        #expect(list.rows == [["production", "-", "*", "staging", "1"], ["staging", "-", "*", "-", "0"]])

        #expect(
          try await berth.refusal("env", "promote", "acme/production", "acme/api:1.0.0", "acme/web:1.0.0") == """
            berth: refused:
              requires: acme/api:1.0.0 has not been in staging
              requires: acme/web:1.0.0 has not been in staging
            """)
        let images = ["acme/api:1.0.0", "acme/web:1.0.0"]
        let planned = try await berth.run(["env", "promote", "acme/staging"] + images + ["--dry-run"])
        #expect(planned.text.hasPrefix("This would change in acme/staging:"), "\(planned.story)")
        let first = try await berth.run(["env", "promote", "acme/staging"] + images)
        #expect(first.text.hasPrefix("Release 1 of acme/staging:\nREPOSITORY"), "\(first.story)")
        let again = try await berth.text("env", "promote", "acme/staging", "acme/api:1.0.0")
        #expect(again == "acme/staging runs all of it already.")
        let nothing = try await berth.text("env", "promote", "acme/staging", "acme/api:1.0.0", "--dry-run")
        #expect(nothing == "Nothing would change in acme/staging.")

        try await agreement(berth, alice, one: one, two: two)
        #expect(
          try await berth.refusal("env", "delete", "acme/staging")
            == "berth: production requires staging; change that first")
        #expect(
          try await berth.text("env", "delete", "production", "--namespace", "acme")
            == "Took the environment acme/production away.")
        #expect(try await berth.list(["env", "list", "acme"]).map { $0["name"]?.string } == ["staging"])
      }
    }

    private func agreement(
      _ berth: Commands, _ alice: Commands, one: Image, two: Image
    ) async throws {
      let waits = ["env", "promote", "acme/production", "--from", "staging", "--key", "k1", "--reason", "release 1"]
      for _ in 0..<2 {
        let asked = try await berth.pending(waits)
        let told = "Release 1 of acme/production waits for 1 to agree: berth env approve acme/production 1"
        #expect(asked.hasPrefix(told), "\(asked)")
      }
      #expect(try await berth.refusal("env", "approve", "acme/production", "1").contains("somebody else than admin"))
      let waiting = try await berth.text("env", "release", "acme/production", "1")
      #expect(waiting.contains("\n0 of the 1 that are needed have agreed, and still may\n"), "\(waiting)")
      try await berth.table("env", "set", "acme/production", "--approvals", "2")
      _ = try await alice.pending(["env", "approve", "acme/production", "1"])
      #expect(
        try await alice.text("env", "withdraw", "acme/production", "1")
          == "You do not agree to release 1 of acme/production, which is pending: 0 of the 2 that are needed have agreed, and still may."
      )
      try await berth.table("env", "set", "acme/production", "--approvals", "1")
      let agreed = try await alice.text("env", "approve", "acme/production", "1", "--comment", "fine")
      #expect(agreed == "Release 1 of acme/production is applied.")
      let release = try await berth.text("env", "release", "acme/production", "1")
      #expect(release.hasPrefix("promotion 1 of acme/production, applied, asked for by admin\nreason: release 1\n"))
      #expect(release.contains("alice") && release.contains("fine"), "\(release)")
      let shown = try await berth.table("env", "show", "acme/production")
      #expect(shown.heads == ["REPOSITORY", "DIGEST", "RELEASE", "SINCE"] && shown.rows.count == 2)
      #expect(try await berth.refusal("env", "show", "acme/production", "--as-of", "1d").contains("nothing had been"))

      let freeze = #"{"from":"2020-01-01T00:00:00Z","to":"2999-01-01T00:00:00Z"}"#
      try await berth.table("env", "set", "acme/production", "--approvals", "0", "--freeze", freeze)
      let frozen = try await berth.refusal("env", "promote", "acme/production", "acme/api:2.0.0")
      #expect(frozen.contains("  freeze: production is frozen from 2020-01-01T00:00:00.000Z to 2999"), "\(frozen)")
      #expect(
        try await berth.text("env", "set", "acme/production", "--no-freeze")
          == "Changed the environment acme/production.")
      for environment in ["acme/staging", "acme/production"] {
        try await berth.table("env", "promote", environment, "acme/api:2.0.0")
      }
      #expect(try await running(berth) == two.digest.description)
      // Going back needs agreement here only until the environment says otherwise.
      try await berth.table("env", "set", "acme/production", "--approvals", "1")
      let back = try await berth.pending(["env", "rollback", "acme/production", "--reason", "2.0.0 loses orders"])
      #expect(back.hasPrefix("Release 3 of acme/production waits for 1 to agree"), "\(back)")
      #expect(
        try await berth.text("env", "end", "acme/production", "3") == "Release 3 of acme/production is cancelled.")
      try await berth.table("env", "set", "acme/production", "--no-rollback-needs-approval")
      let rolled = try await berth.value("env", "rollback", "acme/production", "--to", "1")
      #expect(rolled["release"]?["effective"]?.integer == 1, "\(rolled)")
      #expect(try await running(berth) == one.digest.description)
      let releases = try await berth.table("env", "releases", "acme/production")
      #expect(releases.heads == ["RELEASE", "KIND", "STATE", "IN FORCE", "BY", "AT", "REASON"])
      #expect(
        releases.rows.map { $0.prefix(4) } == [
          ["4", "rollback", "applied", "1"], ["3", "rollback", "cancelled", "-"], ["2", "promotion", "applied", "2"],
          ["1", "promotion", "applied", "1"],
        ])
    }

    private func running(_ berth: Commands) async throws -> String? {
      try await berth.value("env", "show", "acme/production")["images"]?.array?
        .first { $0["repository"]?.string == "acme/api" }?["digest"]?.string
    }

    @Test("environments that name who promotes and who agrees take it from nobody else, until the lists are taken back")
    func namedPeople() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        let berth = Commands(server, home: administrator.home)
        for words in [
          ["namespace", "create", "acme"], ["team", "create", "leads"],
          ["env", "create", "acme/staging", "--promoter", "team:leads"],
        ] { _ = try await berth.run(words) }
        for (user, role) in [("alice", "writer"), ("bob", "writer"), ("carol", "owner")] {
          try await administrator.shell(
            """
            echo \(user)-password | berth user create \(user) --password-stdin
            berth grant add \(user) \(role) acme
            mkdir -p $HOME/\(user); export HOME=$HOME/\(user)
            echo \(user)-password | berth login --user \(user) --password-stdin
            """)
        }
        let (alice, bob, carol) = (
          Commands(server, home: administrator.home + "/alice"), Commands(server, home: administrator.home + "/bob"),
          Commands(server, home: administrator.home + "/carol")
        )
        try await berth.table("team", "add", "leads", "bob")
        try await push(image("one"), to: "acme/api", as: "1.0.0", server)
        let people = ["--promoter", "alice", "--promoter", "team:leads", "--approver", "bob", "--approvals", "1"]
        let made = try await berth.run(["env", "create", "acme/production"] + people + ["--output", "json"])
        let settings = try JSONValue.parse(made.trimmed)
        #expect(settings["promoters"] == ["alice", "team:leads"] && settings["approvers"] == ["bob"], "\(settings)")
        let stranger = try await berth.refusal("env", "set", "acme/production", "--approver", "dave")
        #expect(stranger.contains("there is no “dave”"), "\(stranger)")

        // The owner of the namespace is not named.
        let promotion = ["env", "promote", "acme/production", "acme/api:1.0.0"]
        let refused = try await carol.refusal("env", "promote", "acme/production", "acme/api:1.0.0")
        #expect(refused.contains("alice, team:leads may change what runs in production"), "\(refused)")
        #expect(try await alice.pending(promotion).hasPrefix("Release 1 of acme/production waits for 1 to agree"))
        for others in [alice, carol] {
          let told = try await others.refusal("env", "approve", "acme/production", "1")
          #expect(told.contains("bob may agree to releases to production"), "\(told)")
        }
        #expect(
          try await bob.text("env", "approve", "acme/production", "1") == "Release 1 of acme/production is applied.")
        #expect(try await bob.run(["env", "promote", "acme/staging", "acme/api:1.0.0"]).text.hasPrefix("Release 1 of"))

        let reset = try await berth.value(
          "env", "set", "acme/production", "--reset", "promoter", "--reset", "approver", "--approvals", "0")
        #expect(reset["promoters"] == [] && reset["approvers"] == [], "\(reset)")
        let again = try await carol.text("env", "promote", "acme/production", "acme/api:1.0.0")
        #expect(again == "acme/production runs all of it already.")
      }
    }

    @Test(
      "rules: immutable tags, channels, retention and history, each set, shown, previewed with its reason, taken away")
    func rules() async throws {
      try await withServer(isOpen: true) { server, _ in
        let berth = Commands(server)
        for (tag, note) in [("0.9.0", "a"), ("stable", "b"), ("main-1", "c")] {
          try await push(image(note), to: "acme/api", as: tag, server)
        }
        #expect(
          try await berth.text("rule", "set", "acme", "immutable", #"["stable"]"#) == "Set immutable on all of acme.")
        let channels = #"{"channels":["major"]}"#
        #expect(
          try await berth.text("rule", "set", "acme", "channels", channels, "--on", "acme/api")
            == "Set channels on acme/api.")
        try await push(image("d"), to: "acme/api", as: "1.2.3", server)
        #expect(
          try await berth.list(["tag", "list", "acme/api"]).map { $0["name"]?.string }
            == ["0.9.0", "1", "1.2.3", "main-1", "stable"])
        #expect(try await berth.refusal("rule", "set", "acme", "immutable", "stable").contains("the value is no JSON"))
        let list = try await berth.table("rule", "list", "acme")
        #expect(list.heads == ["KIND", "ON", "VALUE", "BY", "AT"])
        #expect(
          list.rows.map { $0.prefix(3) } == [
            ["channels", "acme/api", "channels=major"], ["immutable", "*", "stable"],
          ])

        #expect(
          try await berth.text("retention", "set", "acme", "--keep-last", "1", "--keep-versions", ">=1")
            == "Set. See what it does: berth retention preview acme")
        let shown = try await berth.list(["retention", "show", "acme"])
        #expect(shown.first?["value"]?["keepVersions"]?.string == ">=1", "\(shown)")
        let preview = try await berth.list(["retention", "preview", "acme"])
        let reasons = Set(preview.map { "\($0["tag"]?.string ?? ""): \($0["reason"]?.string ?? "")" })
        let expected: Set<String> = [
          "stable: it is immutable", "1.2.3: it is one of the last 1", "1: it follows 1.2.3",
          "main-1: nothing keeps it: kept are the last 1; versions in >=1",
          "0.9.0: nothing keeps it: kept are the last 1; versions in >=1",
        ]
        #expect(reasons.isSuperset(of: expected), "\(reasons)")
        let going = try await berth.table("retention", "preview", "acme", "--deleted")
        #expect(going.heads == ["REPOSITORY", "TAG", "KEPT", "BECAUSE"])
        #expect(going.rows.map { $0.prefix(3) } == [["acme/api", "main-1", "no"], ["acme/api", "0.9.0", "no"]])
        #expect(
          try await berth.text("retention", "remove", "acme") == "Took retention on all of acme away.")
        #expect(try await berth.list(["retention", "preview", "acme"]).isEmpty)

        try await berth.table("rule", "set", "acme", "history", #"{"states":1,"days":0,"environmentDays":0}"#)
        try await push(image("e"), to: "acme/api", as: "main-1", server)
        let history = try await berth.table("history", "preview", "acme")
        #expect(history.heads.prefix(3) == ["REPOSITORY", "TAG", "EVENT"])
        #expect(history.rows.map { $0.prefix(2) } == [["acme/api", "main-1"]])
        #expect(try await berth.list(["history", "preview", "acme"]).first?["record"]?.bool == true)
        #expect(
          try await berth.text("rule", "remove", "acme", "channels", "--on", "acme/api")
            == "Took channels on acme/api away.")
        #expect(
          try await berth.list(["rule", "list", "acme"]).map { $0["kind"]?.string } == ["history", "immutable"])
      }
    }

    // MARK: Images

    private struct Image {
      let config: SampleBlob
      let manifest: SampleManifest
      var digest: Digest { manifest.digest }
    }

    private func image(_ note: String) -> Image {
      let configuration =
        #"{"architecture":"amd64","os":"linux","config":{"Env":["NOTE=\#(note)"],"Labels":{"squad":"checkout"}},"#
        + #""rootfs":{"type":"layers","diff_ids":[]}}"#
      let config = SampleBlob(Array(configuration.utf8))
      return Image(config: config, manifest: SampleManifest.image(config: config, layers: []))
    }

    private func push(_ image: Image, to repository: String, as tag: String, _ server: ServerProcess) async throws {
      func send(_ method: String, _ path: String, _ type: MediaType, _ bytes: [UInt8]) async throws {
        try await ProgramRunner.succeed(
          "curl",
          [
            "-sSf", "-o", "/dev/null", "-u", "admin:\(ServerProcess.adminPassword)", "-X", method, "-H",
            "Content-Type: \(type.text)", "--data-binary", String(decoding: bytes, as: UTF8.self),
            "http://\(server.address.authority)/v2/\(repository)/\(path)",
          ])
      }
      try await send("POST", "blobs/uploads/?digest=\(image.config.digest)", .octetStream, image.config.bytes)
      try await send("PUT", "manifests/\(tag)", .ociManifest, image.manifest.content.bytes)
    }
  }
}
