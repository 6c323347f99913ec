import Ground
import OCI
import TestSupport
import Testing

@testable import Access

/// The memory of tags as programs read it that have to read all of it.
@Suite struct `The history of tags` {
  private static let reader = ClosedRegistry.basic("reader")
  private static let namespace = "/api/v1/namespaces/acme/history"

  private static func path(_ repository: String) -> String { "/api/v1/repositories/\(repository)/-" }

  private static func push(_ note: String, to repository: String, as tag: String, _ registry: ClosedRegistry)
    async throws
  {
    let pushed = try await `An environment`.push(note, to: repository, as: tag, registry)
    try #require(pushed.status == 201, "\(pushed)")
  }

  /// All items of a list, two by two.
  private static func items(
    _ target: String, as credential: (String, String) = reader, _ registry: ClosedRegistry
  ) async throws -> [JSONValue] {
    var found: [JSONValue] = []
    var cursor = ""
    repeat {
      let answer = try await registry.api(
        "GET", "\(target)\(target.contains("?") ? "&" : "?")n=2\(cursor)", as: credential)
      try #require(answer.status == 200, "\(target): \(answer)")
      let page = answer.json["items"]?.array ?? []
      #expect(page.count <= 2)
      found += page
      cursor = answer.json["next"]?.string.map { "&cursor=\(PercentCoding.encoded($0))" } ?? ""
    } while !cursor.isEmpty
    return found
  }

  private static func names(_ items: [JSONValue]) -> [String] {
    items.map { "\($0["repository"]?.string ?? ""):\($0["tag"]?.string ?? "")" }
  }

  @Test func `is read page by page, of a tag, a repository and a namespace, as far as one may pull`() async throws {
    try await ClosedRegistry.withOne { registry in
      for number in 1...3 {
        try await Self.push("api \(number)", to: "acme/api", as: "v", registry)
        try await Self.push("web \(number)", to: "acme/web", as: "v", registry)
      }
      let tag = try await Self.items("\(Self.path("acme/api"))/tags/v/history", registry)
      #expect(tag.map { $0["to"]?.string } == [3, 2, 1].map { `An environment`.digest("api \($0)") })
      let repository = try await Self.items("\(Self.path("acme/api"))/history", registry)
      #expect(Self.names(repository) == ["acme/api:v", "acme/api:v", "acme/api:v", "acme/api:1"])
      let all = try await Self.items(Self.namespace, registry)
      #expect(
        Self.names(all) == [
          "acme/web:v", "acme/api:v", "acme/web:v", "acme/api:v", "acme/web:v", "acme/api:v", "acme/api:1",
        ])
      let numbers = all.compactMap { $0["id"]?.integer }
      #expect(numbers == numbers.sorted(by: >) && Set(numbers).count == 7)
      // Of what one may not pull nothing is told, and no page ends before its time.
      try await registry.administration.makeUser(
        "web", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
      try await registry.administration.grant(
        "reader", to: .account("web"), on: "acme", pattern: "acme/web", by: registry.admin)
      let own = try await Self.items(Self.namespace, as: ClosedRegistry.basic("web"), registry)
      #expect(Self.names(own) == ["acme/web:v", "acme/web:v", "acme/web:v"])
      let wrong = try await registry.api("GET", "\(Self.namespace)?cursor=x", as: Self.reader)
      #expect(wrong.status == 400, "\(wrong)")
    }
  }

  @Test func `is told by time, by who and by how, and tags are listed as of a moment, page by page`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      var moments: [Timestamp] = []
      for number in 1...4 {
        clock.advance(by: .seconds(60))
        moments.append(clock.now)
        try await Self.push("api \(number)", to: "acme/api", as: "v\(number)", registry)
      }
      clock.advance(by: .seconds(60))
      let deleted = try await registry.ask(
        "DELETE", "/v2/acme/api/manifests/v2", as: ClosedRegistry.basic("maintainer"))
      #expect(deleted.status == 202)
      for list in ["\(Self.path("acme/api"))/history", Self.namespace] {
        func tags(_ filter: String) async throws -> [String] {
          try await Self.items("\(list)?\(filter)", registry).compactMap { $0["tag"]?.string }
        }
        // From its beginning, and to before its end.
        #expect(try await tags("since=\(moments[1])&until=\(moments[3])") == ["v3", "v2"])
        #expect(try await tags("since=\(moments[2])") == ["v2", "v4", "v3"])
        #expect(try await tags("since=\(moments[2])&kind=push") == ["v4", "v3"])
        #expect(try await tags("by=maintainer") == ["v2"])
        #expect(try await tags("by=nobody").isEmpty)
      }
      func listed(_ query: String) async throws -> [String] {
        try await Self.items("\(Self.path("acme/api"))/tags\(query)", registry).compactMap { $0["name"]?.string }
      }
      #expect(try await listed("?asOf=\(moments[2] + .seconds(1))") == ["1", "v1", "v2", "v3"])
      #expect(try await listed("") == ["1", "v1", "v3", "v4"])
    }
  }
}
