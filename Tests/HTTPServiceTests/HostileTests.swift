import TestSupport
import Testing

/// Published vulnerabilities of registries and of what they are built on, replayed. `docs/hostile.md` says which is which.
@Suite("published vulnerabilities of other registries", .timeLimit(.minutes(10)))
struct HostileTests {
  private static let image = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"

  @Test(
    "a digest or a name cannot climb out of the store",
    arguments: [
      "/v2/acme/blobs/sha256:../../../../etc/passwd", "/v2/acme/blobs/..%2f..%2fetc%2fpasswd",
      "/v2/../../etc/passwd/blobs/sha256:00", "/v2/a/../b/tags/list", "/v2/a/./b/tags/list", "/v2/a//b/tags/list",
      "/v2/%2e%2e/%2e%2e/tags/list", "/v2/a\\..\\b/tags/list", "/v2/a/manifests/../../../metadata.db",
      "/v2/a/blobs/uploads/../../../metadata.db", "/v2/a/blobs/uploads/..%2f..%2fmetadata.db",
      "/v2/a/blobs/sha256:\(String(repeating: "0", count: 62))/.", "/v2/a/referrers/sha256:../x",
    ])
  func pathTraversal(_ target: String) async throws {
    try await serving { server in
      for method in ["GET", "HEAD", "DELETE", "PATCH", "PUT"] {
        let answer = try await server.client.send(RawRequest(method, target))
        #expect([400, 404, 405].contains(answer.status), "\(method) \(answer)")
      }
    }
  }

  @Test("a listing asked for with a huge, negative or odd n needs no memory and no time")
  func catalogueExhaustion() async throws {
    try await serving { server in
      for target in ["/v2/_catalog", "/v2/acme/api/tags/list"] {
        try await server.push(uniqueBytes(10))
        for count in ["9223372036854775807", "18446744073709551616", "-1", "1e9", "0x10", "", "2147483648"] {
          let answer = try await server.client("GET", "\(target)?n=\(count)")
          #expect([200, 400].contains(answer.status), "\(answer)")
        }
      }
    }
  }

  @Test("a document that is an image to one reader and an index to another is refused")
  func ambiguousManifest() async throws {
    try await serving { server in
      let config = Array("{}".utf8)
      try await server.push(config)
      let descriptor =
        #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(digest(of: config))","size":2}"#
      let bodies = [
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"manifests":[]}"#,
        #"{"schemaVersion":2,"mediaType":"\#(Self.index)","config":\#(descriptor),"layers":[]}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"Manifests":[]}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"layers":[\#(descriptor)]}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"mediaType":"\#(Self.image)","mediaType":"\#(Self.index)"}"#,
      ]
      for body in bodies {
        let answer = try await server.client(
          "PUT", "/v2/acme/api/manifests/v1", ["Content-Type": Self.image], body: .text(body))
        #expect(answer.status == 400, "\(body)")
      }
    }
  }

  @Test("JSON that is deep, wide or broken is refused, and the server goes on")
  func jsonBomb() async throws {
    try await serving { server in
      let deep = String(repeating: "[", count: 1_000_000)
      let objects = String(repeating: #"{"a":"#, count: 200_000)
      let wide = "[" + String(repeating: "0,", count: 2_000_000) + "0]"
      let keys = "{" + (0..<100_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
      for body in [deep, objects, wide, keys, "", "null", "\u{feff}{}", "{\"schemaVersion\":2e999}", "\"\\ud800\""] {
        let answer = try await server.client(
          "PUT", "/v2/acme/api/manifests/v1", ["Content-Type": Self.image], body: .text(body))
        #expect(answer.status == 400 || answer.status == 413, "\(answer)")
      }
      #expect(try await server.isWell())
    }
  }

  @Test("a manifest that is larger than its limit is 413, also when its length was not told")
  func largeManifest() async throws {
    try await serving { server in
      let bytes = [UInt8](repeating: 0x20, count: 4 << 20 + 1)
      for body in [RawBody.bytes(bytes), .chunks([bytes])] {
        let answer = try await server.client(
          "PUT", "/v2/acme/api/manifests/v1", ["Content-Type": Self.image], body: body)
        #expect(answer.status == 413)
      }
    }
  }

  @Test("bytes stand under the digest that they have and under no other")
  func digestConfusion() async throws {
    try await serving { server in
      let (good, evil) = (uniqueBytes(70_000), uniqueBytes(70_000))
      let client = server.client
      for body in [evil, Array(evil[..<100])] {
        let answer = try await client(
          "POST", "/v2/acme/api/blobs/uploads/?digest=\(digest(of: good))", body: .bytes(body))
        #expect(answer.status == 400 && answer.text.contains("DIGEST_INVALID"))
      }
      #expect(try await client("GET", "/v2/acme/api/blobs/\(digest(of: good))").status == 404)
      let manifest = try await client(
        "PUT", "/v2/acme/api/manifests/\(digest(of: good))", ["Content-Type": Self.image], body: .text("{}"))
      #expect(manifest.status == 400)
    }
  }

  @Test("an upload cannot be carried to another repository, guessed, or used again")
  func uploadCarriedAway() async throws {
    try await serving { server in
      let client = server.client
      let upload = try await server.startUpload(to: "acme/api")
      let session = String(try #require(upload.split(separator: "/").last))
      for target in [
        "/v2/other/api/blobs/uploads/\(session)", "/v2/acme/api/blobs/uploads/\(session.dropLast())0",
        "/v2/acme/api/blobs/uploads/\(session.uppercased())", "/v2/acme/api/blobs/uploads/\(session.prefix(32))",
      ] where target != upload {
        #expect(try await client("PATCH", target, body: .text("a")).status == 404)
        #expect(try await client("GET", target).status == 404)
        #expect(try await client("DELETE", target).status == 404)
      }
      let bytes = uniqueBytes(10)
      #expect(try await client("PUT", "\(upload)?digest=\(digest(of: bytes))", body: .bytes(bytes)).status == 201)
      #expect(try await client("PATCH", upload, body: .text("a")).status == 404)
    }
  }

  @Test("a blob is readable only through a repository that has it")
  func crossRepositoryRead() async throws {
    try await serving { server in
      let client = server.client
      let bytes = uniqueBytes(100)
      try await server.push(bytes, to: "private/api")
      for method in ["GET", "HEAD", "DELETE"] {
        #expect(try await client(method, "/v2/public/api/blobs/\(digest(of: bytes))").status == 404)
      }
      let mount = try await client(
        "POST", "/v2/public/api/blobs/uploads/?mount=\(digest(of: bytes))&from=nobody/there")
      #expect(mount.status == 202, "a mount from where it is not becomes an upload")
    }
  }

  @Test("a deleted manifest is gone for every reader at once, by tag and by digest, cached or not")
  func deletedMeansGone() async throws {
    try await serving { server in
      let client = server.client
      let config = Array("{}".utf8)
      try await server.push(config)
      let manifest = Array(
        """
        {"schemaVersion":2,"mediaType":"\(Self.image)","config":{"mediaType":"application/vnd.oci.empty.v1+json",\
        "digest":"\(digest(of: config))","size":2},"layers":[]}
        """.utf8)
      let path = "/v2/acme/api/manifests/"
      let put = try await client("PUT", path + "v1", ["Content-Type": Self.image], body: .bytes(manifest))
      #expect(put.status == 201)
      for _ in 0..<2 { #expect(try await client("GET", path + "v1").status == 200) }
      #expect(try await client("DELETE", path + digest(of: manifest)).status == 202)
      for reference in ["v1", digest(of: manifest)] {
        for method in ["GET", "HEAD"] { #expect(try await client(method, path + reference).status == 404) }
      }
    }
  }

  @Test("what a client sends comes back neither as markup nor as a header")
  func reflection() async throws {
    try await serving { server in
      let evil = "%3Cscript%3Ealert(1)%3C/script%3E"
      for target in [
        "/\(evil)", "/v2/\(evil)/tags/list", "/v2/a/manifests/\(evil)", "/v2/a/blobs/\(evil)",
        "/v2/a/referrers/sha256:\(String(repeating: "0", count: 64))?artifactType=a%0d%0aX-Evil:1",
        "/v2/a/blobs/uploads/?mount=\(evil)&from=\(evil)", "/v2/_catalog?last=%0d%0aSet-Cookie:a&n=1",
      ] {
        let answer = try await server.client(target.contains("mount") ? "POST" : "GET", target)
        #expect(answer.first("X-Evil") == nil && answer.first("Set-Cookie") == nil)
        let type = answer.first("Content-Type") ?? ""
        #expect(type.hasPrefix("application/") || answer.body.isEmpty, "\(answer)")
        #expect(!answer.fields.contains { $0.value.contains("<") && $0.name.lowercased() != "link" })
      }
    }
  }

  @Test("layers that name a URL are kept as they are, and the server asks nobody for them")
  func foreignLayer() async throws {
    try await serving { server in
      let config = Array("{}".utf8)
      try await server.push(config)
      let layer = digest(of: uniqueBytes(1))
      let manifest = """
        {"schemaVersion":2,"mediaType":"\(Self.image)","config":{"mediaType":"application/vnd.oci.empty.v1+json",\
        "digest":"\(digest(of: config))","size":2},"layers":[{"mediaType":\
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":"\(layer)","size":1,\
        "urls":["http://\(server.host):\(server.port)/healthz"]}]}
        """
      let put = try await server.client(
        "PUT", "/v2/acme/api/manifests/v1", ["Content-Type": Self.image], body: .text(manifest))
      #expect(put.status == 201)
      #expect(try await server.client("GET", "/v2/acme/api/blobs/\(layer)").status == 404)
      #expect(server.figure(#"registry_http_requests_total{code="200",handler="health",method="get"}"#) == 0)
    }
  }

  @Test("many ranges in one request are not many answers")
  func rangeBomb() async throws {
    try await serving { server in
      let bytes = uniqueBytes(100_000)
      let blob = try await server.push(bytes)
      let ranges = (0..<1000).map { "\($0)-" }.joined(separator: ",")
      let answer = try await server.client.send(RawRequest("GET", blob, [RawField("Range", "bytes=\(ranges)")]))
      #expect([200, 206, 416].contains(answer.status))
      #expect(answer.body.count <= bytes.count)
    }
  }

  @Test("an upload that another request is writing to is not written by a second, nor finished under it")
  func racingUpload() async throws {
    try await serving { server in
      let upload = try await server.startUpload()
      let writer = try await server.connect(sending: request("PATCH", upload, "Content-Length: 200000\r\n") + "abc")
      try await eventually("the upload is begun") { server.figure("registry_http_in_flight_requests") == 1 }
      let client = server.client
      let bytes = uniqueBytes(100_000)
      // Begun, but perhaps not yet at the store: then it is the second that holds it, and the first that must go.
      let second = try await client("PUT", "\(upload)?digest=\(digest(of: bytes))", body: .bytes(bytes))
      #expect([201, 400, 409, 416, 503].contains(second.status), "\(second)")
      try await writer.abort()
      let blob = try await client("GET", "/v2/acme/api/blobs/\(digest(of: bytes))")
      #expect(blob.status == 404 || same(blob.body, bytes))
    }
  }
}
