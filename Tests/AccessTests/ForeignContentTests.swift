import OCI
import TestSupport
import Testing

@testable import Access

/// Content of a repository, reached by way of another one; docs/hostile.md names where that went wrong.
@Suite struct `Content of another repository` {
  private static let secret = Array("a secret layer".utf8)
  private static let digest = Digest.ofTest(secret)

  /// `acme/api` with a layer, and `public/api`, where the user `writer` may push too.
  private static func withBoth(_ body: (ClosedRegistry) async throws -> Void) async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.makeNamespace("public", isPublic: true, owner: nil, by: registry.admin)
      try await registry.administration.grant(
        "writer", to: .account("writer"), on: "public", pattern: nil, by: registry.admin)
      try await registry.pushImage("public/api", "1")
      let pushed = try await registry.ask(
        "POST", "/v2/acme/api/blobs/uploads/?digest=\(digest)", as: ClosedRegistry.admin, body: .bytes(secret))
      #expect(pushed.status == 201, "\(pushed)")
      try await body(registry)
    }
  }

  @Test func `is not mounted by a token that is not for its repository, though its owner may`() async throws {
    try await Self.withBoth { registry in
      let password = ClosedRegistry.basic("writer")
      let made = try await registry.api(
        "POST", "/api/v1/tokens", as: password,
        #"{"name":"x","scope":[{"repository":"public/*","actions":["pull","push"]}]}"#)
      let limited = ClosedRegistry.basic("writer", try #require(made.json["secret"]?.string))
      let mount = "/v2/public/api/blobs/uploads/?mount=\(Self.digest)&from=acme/api"
      let bearer = try await registry.bearer("repository:public/api:pull,push", as: password)
      for header in [limited, bearer, try await registry.bearer("repository:public/api:pull,push", as: limited)] {
        let answer = try await registry.ask("POST", mount, as: header)
        #expect(answer.status == 202, "an upload begins: \(answer)")
        #expect(try await registry.ask("GET", "/v2/public/api/blobs/\(Self.digest)").status == 404)
        #expect(try await registry.ask("GET", "/v2/public/api/blobs/\(Self.digest)", as: password).status == 404)
      }
      let whole = try await registry.ask("POST", mount, as: password)
      #expect(whole.status == 201, "with all that they may, they may: \(whole)")
    }
  }

  @Test func `stays when somebody else's upload of the same bytes is refused`() async throws {
    try await Self.withBoth { registry in
      let writer = ClosedRegistry.basic("writer")
      let zero = "sha256:\(String(repeating: "0", count: 64))"
      let wrong = try await registry.ask(
        "POST", "/v2/public/api/blobs/uploads/?digest=\(zero)", as: writer, body: .bytes(Self.secret))
      #expect(wrong.status == 400, "\(wrong)")
      let refused = try await registry.ask(
        "POST", "/v2/acme/api/blobs/uploads/?digest=\(Self.digest)", as: ClosedRegistry.basic("reader"),
        body: .bytes(Self.secret))
      #expect(refused.status == 403, "\(refused)")
      let begun = try await registry.ask("POST", "/v2/public/api/blobs/uploads/", as: writer)
      let session = try #require(begun.first("Location"))
      let path = try #require(session.firstMatch(of: /\/v2\/.*$/)).0
      #expect(try await registry.ask("PATCH", String(path), as: writer, body: .bytes(Self.secret)).status == 202)
      #expect(try await registry.ask("DELETE", String(path), as: writer).status == 204)
      let there = try await registry.ask(
        "GET", "/v2/acme/api/blobs/\(Self.digest)", as: ClosedRegistry.basic("reader"))
      #expect(there.status == 200 && there.body == Self.secret)
    }
  }

  @Test func `is bytes to a browser, whatever its manifest calls it`() async throws {
    try await Self.withBoth { registry in
      let layer = #"{"mediaType":"text/html","digest":"\#(Self.digest)","size":\#(Self.secret.count)}"#
      let manifest = String(decoding: ClosedRegistry.manifest, as: UTF8.self)
        .replacing("\"layers\":[]", with: "\"layers\":[\(layer)]")
      let pushed = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/page", as: ClosedRegistry.admin,
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .text(manifest))
      #expect(pushed.status == 201, "\(pushed)")
      let blob = try await registry.ask("GET", "/v2/acme/api/blobs/\(Self.digest)", as: ClosedRegistry.admin)
      #expect(blob.first("Content-Type") == "application/octet-stream", "\(blob)")
      // A browser's session does not even ask for it.
      let session = try await registry.session(of: "reader")
      #expect(try await registry.ask("GET", "/v2/acme/api/blobs/\(Self.digest)", as: session).status == 401)
    }
  }

  @Test(arguments: ["latest", "1.0"])
  func `is not put under a tag that may not move, whatever the tag is called`(tag: String) async throws {
    try await Self.withBoth { registry in
      let type = ("Content-Type", "application/vnd.oci.image.manifest.v1+json")
      let path = "/v2/acme/api/manifests/\(tag)"
      let rule = try await registry.api(
        "PUT", "/api/v1/namespaces/acme/rules/immutable", as: ClosedRegistry.basic("owner"), #"{"value":["\#(tag)"]}"#)
      #expect(rule.status < 300, "\(rule)")
      let first = try await registry.ask(
        "PUT", path, as: ClosedRegistry.basic("writer"), [type], body: .bytes(ClosedRegistry.manifest))
      #expect(first.status == 201, "\(first)")
      let other = String(decoding: ClosedRegistry.manifest, as: UTF8.self)
        .replacing("\"layers\":[]", with: "\"layers\":[ ]")
      for header in [ClosedRegistry.basic("writer"), ClosedRegistry.basic("owner"), ClosedRegistry.admin] {
        #expect(try await registry.ask("PUT", path, as: header, [type], body: .text(other)).status == 403)
      }
    }
  }
}
