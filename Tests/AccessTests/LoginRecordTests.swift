import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// What is left of a login, for who asks later whether it was theirs.
@Suite struct `A login is recorded` {
  private static func records(_ kind: String, _ registry: ClosedRegistry) async throws -> [AuditRecord] {
    var filter = AuditFilter()
    filter.kind = kind
    return try await registry.administration.auditRecords(
      filter, after: 0, newestFirst: false, limit: 1000, by: registry.admin
    ).filter { $0.actor == "reader" }
  }

  private static func times(_ records: [AuditRecord]) throws -> Int64 {
    try records.reduce(0) { $0 + (try JSONValue.parse($1.detail)["times"]?.integer ?? 1) }
  }

  @Test func `from each address, also while its password is remembered`() async throws {
    try await ClosedRegistry.withOne { registry in
      let presented = Presented.basic(user: "reader", password: ClosedRegistry.password)
      for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"] {
        let authenticator = registry.server.access.authenticator
        let caller =
          if let known = authenticator.callerAtHand(presented, address: address, requestID: "r") {
            known
          } else {
            try await authenticator.caller(presented, address: address, requestID: "r")
          }
        #expect(caller.accountName == "reader")
      }
      #expect(try await Self.records("login", registry).map(\.address) == ["192.0.2.1", "192.0.2.2"])
      // A cluster of many nodes that share a password logs in once from each, and not at each request.
      for number in Array(0..<200) + Array(0..<200) {
        _ = try await registry.server.access.authenticator.caller(
          presented, address: "198.51.100.\(number)", requestID: "r")
      }
      let logins = try await Self.records("login", registry)
      #expect(try Set(logins.map(\.address)).count == 202 && Self.times(logins) == 202)
    }
  }

  @Test func `each time on the page and at the token endpoint, and so is its end`() async throws {
    try await ClosedRegistry.withOne { registry in
      let first = try await registry.session(of: "reader")
      #expect(try Self.times(try await Self.records("login", registry)) == 1)
      _ = try await registry.session(of: "reader")
      #expect(try Self.times(try await Self.records("login", registry)) == 2)
      _ = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.basic("reader"))
      #expect(try Self.times(try await Self.records("login", registry)) == 3)
      let out = try await registry.ask(
        "POST", "/auth/logout", as: first,
        [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")])
      #expect(out.status == 303, "\(out)")
      let ended = try await Self.records("logout", registry)
      #expect(
        ended.count == 1 && ended[0].address == "127.0.0.1" && ended[0].credential.hasPrefix("token "), "\(ended)")
    }
  }

  @Test func `with the moment in which an account and a token were last used`() async throws {
    try await ClosedRegistry.withOne { registry in
      let password = ClosedRegistry.basic("reader")
      let made = try await registry.api("POST", "/api/v1/tokens", as: password, #"{"name":"laptop"}"#)
      let secret = try #require(made.json["secret"]?.string)
      func used() async throws -> Timestamp? {
        let tokens = try await registry.api("GET", "/api/v1/tokens", as: password).json["items"]?.array
        return tokens?.first?["usedAt"]?.string.flatMap { Timestamp(parsing: $0) }
      }
      #expect(try await used() == nil)
      let begin = SystemTime().now
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("reader", secret)).status == 200)
      try await registry.server.access.tend()
      let moment = try #require(try await used())
      #expect(moment >= begin + .milliseconds(-1))
      let user = try await registry.api("GET", "/api/v1/users/reader", as: ClosedRegistry.admin).json
      #expect((user["seenAt"]?.string.flatMap { Timestamp(parsing: $0) }).map { $0 >= moment } ?? false, "\(user)")
    }
  }
}
