import TestSupport
import Testing

extension Conformance {
  @Suite("end-8: listing tags")
  struct Tags {
    let repository = Repository()
    let client = RegistryUnderTest.client
    static let names = ["10", "9", "A", "B-1", "_x", "a", "b", "b.1", "b-1", "v1.10.0", "v1.9.0"]
    static let sorted = ["10", "9", "A", "B-1", "_x", "a", "b", "b-1", "b.1", "v1.10.0", "v1.9.0"]

    private func tagged() async throws {
      let image = try await repository.pushParts()
      for name in Self.names.shuffled() { try await repository.push(manifest: image, as: name) }
    }

    private func list(_ query: String) async throws -> (tags: [String], answer: RawResponse) {
      let answer = try await client("GET", repository.tagsList + query)
      try #require(answer.status == 200, "\(answer)")
      return (try answer.decoded(TagList.self).tags, answer)
    }

    @Test("end-8a: the list names the repository and all tags in order")
    func all() async throws {
      try await tagged()
      let answer = try await client("GET", repository.tagsList)
      #expect(answer.status == 200)
      let list = try answer.decoded(TagList.self)
      #expect(list.name == repository.name)
      #expect(list.tags == Self.sorted)
      #expect(answer.first("Content-Type")?.hasPrefix("application/json") == true)
    }

    @Test("end-8a: a repository that does not exist answers 404 NAME_UNKNOWN")
    func unknown() async throws {
      expectError(try await client("GET", Repository().tagsList), [404], ["NAME_UNKNOWN"])
    }

    @Test("end-8a: a repository without tags has an empty list, not none")
    func empty() async throws {
      _ = try await repository.pushImage()
      let answer = try await client("GET", repository.tagsList)
      #expect(answer.status == 200)
      #expect(try answer.decoded(TagList.self).tags.isEmpty)
    }

    @Test("end-8a: after everything is deleted the list is empty and still there")
    func emptied() async throws {
      let image = try await repository.pushImage(tag: "v1")
      #expect(try await client("DELETE", repository.manifest("v1")).status == 202)
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      #expect(try await repository.tags().isEmpty)
    }

    @Test("end-8b: n limits the list", arguments: [1, 3, 10, 11, 12, 1000])
    func limited(_ count: Int) async throws {
      try await tagged()
      let (tags, answer) = try await list("?n=\(count)")
      #expect(tags == Array(Self.sorted.prefix(count)))
      #expect((answer.nextPage != nil) == (count < Self.sorted.count))
    }

    @Test("end-8b: n=0 is an empty list without a Link")
    func zero() async throws {
      try await tagged()
      let (tags, answer) = try await list("?n=0")
      #expect(tags.isEmpty)
      #expect(answer.first("Link") == nil)
    }

    @Test(
      "end-8b: last is not included, what follows is",
      arguments: [("10", 1), ("b-1", 8), ("b-0", 7), ("", 0), ("v1.9.0", 11), ("zzz", 11), ("0", 0), ("A", 3)])
    func last(_ last: String, _ index: Int) async throws {
      try await tagged()
      #expect(try await list("?last=\(last)").tags == Array(Self.sorted[index...]))
      #expect(try await list("?n=2&last=\(last)").tags == Array(Self.sorted[index...].prefix(2)))
    }

    @Test("end-8b: following Link gives every tag once", arguments: [1, 2, 4])
    func pages(_ size: Int) async throws {
      try await tagged()
      var found: [String] = []
      var target: String? = repository.tagsList + "?n=\(size)"
      while let next = target {
        let answer = try await client("GET", next)
        try #require(answer.status == 200, "\(answer)")
        let tags = try answer.decoded(TagList.self).tags
        try #require(tags.count <= size)
        found += tags
        target = answer.nextPage
        try #require(found.count <= Self.names.count)
      }
      #expect(found == Self.sorted)
    }

    @Test(
      "end-8b: an n that is no number of tags is refused", arguments: ["-1", "x", "1.5", "99999999999999999999", "1e3"])
    func invalidCount(_ text: String) async throws {
      try await tagged()
      expectError(try await client("GET", repository.tagsList + "?n=\(text)"), [400])
    }
  }

  @Suite("the catalogue of repositories")
  struct CatalogPages {
    let client = RegistryUnderTest.client

    @Test("_catalog lists repositories in order, page by page, each once")
    func pages() async throws {
      let prefix = "zz-catalog-\(Unique.number())"
      let names = ["a", "a/b", "a-b", "b", "c0"].map { "\(prefix)/\($0)" }
      for name in names.shuffled() { _ = try await Repository(named: name).pushImage(tag: "v1") }
      var found: [String] = []
      var target: String? = "/v2/_catalog?n=2&last=\(prefix)"
      while let next = target {
        let answer = try await client("GET", next)
        try #require(answer.status == 200, "\(answer)")
        let page = try answer.decoded(Catalog.self).repositories
        try #require(page.count <= 2)
        found += page
        try #require(found.count <= 1000)
        target = page.contains { !$0.hasPrefix(prefix) } ? nil : answer.nextPage
      }
      #expect(found.filter { $0.hasPrefix(prefix) } == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    @Test("_catalog lists a repository once, however many tags it has")
    func once() async throws {
      let repository = Repository("zz-once")
      let image = try await repository.pushImage(tag: "v1")
      try await repository.push(manifest: image, as: "v2")
      let answer = try await client("GET", "/v2/_catalog?n=1000&last=zz-onc")
      let page = try answer.decoded(Catalog.self).repositories
      #expect(page.count { $0 == repository.name } == 1)
    }

    @Test("_catalog refuses an n that is no number", arguments: ["-1", "x"])
    func invalidCount(_ text: String) async throws {
      expectError(try await client("GET", "/v2/_catalog?n=\(text)"), [400])
    }
  }
}
