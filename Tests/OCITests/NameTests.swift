import OCI
import Testing

private let goodNames: [String] = [
  "a", "0", "library/alpine", "a.b", "a_b", "a__b", "a-b", "a----b", "a/b/c/d/e", "x.y_z__1-2/3--4",
  "blobs/uploads", "manifests", "v2", String(repeating: "a", count: 255),
]

private let brokenNames: [String] = [
  "", "/", "/a", "a/", "a//b", "A", "a/B", "-a", "a-", ".a", "a.", "_a", "a_", "a..b", "a___b", "a._b", "a-_b", "a.-b",
  ".",
  "..", "a/../b", "a/./b", "a/.", "a b", "a%2fb", "a\0", "ä", "a:b", "a@b", "a\\b", "_catalog", "a\n", "a/-b", "a-/b",
  String(repeating: "a", count: 256),
]

private let brokenTags: [String] = [
  "", ".", "..", ".a", "-a", "a/b", "a b", "a:b", "a%20", "a+b", "ä", "a\0", "a@b", String(repeating: "a", count: 129),
]

private let brokenReferences: [(String, ParseError.Kind)] = [
  ("", ParseError.Kind.reference), ("sha256:abc", .digest), ("a:b c", .digest), ("md5:abc", .unsupportedAlgorithm),
  ("a/b", .tag), (".a", .tag),
]

private let goodMediaTypes: [(String, String)] = [
  ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.manifest.v1+json"),
  ("Application/JSON", "application/json"), ("text/plain; charset=utf-8", "text/plain"),
  (" application/json ;q=1", "application/json"), ("a/b", "a/b"), ("x/0!#$&-^_.+", "x/0!#$&-^_.+"),
  ("application/" + String(repeating: "a", count: 255), "application/" + String(repeating: "a", count: 255)),
]

private let brokenMediaTypes: [String] = [
  "", "/", "a", "a/", "/b", "a/b/c", "*/*", "application/*", ".a/b", "a/.b", "a b/c", "a/b c", "ä/b", "a/b\0",
  "a/b,c/d", ";",
  "a/" + String(repeating: "a", count: 256), String(repeating: "a", count: 256) + "/a",
]

private let layerTypes: [(String, Bool)] = [
  ("application/vnd.oci.image.layer.nondistributable.v1.tar", true),
  ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true),
  ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true),
  ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
  ("application/vnd.docker.image.rootfs.foreign.diff.tar", true),
  ("application/vnd.oci.image.layer.v1.tar+gzip", false),
  ("application/vnd.docker.image.rootfs.diff.tar.gzip", false),
]

@Suite struct NameTests {
  // [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
  @Test(arguments: goodNames)
  func `a repository name is taken as it is`(_ text: String) throws {
    #expect(try RepositoryName(parsing: text).text == text)
  }

  @Test(arguments: brokenNames)
  func `any other repository name is refused`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try RepositoryName(parsing: text) }?.kind == .repositoryName)
  }

  @Test(arguments: [("alpine", "alpine"), ("library/alpine", "library"), ("a/b/c", "a")])
  func `the namespace is the first component`(_ text: String, _ namespace: String) throws {
    #expect(try RepositoryName(parsing: text).namespace == namespace)
  }

  // [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}
  @Test(arguments: ["latest", "_", "1", "v1.2.3", "A-b_c.D", "a..", "a-", String(repeating: "a", count: 128)])
  func `a tag is taken as it is`(_ text: String) throws {
    #expect(try Tag(parsing: text).text == text)
    #expect(try Reference(parsing: text) == .tag(try Tag(parsing: text)))
  }

  @Test(arguments: brokenTags)
  func `any other tag is refused`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try Tag(parsing: text) }?.kind == .tag)
  }

  @Test func `tags sort by their bytes`() throws {
    // ASCII: '-' '.' digits, capitals, '_', small letters
    let sorted = try ["0", "1-0", "1.0", "10", "9", "A", "Z", "_", "a", "a-", "a.", "a0", "aA", "a_", "aa", "b"]
      .map { try Tag(parsing: $0) }
    var random = SeededRandom(seed: 21)
    #expect(sorted.shuffled(using: &random).sorted() == sorted)
  }

  // "<reference> MUST be either (a) the digest of the manifest or (b) a tag"
  @Test(arguments: brokenReferences)
  func `a reference is refused as what it looks like`(_ text: String, _ kind: ParseError.Kind) {
    #expect(refusal { () throws(ParseError) in try Reference(parsing: text) }?.kind == kind)
  }

  @Test func `reading and printing are inverse`() throws {
    var random = SeededRandom(seed: 22)
    for _ in 0..<1000 {
      let name = try RepositoryName.random(using: &random)
      #expect(try RepositoryName(parsing: name.description) == name)
      let tag = try Reference.tag(Tag.random(using: &random))
      #expect(try Reference(parsing: tag.description) == tag)
      let digest = try Reference.digest(Digest.random(using: &random))
      #expect(try Reference(parsing: digest.description) == digest)
    }
  }

  @Test func `a message repeats only a little of what the client sent, and nothing that moves a cursor`() throws {
    let hostile = "\u{1b}[2J\r\n\"ä" + String(repeating: "x", count: 100_000)
    let error = try #require(refusal { () throws(ParseError) in try RepositoryName(parsing: hostile) })
    #expect(error.message.utf8.count < 500)
    let other = try #require(refusal { () throws(ParseError) in try Tag(parsing: hostile) })
    #expect(other.message.contains(#""\u{1B}[2J\r\n\"\u{00E4}xxx"#), "\(other.message)")
    #expect(other.message.unicodeScalars.allSatisfy { $0 == "…" || (" "..."~").contains($0) })
  }
}

@Suite struct MediaTypeTests {
  @Test(arguments: goodMediaTypes)
  func `a media type is read without parameters and in lower case`(_ text: String, _ expected: String) throws {
    #expect(try MediaType(parsing: text).text == expected)
  }

  // RFC 6838, 4.2: restricted-name = restricted-name-first *126restricted-name-chars
  @Test(arguments: brokenMediaTypes)
  func `anything else is no media type`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try MediaType(parsing: text) }?.kind == .mediaType)
  }

  @Test func `the types say what they are of`() throws {
    let images: [MediaType] = [.ociManifest, .dockerManifest]
    let indexes: [MediaType] = [.ociIndex, .dockerManifestList]
    let old: [MediaType] = [.dockerSchema1, .dockerSchema1Signed]
    let others: [MediaType] = [.ociConfig, .dockerConfig, .emptyJSON, .octetStream, .json]
    for type in images + indexes + old + others {
      #expect(type.isManifest == images.contains(type))
      #expect(type.isIndex == indexes.contains(type))
      #expect(type.isSchema1 == old.contains(type))
      #expect(try MediaType(parsing: type.text) == type)
    }
  }

  @Test(arguments: layerTypes)
  func `layers that are not distributed are known`(_ text: String, _ expected: Bool) throws {
    #expect(try MediaType(parsing: text).isNonDistributableLayer == expected)
  }
}
