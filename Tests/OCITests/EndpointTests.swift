import OCI
import Testing

private let foreignPaths: [String] = [
  "", "/", "v2/", "/v1/", "/v2a", "/v22/", "/V2/", "/v2//", "/v2/a", "/v2/_catalog/", "/v2/a/b", "/v2/a/tags",
  "/v2/a/tags/",
  "/v2/a/tags/list/", "/v2/a/tags/lists", "/v2/a/manifests/latest/", "/v2/a/manifests/", "/v2/a/blobs/\(digestA)/",
  "/v2/a/uploads/x", "/v2/uploads/x", "/v2/a/blobs/uploads//", "/v2/a/blobs/uploads/x/", "/v2/a%2fmanifests%2flatest",
  "/v2/a/%6danifests/latest", "/v2/a/Manifests/latest", "//v2/", "/v2/..",
]

private let brokenPaths: [(String, ErrorCode)] = [
  ("/v2/A/manifests/latest", ErrorCode.nameInvalid), ("/v2/a//manifests/latest", .nameInvalid),
  ("/v2//a/manifests/latest", .nameInvalid), ("/v2/../manifests/latest", .nameInvalid),
  ("/v2/a/../b/manifests/latest", .nameInvalid), ("/v2/./manifests/latest", .nameInvalid),
  ("/v2/a%2fb/manifests/latest", .nameInvalid), ("/v2/a\0/tags/list", .nameInvalid), ("/v2/ä/tags/list", .nameInvalid),
  ("/v2/a\\b/tags/list", .nameInvalid), ("/v2/manifests/latest", .nameInvalid), ("/v2/tags/list", .nameInvalid),
  ("/v2/blobs/uploads/", .nameInvalid), ("/v2/blobs/uploads/x", .nameInvalid), ("/v2/_catalog/tags/list", .nameInvalid),
  ("/v2/\(String(repeating: "a", count: 256))/tags/list", .nameInvalid), ("/v2/blobs/\(digestA)", .nameInvalid),
  ("/v2/a/manifests/.INVALID", .tagInvalid), ("/v2/a/manifests/..", .tagInvalid),
  ("/v2/a/manifests/a%3Ab", .tagInvalid),
  ("/v2/a/manifests/sha256:abc", .digestInvalid), ("/v2/a/manifests/md5:abc", .digestInvalid),
  ("/v2/a/blobs/latest", .digestInvalid), ("/v2/a/blobs/..", .digestInvalid),
  ("/v2/a/referrers/latest", .digestInvalid),
  ("/v2/a/blobs/sha256%3A\(hexA)", .digestInvalid), ("/v2/a/blobs/uploads/..", .blobUploadUnknown),
  ("/v2/a/blobs/uploads/a%20", .blobUploadUnknown),
  ("/v2/a/blobs/uploads/\(String(repeating: "a", count: 257))", .blobUploadUnknown),
]

@Suite struct EndpointTests {
  @Test func `every endpoint of the specification is found`() throws {
    let name = try RepositoryName(parsing: "library/alpine")
    let digest = try Digest(parsing: digestA)
    let table: [(String, Endpoint)] = [
      ("/v2/", .base),  // end-1
      ("/v2", .base),
      ("/v2/_catalog", .catalog),
      ("/v2/library/alpine/blobs/\(digestA)", .blob(name, digest)),  // end-2, end-10
      // end-3, end-7, end-9
      ("/v2/library/alpine/manifests/latest", .manifest(name, .tag(try Tag(parsing: "latest")))),
      ("/v2/library/alpine/manifests/\(digestA)", .manifest(name, .digest(digest))),
      ("/v2/library/alpine/blobs/uploads/", .uploads(name)),  // end-4, end-11
      ("/v2/library/alpine/blobs/uploads", .uploads(name)),
      ("/v2/library/alpine/blobs/uploads/Ab9_-=", .upload(name, "Ab9_-=")),  // end-5, end-6, end-13
      ("/v2/library/alpine/tags/list", .tags(name)),  // end-8
      ("/v2/library/alpine/referrers/\(digestA)", .referrers(name, digest)),  // end-12
    ]
    for (path, endpoint) in table { #expect(Endpoint.parse(path: path) == .endpoint(endpoint), "\(path)") }
  }

  @Test func `names made of the words of endpoints are read from the right`() throws {
    func name(_ text: String) throws -> RepositoryName { try RepositoryName(parsing: text) }
    let latest = Reference.tag(try Tag(parsing: "latest"))
    let table: [(String, Endpoint)] = [
      ("/v2/manifests/manifests/latest", .manifest(try name("manifests"), latest)),
      ("/v2/a/blobs/uploads/manifests/latest", .manifest(try name("a/blobs/uploads"), latest)),
      ("/v2/a/blobs/uploads/tags/list", .tags(try name("a/blobs/uploads"))),
      ("/v2/a/blobs/uploads/manifests", .upload(try name("a"), "manifests")),
      ("/v2/a/blobs/uploads/uploads", .upload(try name("a"), "uploads")),
      ("/v2/a/manifests/blobs/uploads/", .uploads(try name("a/manifests"))),
      ("/v2/blobs/blobs/uploads", .uploads(try name("blobs"))),
      ("/v2/a/manifests/uploads", .manifest(try name("a"), .tag(try Tag(parsing: "uploads")))),
      ("/v2/tags/list/tags/list", .tags(try name("tags/list"))),
      ("/v2/v2/v2/manifests/latest", .manifest(try name("v2/v2"), latest)),
    ]
    for (path, endpoint) in table { #expect(Endpoint.parse(path: path) == .endpoint(endpoint), "\(path)") }
  }

  @Test(arguments: foreignPaths)
  func `other paths are no endpoint`(_ path: String) {
    #expect(Endpoint.parse(path: path) == .notFound)
  }

  @Test(arguments: brokenPaths)
  func `a part that breaks its grammar is refused with its own code`(_ path: String, _ code: ErrorCode) {
    guard case .invalid(let found, let message) = Endpoint.parse(path: path) else {
      Issue.record("\(path) is not refused")
      return
    }
    #expect(found == code)
    #expect(message.hasSuffix(".") && message.utf8.count < 1024)
  }

  @Test func `reading and printing are inverse`() throws {
    var random = SeededRandom(seed: 31)
    for _ in 0..<2000 {
      let name = try RepositoryName.random(using: &random)
      let digest = try Digest.random(using: &random)
      let session = random.text(of: lowerAlphanumeric + "ABC_=-", count: 1...256)
      let endpoints: [Endpoint] = [
        .base, .catalog, .blob(name, digest), .manifest(name, .digest(digest)),
        .manifest(name, .tag(try Tag.random(using: &random))), .uploads(name), .upload(name, session), .tags(name),
        .referrers(name, digest),
      ]
      for endpoint in endpoints {
        #expect(Endpoint.parse(path: endpoint.path) == .endpoint(endpoint))
        #expect(Endpoint.parse(path: endpoint.path[...]) == .endpoint(endpoint))
        #expect(endpoint.repository == (endpoint == .base || endpoint == .catalog ? nil : name))
      }
    }
  }
}
