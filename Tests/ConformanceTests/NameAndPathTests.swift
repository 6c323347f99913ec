import TestSupport
import Testing

extension Conformance {
  @Suite("names and paths")
  struct NamesAndPaths {
    let client = RegistryUnderTest.client

    @Test(
      "names of the specification's grammar are accepted",
      arguments: [
        "a", "0", "a/b", "a/b/c/d/e/f", "a.b", "a_b", "a__b", "a-b", "a---b", "a0.b1_c2__d3-e4/f", "library/ubuntu",
        "v2", "v2/v2", "manifests", "blobs/uploads", "a/manifests/b", "a/blobs/b", "tags/list", "a/tags/list/b",
        "a/referrers/b",
        String(repeating: "a", count: 255), (0..<128).map { _ in "a" }.joined(separator: "/"),
      ])
    func valid(_ name: String) async throws {
      let repository = Repository(named: name)
      let image = try await repository.pushImage(tag: "v1")
      #expect(try await repository.pull("v1").body == image.bytes)
      #expect(try await repository.tags() == ["v1"])
    }

    @Test("a name may end like an endpoint and still have referrers", arguments: ["a/referrers", "x/tags/list"])
    func referrers(_ name: String) async throws {
      let repository = Repository(named: name)
      try await repository.push(.unique())
      #expect(try await client("GET", repository.referrers(Content.unique().digest)).status == 200)
    }

    static let invalidNames = [
      "A", "acme/Upper", "-a", "a-", ".a", "a.", "_a", "a_", "a..b", "a___b", "a._b", "a/-b", "a b", "a+b", "a~b", "ä",
      "a%2fb", "a%00b", "%61", "a\\b", "a;b", "a@b", "a:b", "..", "a/..", "a/../b", ".", "a/./b", "a//b", "/a", "a/",
      "%2e%2e", "a/%2e%2e/b", "a/%2E%2E%2Fb", "..%2f..%2fetc", "a/..;/b", String(repeating: "a", count: 256),
    ]

    @Test("other names are refused with 400 or 404 in the error envelope", arguments: invalidNames)
    func invalid(_ name: String) async throws {
      let session = try await client("POST", "/v2/\(name)/blobs/uploads/")
      #expect([400, 404].contains(session.status), "\(session)")
      let tags = try await client("GET", "/v2/\(name)/tags/list")
      #expect([400, 404].contains(tags.status), "\(tags)")
      let manifest = try await client("GET", "/v2/\(name)/manifests/latest")
      #expect([400, 404].contains(manifest.status), "\(manifest)")
      if !manifest.body.isEmpty, manifest.first("Content-Type")?.hasPrefix("application/json") == true {
        #expect(manifest.errorCode != nil)
      }
    }

    @Test("an upper-case name is named as the fault: 400 NAME_INVALID, or 404")
    func upperCase() async throws {
      let answer = try await client("POST", "/v2/Acme/API/blobs/uploads/")
      expectError(answer, [400, 404], ["NAME_INVALID", "NAME_UNKNOWN", "UNSUPPORTED"])
    }

    @Test(
      "a path is not tidied before it is read, so no other spelling reaches a repository",
      arguments: [
        "/v2/acme/x/../spelling/tags/list", "/v2//acme/spelling/tags/list", "//v2/acme/spelling/tags/list",
        "/v2/acme/spelling//tags/list", "/v2/acme/spelling/tags//list", "/v2/acme/spelling/tags/list/",
        "/v2/acme/%73pelling/tags/list", "/V2/acme/spelling/tags/list", "/v2/acme/spelling/Tags/list",
        "/v2/acme/spelling/tags/list%00", "/v2/acme/./spelling/tags/list", "/v2/acme/spelling/tags/%6cist",
        "/./v2/acme/spelling/tags/list", "/v2/%2e/acme/spelling/tags/list", "/v2/acme%2fspelling/tags/list",
        "/x/%2e%2e/v2/acme/spelling/tags/list", "/v2/acme/spelling/tags/list;x", "\\v2\\acme\\spelling\\tags\\list",
      ])
    func spelling(_ target: String) async throws {
      _ = try await Repository(named: "acme/spelling").pushImage(tag: "v1")
      #expect(try await Repository(named: "acme/spelling").tags() == ["v1"])
      let answer = try await client("GET", target)
      #expect((300..<500).contains(answer.status), "\(answer)")
    }

    @Test(
      "paths out of the API and out of its data answer 404 or 400",
      arguments: [
        "/v2/../../../../etc/passwd", "/v2/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/v2/acme/blobs/../../../etc/passwd",
        "/v2/acme/blobs/sha256:..%2f..%2f..%2fetc%2fpasswd", "/v2/acme/manifests/..%2f..%2fetc%2fpasswd",
        "/v2/acme/blobs/uploads/..%2f..%2f..%2fetc%2fpasswd", "/v2/acme/blobs/uploads/../../../../etc/passwd",
        "/v2/acme/nothing/x", "/v2/acme", "/v2/_other", "/v3/",
      ])
    func outside(_ target: String) async throws {
      let answer = try await client("GET", target)
      #expect([301, 307, 308, 400, 404].contains(answer.status), "\(answer)")
      #expect(!answer.text.contains("root:"))
    }

    @Test(
      "a fragment or a question mark in the wrong place harms nobody",
      arguments: [
        "/v2/#x", "/v2/?a=b?c=d", "/v2/?", "/v2/?&&==&%", "/v2/?a=%zz",
        "/v2/?\(String(repeating: "a=b&", count: 1000))",
      ])
    func query(_ target: String) async throws {
      #expect([200, 400, 404, 414].contains(try await client("GET", target).status))
    }
  }
}
