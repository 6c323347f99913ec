import Foundation
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Tags remember what they pointed to, over the API as programs use it.
@Suite struct `The memory of tags` {
  private static let path = "/api/v1/repositories/acme/api/-"

  /// Manifests that differ by a note.
  private static func manifest(_ note: String) -> [UInt8] {
    Array(
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ClosedRegistry.configDigest)","size":2},"layers":[],"annotations":{"note":"\#(note)"}}"#
        .utf8)
  }

  private static func digest(_ note: String) -> String { Digest.ofTest(manifest(note)).description }

  @discardableResult
  private static func push(
    _ note: String, as tag: String, _ registry: ClosedRegistry, by user: String = "writer"
  ) async throws -> RawResponse {
    try await registry.ask(
      "PUT", "/v2/acme/api/manifests/\(tag)", as: ClosedRegistry.basic(user),
      [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(manifest(note)))
  }

  private static func restore(
    _ tag: String, _ body: String, _ registry: ClosedRegistry, by user: String = "maintainer"
  ) async throws -> RawResponse {
    try await registry.api("POST", "\(path)/tags/\(tag)/restore", as: ClosedRegistry.basic(user), body)
  }

  private static func pulled(_ reference: String, _ registry: ClosedRegistry) async throws -> String? {
    let answer = try await registry.ask(
      "GET", "/v2/acme/api/manifests/\(reference)", as: ClosedRegistry.basic("reader"))
    return answer.status == 200 ? answer.first("Docker-Content-Digest") : nil
  }

  private static func history(_ query: String, _ registry: ClosedRegistry) async throws -> [JSONValue] {
    let answer = try await registry.api("GET", "\(path)/\(query)", as: ClosedRegistry.basic("reader"))
    return answer.json["items"]?.array ?? []
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `goes through moves, deletions and restores, and each can be undone`(
    kind: TestInstallation.Kind
  ) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      for note in ["one", "two", "three"] { try await Self.push(note, as: "v", registry) }
      // Each earlier state.
      #expect(try await Self.restore("v", #"{"movesAgo":2,"reason":"a bad night"}"#, registry).status == 200)
      #expect(try await Self.pulled("v", registry) == Self.digest("one"))
      #expect(try await Self.restore("v", "{}", registry).status == 200)
      #expect(try await Self.pulled("v", registry) == Self.digest("three"))
      // Deleted by tag, and with its manifest.
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/v", as: ClosedRegistry.basic("maintainer"))
      #expect(try await Self.pulled("v", registry) == nil)
      #expect(try await Self.restore("v", "{}", registry).status == 200)
      let gone = try await registry.ask(
        "DELETE", "/v2/acme/api/manifests/\(Self.digest("three"))", as: ClosedRegistry.basic("maintainer"))
      #expect(gone.status == 202)
      for reference in ["v", Self.digest("three")] { #expect(try await Self.pulled(reference, registry) == nil) }
      let undone = try await Self.restore("v", "{}", registry)
      #expect(undone.json["to"]?.string == Self.digest("three"))
      for reference in ["v", Self.digest("three")] {
        #expect(try await Self.pulled(reference, registry) == Self.digest("three"))
      }
      // All of it is history, the newest first.
      let events = try await Self.history("tags/v/history", registry)
      #expect(
        events.map { $0["kind"]?.string } == [
          "restore", "delete", "restore", "delete", "restore", "restore", "push", "push", "push",
        ])
      #expect(events[5]["reason"]?.string == "a bad night")
      #expect(events[5]["by"]?.string == "maintainer")
      #expect(try await Self.history("history?kind=push&by=writer", registry).count == 3)
      #expect(try await registry.server.registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }

  @Test func `answers what was at a moment`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.push("one", as: "v", registry)
      try await Self.push("two", as: "v", registry)
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/v", as: ClosedRegistry.basic("maintainer"))
      let events = try await registry.server.registry.database.read {
        try $0.tagEvents(.tag(RepositoryName(parsing: "acme/api"), Tag(parsing: "v")), limit: 10)
      }
      let moments = events.reversed().map(\.at)
      // The API takes whole seconds; the registry any moment.
      let permit = try await registry.server.access.policy.permit(
        Pull.self, on: RepositoryName(parsing: "acme/api"), for: registry.admin)
      let core = registry.server.registry
      let tag = try OCI.Tag(parsing: "v")
      #expect(try await core.tagState(tag, asOf: moments[0], permit: permit).digest.description == Self.digest("one"))
      #expect(try await core.tagState(tag, asOf: moments[1], permit: permit).digest.description == Self.digest("two"))
      let list = try await core.tagStates(asOf: moments[1], after: "", limit: 10, permit: permit)
      #expect(list.map(\.tag.text) == ["1", "v"])
      #expect(list.filter { !$0.isAvailable }.isEmpty)
      #expect(try await core.tagStates(asOf: moments[2], after: "", limit: 10, permit: permit).map(\.tag.text) == ["1"])
      await #expect(throws: (any Error).self) { try await core.tagState(tag, asOf: moments[2], permit: permit) }
      let early = try await registry.api(
        "GET", "\(Self.path)/tags/v?asOf=2020-01-01T00:00:00Z", as: ClosedRegistry.basic("reader"))
      #expect(early.status == 404)
      #expect(early.json["detail"]?.string?.contains("first made at") ?? false, "\(early)")
    }
  }

  @Test func `tells who pushes a version that a channel stays at a later one whose tag is deleted`() async throws {
    try await ClosedRegistry.withOne { registry in
      let rule = #"{"value":{"channels":["latest"]}}"#
      let set = try await registry.api(
        "PUT", "/api/v1/namespaces/acme/rules/channels", as: ClosedRegistry.basic("maintainer"), rule)
      #expect(set.status < 300, "\(set)")
      try await Self.push("mistake", as: "99.0.0", registry)
      #expect(try await Self.push("one", as: "1.0.0", registry).first("Warning") == nil)
      let maintainer = ClosedRegistry.basic("maintainer")
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/99.0.0", as: maintainer)
      let told = try await Self.push("two", as: "1.0.1", registry).first("Warning")
      let text =
        "latest of acme/api stays at 99.0.0, whose tag is deleted; berth tag delete acme/api:latest lets it follow the next push"
      #expect(told == "299 - \"\(text)\"")
      #expect(try await Self.history("tags/latest/history", registry).first?["reason"]?.string == "follows 99.0.0")
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/latest", as: maintainer)
      #expect(try await Self.push("three", as: "1.0.2", registry).first("Warning") == nil)
      #expect(try await Self.pulled("latest", registry) == Self.digest("three"))
    }
  }

  @Test func `tells a tag that was deleted from one that never was, and a namespace from a repository`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.push("one", as: "v", registry)
      func detail(_ answer: RawResponse) -> String {
        #expect(answer.status == 404, "\(answer)")
        return answer.json["detail"]?.string ?? ""
      }
      func get(_ target: String) async throws -> String {
        detail(try await registry.api("GET", target, as: ClosedRegistry.basic("reader")))
      }
      #expect(
        detail(try await Self.restore("v", "{}", registry))
          == "the history of acme/api:v has no state before its last move")
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/v", as: ClosedRegistry.basic("maintainer"))
      #expect(try await get("\(Self.path)/tags/v").hasPrefix("acme/api:v was deleted at 20"))
      #expect(try await get("\(Self.path)/tags/never") == "acme/api has and had no tag never")
      let slash = try await get("/api/v1/namespaces/acme%2Fapi/environments")
      #expect(slash == "“acme/api” has a slash, and a name without one is meant here, such as a namespace's")
      #expect(try await get("/api/v1/nothing").hasPrefix("there is nothing at this path"))
      // Only where a namespace's name is meant.
      for path in ["nothing/acme%2Fapi", "users/a%2Fb/nothing", "namespaces/acme/nothing/a%2Fb"] {
        #expect(try await get("/api/v1/\(path)").hasPrefix("there is nothing at this path"), "\(path)")
      }
    }
  }

  /// What history holds is pulled by its digest whatever became of the tag; only who deletes the image itself takes it away.
  @Test func `lists digests of a moment that are pulled, until somebody deletes the image and after it is restored`()
    async throws
  {
    try await ClosedRegistry.withOne { registry in
      try await Self.push("one", as: "v", registry)
      try await Self.push("two", as: "v", registry)
      let maintainer = ClosedRegistry.basic("maintainer")
      #expect(try await registry.ask("DELETE", "/v2/acme/api/manifests/v", as: maintainer).status == 202)
      let core = registry.server.registry
      let repository = try RepositoryName(parsing: "acme/api")
      let events = try await core.database.read { try $0.tagEvents(.tag(repository, Tag(parsing: "v")), limit: 10) }
      let permit = try await registry.server.access.policy.permit(Pull.self, on: repository, for: registry.admin)
      @Sendable func listed(_ event: Int) async throws -> TagState? {
        try await core.tagStates(asOf: events.reversed()[event].at, after: "", limit: 10, permit: permit)
          .first { $0.tag.text == "v" }
      }
      // The collector that takes everything that nothing names takes neither.
      let idle = try await core.idleManifests(olderThan: .zero, limit: 10).map(\.digest.description)
      #expect(!idle.contains(Self.digest("one")) && !idle.contains(Self.digest("two")))
      for (event, note) in ["one", "two"].enumerated() {
        let state = try #require(try await listed(event))
        #expect(state.isAvailable && state.digest.description == Self.digest(note))
        #expect(try await Self.pulled(state.digest.description, registry) == Self.digest(note))
      }
      let path = "/v2/acme/api/manifests/\(Self.digest("one"))"
      #expect(try await registry.ask("DELETE", path, as: maintainer).status == 202)
      #expect(try await listed(0)?.isAvailable == false)
      #expect(try await listed(1)?.isAvailable == true)
      #expect(try await Self.pulled(Self.digest("one"), registry) == nil)
      let first = try #require(events.last).id
      #expect(try await Self.restore("v", #"{"event":\#(first)}"#, registry).status == 200)
      #expect(try await listed(0)?.isAvailable == true)
      #expect(try await Self.pulled(Self.digest("one"), registry) == Self.digest("one"))
    }
  }

  @Test func `is taken away by a removal for good, and says so`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.push("one", as: "v", registry)
      try await Self.push("two", as: "v", registry)
      let digest = Self.digest("one")
      let purge = try await registry.api(
        "DELETE", "\(Self.path)/manifests/\(digest)", as: ClosedRegistry.basic("owner"))
      #expect(purge.status == 204)
      let refused = try await Self.restore("v", "{}", registry)
      #expect(refused.status == 404)
      #expect(refused.json["detail"]?.string?.contains("removed for good") ?? false, "\(refused)")
      #expect(try await Self.history("tags/v/history", registry).last?["restorable"]?.bool == false)
      // Pushed again it can be gone back to from then on.
      try await Self.push("one", as: "w", registry)
      #expect(try await Self.restore("v", "{}", registry).status == 200)
      #expect(try await registry.server.registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }

  @Test(arguments: [
    (#"{"event":999999}"#, 404, "has no event"), (#"{"movesAgo":9}"#, 404, "has no state before"),
    (#"{"movesAgo":0}"#, 400, "whole number"), (#"{"movesAgo":1,"event":1}"#, 400, "name one of"),
    (#"{"at":"yesterday"}"#, 400, "is a time"), (#"{"at":"2020-01-01T00:00:00Z"}"#, 404, "first made"),
    (#"{"when":1}"#, 400, "not known"),
  ])
  func `refuses a goal that is none, in words`(_ body: String, _ status: Int, _ words: String) async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.push("one", as: "v", registry)
      let answer = try await Self.restore("v", body, registry)
      #expect(answer.status == status)
      #expect(answer.json["detail"]?.string?.contains(words) ?? false, "\(answer)")
      #expect(try await Self.restore("none", "{}", registry).status == 404)
    }
  }

  @Test func `keeps immutable tags where they are, and takes the same push again`() async throws {
    try await ClosedRegistry.withOne { registry in
      let rules = "/api/v1/namespaces/acme/rules/immutable"
      #expect(
        try await registry.api("PUT", rules, as: ClosedRegistry.basic("maintainer"), #"{"value":["semver"]}"#).status
          == 403)
      #expect(
        try await registry.api("PUT", rules, as: ClosedRegistry.basic("owner"), #"{"value":["a b"]}"#).status == 400)
      let set = try await registry.api(
        "PUT", rules, as: ClosedRegistry.basic("owner"), #"{"value":["semver","v*","!v-next"],"pattern":"acme/api"}"#)
      #expect(set.status == 204, "\(set)")
      for tag in ["1.0.0", "v2", "v-next", "latest"] {
        #expect(try await Self.push("one", as: tag, registry).status == 201)
        #expect(try await Self.push("one", as: tag, registry).status == 201)
      }
      for tag in ["1.0.0", "v2"] {
        let moved = try await Self.push("two", as: tag, registry)
        #expect(moved.status == 403)
        #expect(moved.errorCode == "DENIED")
        #expect(moved.json["errors"]?.array?.first?["message"]?.string?.contains("immutable") ?? false)
        let deleted = try await registry.ask(
          "DELETE", "/v2/acme/api/manifests/\(tag)", as: ClosedRegistry.basic("owner"))
        #expect(deleted.status == 403)
      }
      for tag in ["v-next", "latest"] { #expect(try await Self.push("two", as: tag, registry).status == 201) }
      // An image that an immutable tag names stays too.
      let image = try await registry.ask(
        "DELETE", "/v2/acme/api/manifests/\(Self.digest("one"))", as: ClosedRegistry.basic("owner"))
      #expect(image.status == 403)
      #expect(try await Self.pulled("1.0.0", registry) == Self.digest("one"))
      let removed = try await registry.api("DELETE", rules + "?pattern=acme/api", as: ClosedRegistry.basic("owner"))
      #expect(removed.status == 204)
      #expect(try await Self.push("two", as: "v2", registry).status == 201)
    }
  }

  @Test func `gives the state that is shown at a time, asked for with the time as it is shown`() async throws {
    try await ClosedRegistry.withOne { registry in
      for note in ["a", "b", "c"] { try await Self.push(note, as: "latest", registry) }
      let history = try await registry.api(
        "GET", "\(Self.path)/tags/latest/history", as: ClosedRegistry.basic("reader"))
      for event in try #require(history.json["items"]?.array) {
        let at = try #require(event["at"]?.string)
        let then = try await registry.api(
          "GET", "\(Self.path)/tags/latest?asOf=\(at)", as: ClosedRegistry.basic("reader"))
        // Several may have happened in one millisecond: the last of them.
        let last = history.json["items"]?.array?.first { $0["at"]?.string == at }
        #expect(then.json["digest"]?.string == last?["to"]?.string, "\(at)")
      }
      let unknown = try await registry.api(
        "GET", "\(Self.path)/tags/nosuch/history", as: ClosedRegistry.basic("reader"))
      #expect(unknown.status == 404)
      let misspelt = try await registry.api(
        "GET", "\(Self.path)/tags/latest?asof=2026-01-01T00:00:00Z", as: ClosedRegistry.basic("reader"))
      #expect(misspelt.status == 400)
      #expect(misspelt.json["detail"]?.string == "“asof” is not known here; known are asOf")
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `does not pass to who makes the namespace anew`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.push("a", as: "latest", registry)
      let owner = ClosedRegistry.basic("owner")
      _ = try await registry.api(
        "PUT", "\(Self.path)/labels?target=latest", as: owner, #"{"labels":{"customer":"acme"},"reason":"x"}"#)
      for digest in [Self.digest("a"), ClosedRegistry.manifestDigest.description] {
        let deleted = try await registry.ask("DELETE", "/v2/acme/api/manifests/\(digest)", as: owner)
        #expect(deleted.status == 202)
      }
      try await registry.administration.deleteNamespace("acme", by: registry.admin)
      try await registry.administration.makeNamespace("acme", isPublic: false, owner: "stranger", by: registry.admin)
      let next = ClosedRegistry.basic("stranger")
      let restored = try await registry.api(
        "POST", "\(Self.path)/tags/latest/restore", as: next, #"{"movesAgo":1}"#)
      #expect(restored.status == 404, "\(restored)")
      for list in ["\(Self.path)/history", "/api/v1/namespaces/acme/history"] {
        let history = try await registry.api("GET", list, as: next)
        #expect(history.json["items"]?.array?.isEmpty ?? true, "\(history)")
      }
      let inconsistencies = try await registry.server.registry.database.read { try $0.inconsistencies(limit: 10) }
      #expect(inconsistencies.isEmpty, "\(inconsistencies)")
    }
  }
}
