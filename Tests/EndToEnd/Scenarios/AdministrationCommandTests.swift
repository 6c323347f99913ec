import OCI
import Testing

extension EndToEnd {
  /// The commands by which people, teams, robots and namespaces are administered, with what they print.
  @Suite struct AdministrationCommandTests {
    @Test("people and teams are made, changed, granted and taken away, each in words")
    func people() async throws {
      try await withServer(isOpen: false) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        let berth = Commands(server, home: administrator.home)
        #expect(try await berth.text("whoami").hasPrefix("admin, site admin"))
        #expect(try await berth.text("namespace", "create", "acme") == "Made the namespace acme.")
        try await administrator.shell("echo alice-password | berth user create alice --password-stdin")
        #expect(try await berth.text("user", "change", "alice", "--site-role", "auditor") == "Changed the user alice.")
        let users = try await berth.list(["user", "list"])
        #expect(users.map { $0["siteRole"]?.string } == ["admin", "auditor"], "\(users)")
        #expect(try await berth.text("user", "change", "alice", "--site-role", "none") == "Changed the user alice.")

        #expect(try await berth.text("team", "create", "devs") == "Made the team devs.")
        #expect(try await berth.text("team", "add", "devs", "alice") == "alice is in the team devs.")
        #expect(try await berth.table("team", "show", "devs").rows == [["alice", "manual", "-"]])
        #expect(try await berth.table("team", "list").rows == [["devs", "-"]])
        #expect(
          try await berth.text("grant", "add", "team:devs", "writer", "acme") == "team:devs is writer on acme.")
        let grants = try await berth.list(["grant", "list", "acme"])
        #expect(grants.first?["team"]?.string == "devs" && grants.count == 1, "\(grants)")
        let grant = try #require(grants.first?["id"]?.integer)
        #expect(
          try await berth.text("access", "explain", "alice", "acme/api", "push")
            == "allowed: grant \(grant): team devs is writer on all of acme")
        _ = try await berth.refusal("access", "explain", "alice", "acme/api", "delete", code: 3)
        #expect(try await berth.text("grant", "remove", "acme", "\(grant)") == "Took the grant \(grant) away.")
        _ = try await berth.refusal("access", "explain", "alice", "acme/api", "push", code: 3)
        #expect(try await berth.text("team", "remove", "devs", "alice") == "alice is not in the team devs any more.")
        #expect(try await berth.text("team", "delete", "devs") == "Deleted the team devs.")

        #expect(try await berth.text("namespace", "publish", "acme") == "Everybody may pull from acme.")
        #expect(try await berth.text("namespace", "hide", "acme") == "Only who is granted it may pull from acme.")
        #expect(try await berth.list(["namespace", "list"]).map { $0["public"]?.bool } == [false])
        #expect(try await berth.text("user", "change", "alice", "--disable-login") == "Changed the user alice.")
        #expect(try await berth.text("user", "delete", "alice") == "Deleted the user alice.")
        #expect(try await berth.text("namespace", "delete", "acme") == "Deleted the namespace acme.")
        #expect(try await berth.text("access", "rotate-key").hasPrefix("The new key is "))
        let record = try await berth.table("audit", "show", "-n", "3")
        #expect(record.heads.prefix(3) == ["AT", "KIND", "OUTCOME"] && record.rows.count == 3)
        #expect(try await berth.text("audit", "verify").hasPrefix("The record is whole: "))
        let old = ServerProcess.adminPassword
        let changed = try await administrator.shell(
          "printf '%s\\n' '\(old)' 'another-password-of-admin' | berth user password --password-stdin")
        #expect(changed.trimmed == "Changed the password.")
        #expect(try await berth.text("logout").hasPrefix("Logged out of "))
        #expect(try await berth.refusal("whoami").contains("berth login"))
      }
    }

    @Test("robots, tokens, jobs, policies and exceptions of a namespace are made, listed and taken away")
    func machines() async throws {
      let issuer = ["BERTH_ACCESS_JOB_ISSUERS": "https://issuer.test"]
      try await withServer(isOpen: false, environment: issuer) { server, workspace in
        let administrator = try await Administrator(server, workspace)
        let berth = Commands(server, home: administrator.home)
        try await berth.table("namespace", "create", "acme")
        let made = try await berth.value("robot", "create", "acme+ci", "--role", "writer")
        #expect(made["secret"]?.string?.hasPrefix("berth_rbt_") ?? false, "\(made)")
        #expect(try await berth.table("robot", "list", "acme").rows.map { $0[0] } == ["acme+ci"])
        #expect(
          try await berth.text("robot", "add-certificate", "acme+ci", "subject", "CN=ci")
            == "Certificates with subject CN=ci stand for acme+ci.")
        let certificates = try await berth.table("robot", "certificates", "acme+ci")
        #expect(certificates.rows.map { $0.suffix(2) } == [["subject", "CN=ci"]])
        let certificate = try #require(certificates.rows.first?.first)
        #expect(
          try await berth.text("robot", "remove-certificate", "acme+ci", certificate)
            == "Certificate \(certificate) stands for acme+ci no more.")
        #expect(try await berth.text("robot", "delete", "acme+ci") == "Deleted the robot acme+ci.")

        #expect(try await berth.text("token", "create", "laptop", "--days", "1").hasPrefix("berth_pat_"))
        let tokens = try await berth.list(["token", "list"])
        let token = try #require(tokens.first { $0["name"]?.string == "laptop" }?["id"]?.string)
        #expect(try await berth.text("token", "revoke", token) == "Revoked the token \(token).")
        #expect(try await berth.list(["token", "list"]).count == tokens.count - 1)

        try await berth.table(
          "trust", "add", "acme", "main", "--issuer", "https://issuer.test", "--claim", "repository=acme/api", "--role",
          "writer")
        let trust = try await berth.table("trust", "list", "acme")
        #expect(trust.heads.prefix(3) == ["NAME", "ISSUER", "CLAIMS"])
        #expect(trust.rows.map { $0.prefix(2) } == [["main", "https://issuer.test"]])
        try await berth.table("trust", "remove", "acme", "main")
        #expect(try await berth.refusal("trust", "remove", "acme", "main").contains("no trust rule main"))

        #expect(
          try await berth.text("policy", "set", "acme", "--block", "high")
            == "Set. See what it would have refused: berth policy dry-run acme")
        #expect(try await berth.table("policy", "show", "acme").rows.first?[1].contains("severity=high") ?? false)
        #expect(try await berth.text("policy", "dry-run", "acme").contains("0 would have been refused"))
        #expect(try await berth.text("policy", "remove", "acme") == "Took the policy on all of acme away.")
        let taken = try await berth.text(
          "exception", "add", "acme", "--vulnerability", "CVE-2026-1", "--reason", "because", "--days", "1")
        #expect(taken.hasPrefix("Exception 1 is in force until "), "\(taken)")
        #expect(try await berth.list(["exception", "list", "acme"]).count == 1)
        #expect(try await berth.text("exception", "end", "acme", "1") == "Exception 1 has ended.")
        #expect(try await berth.text("inspection", "status").hasPrefix("Layers: 0 read"))
      }
    }
  }
}
