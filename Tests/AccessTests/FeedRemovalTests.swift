import OCI
import TestSupport
import Testing

/// What is brought in by hand has no source that could be looked at.
@Suite struct `Having a feed looked at` {
  @Test func `is refused of one that is not configured, and of one that is not there, and is not recorded`()
    async throws
  {
    try await ClosedRegistry.withOne { registry in
      let brought = try await registry.ask(
        "POST", "/api/v1/advisories/made?records=0", as: ClosedRegistry.admin,
        [("Content-Type", "application/x-ndjson")], body: .text(""))
      try #require(brought.status == 200, "\(brought)")
      for (user, feed, status, told) in [
        (ClosedRegistry.admin, "made", 409, "made is not in inspection.feeds: what is new of it has to be brought in"),
        (ClosedRegistry.admin, "other", 404, "there is no feed other"),
        (ClosedRegistry.basic("owner"), "made", 403, nil),
      ] {
        let answer = try await registry.api("POST", "/api/v1/advisories/\(feed)/refresh", as: user)
        #expect(answer.status == status, "\(answer)")
        if let told { #expect(answer.json["detail"]?.string == told) }
      }
      let trail = try await registry.api("GET", "/api/v1/audit?n=1000", as: ClosedRegistry.admin)
      let kinds = trail.json["items"]?.array?.compactMap { $0["kind"]?.string } ?? []
      #expect(kinds.filter { $0.hasPrefix("advisories.") } == ["advisories.import"], "\(kinds)")
    }
  }
}

/// A feed is taken away over the API by those who bring feeds in.
@Suite struct `Taking a feed away` {
  @Test func `tells how much went, is recorded, and is told apart from a feed that is not there`() async throws {
    try await ClosedRegistry.withOne { registry in
      let record = #"{"id":"T-1","modified":"2026-01-01T00:00:00Z","affected":[]}"# + "\n"
      let brought = try await registry.ask(
        "POST", "/api/v1/advisories/made?records=1", as: ClosedRegistry.admin,
        [("Content-Type", "application/x-ndjson")], body: .text(record))
      try #require(brought.status == 200, "\(brought)")
      let refused = try await registry.api("DELETE", "/api/v1/advisories/made", as: ClosedRegistry.basic("owner"))
      #expect(refused.status == 403, "\(refused)")
      let gone = try await registry.api("DELETE", "/api/v1/advisories/made", as: ClosedRegistry.admin)
      #expect(gone.status == 200, "\(gone)")
      #expect(
        gone.json == ["removed": 1, "configured": false, "findingsNew": 0, "findingsGone": 0, "findingsChanged": 0])
      let again = try await registry.api("DELETE", "/api/v1/advisories/made", as: ClosedRegistry.admin)
      #expect(again.status == 404, "\(again)")
      #expect(again.json["detail"] == "there is no feed made")
      let list = try await registry.api("GET", "/api/v1/advisories", as: ClosedRegistry.admin)
      #expect(list.json == [])
      let trail = try await registry.api("GET", "/api/v1/audit?kind=advisories.remove", as: ClosedRegistry.admin)
      #expect(trail.json["items"]?.array?.map { $0["target"] } == ["made"], "\(trail)")
    }
  }
}
