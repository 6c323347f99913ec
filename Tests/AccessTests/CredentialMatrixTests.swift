import OCI
import TestSupport
import Testing

@testable import Access
@testable import HTTPService

// One operation of each kind of permit × every role × every kind of credential, as docs/access.md says (invariant I7).
extension `Who may do what` {
  private static let roles = ["reader", "writer", "maintainer", "owner", "auditor", "admin"]

  /// The column of the table of credentials in which a kind of them stands.
  private static func column(of kind: String) -> Int? {
    switch kind {
    case "a password", "a personal token", "a personal token as bearer", "a session": 1
    case "a robot token": 2
    case "a token of the token endpoint", "one had for a token": 3
    case "a job's own token", "a token for a job's own", "an exchanged token", "an exchanged token as password": 4
    default: nil
    }
  }

  @Test func `to access itself is what the tables say, for every kind of credential`() async throws {
    let rows = try AccessTable.rows("| operation | password")
    #expect(rows.count == 13)
    let ofRoles = Dictionary(uniqueKeysWithValues: try AccessTable.rows("| operation | reader").map { ($0[0], $0) })
    try await ClosedRegistry.withOne { registry in
      try await Self.makeSubjects(registry)
      for (index, role) in Self.roles.enumerated() {
        let password = role == "admin" ? TestRegistry.adminPassword : ClosedRegistry.password
        let session: Credential = ("a session", try await registry.session(of: role, password: password))
        for credential in try await Self.credentials(of: role, registry) + [session] {
          let column = try #require(Self.column(of: credential.kind), "\(credential.kind) is in no table")
          for row in rows {
            let mayRole = try #require(ofRoles[row[0]], "\(row[0]) is no operation")[index + 1] == "yes"
            let isAllowed = row[column] == "as the role" ? mayRole : row[column] == "yes"
            let answer = try await Self.call(row[0], role, credential.header, registry)
            #expect(
              Self.isRefused(answer) != isAllowed, "\(row[0]) of \(role) with \(credential.kind): \(answer)")
          }
        }
      }
    }
  }

  /// Also as if there were nothing to be seen; other things that are not there are told to who may.
  private static func isRefused(_ answer: RawResponse) -> Bool {
    [401, 403].contains(answer.status) || answer.status == 404 && answer.text.contains("you may not see it")
  }

  @Test func `with a session is what its user may, on pages and their operations alone`() async throws {
    try await ClosedRegistry.withOne { registry in
      let session = try await registry.session(of: "owner")
      #expect(try await registry.api("GET", "/api/v1/namespaces/acme/robots", as: session).status == 200)
      for row in try AccessTable.rows("| request | action |") {
        let answer = try await Self.send(row[0], session, registry)
        #expect(answer.status == 401, "\(row[0]): \(answer)")
      }
    }
  }

  @Test func `with a session is shown by its cookie alone, and no other secret is`() async throws {
    try await ClosedRegistry.withOne { registry in
      let session = try await registry.session(of: "owner")
      let secret = try #require(session.1.split(separator: "=").last.map { String($0) })
      for header in [ClosedRegistry.basic("owner", secret), ("Authorization", "Bearer \(secret)")] {
        // Twice: the second time memory could answer.
        for path in ["/v2/", "/v2/", "/v2/acme/api/manifests/1", "/token", "/api/v1/whoami"] {
          let answer = try await registry.ask("GET", path, as: header)
          #expect(answer.status == 401, "\(path): \(answer)")
        }
      }
      let made = try await registry.api("POST", "/api/v1/tokens", as: session, #"{"name":"x"}"#)
      let token = try #require(made.json["secret"]?.string)
      let cookie = ("Cookie", "berth_session=\(token)")
      #expect(try await registry.api("GET", "/api/v1/whoami", as: cookie).status == 401)
      #expect(try await registry.api("GET", "/api/v1/whoami", as: session).status == 200)
    }
  }
}
