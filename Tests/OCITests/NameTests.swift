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

private let referrersTags: [(String, String?)] = [
  ("sha256-" + hex64, "sha256:" + hex64), ("sha512-" + hex64, "sha512:" + hex64), ("sha256-" + hex64 + ".sig", nil),
  ("sha256-" + hex64.uppercased(), nil), ("sha256-" + hex64.dropLast(), nil), ("sha256_" + hex64, nil),
  ("sha384-" + hex64, nil), ("sha256-" + hex64.dropLast() + "-", nil), ("latest", nil),
]

private let hex64 = String(repeating: "0123456789abcdef", count: 4)

@Suite struct NameTests {
  // distribution-spec, "Referrers Tag Schema"
  @Test(arguments: referrersTags)
  func `a referrers tag names its subject as far as it holds the hash`(_ text: String, _ prefix: String?) throws {
    #expect(ReferrersTag(try Tag(parsing: text))?.digestPrefix == prefix)
  }

  // cosign's "Signature Spec", "Storage"
  @Test(arguments: [
    ("sha256-" + hex64, true), ("sha256-" + hex64 + ".sig", true), ("sha256-" + hex64 + ".att.1", true),
    ("sha256-" + hex64 + ".", false), ("sha256-" + hex64 + "x", false), ("sha512-" + hex64 + ".sig", false),
    ("sha256-" + hex64.uppercased() + ".sig", false), ("v1.sig", false), ("latest", false),
  ])
  func `a tag that is made of a digest belongs to that manifest`(_ text: String, _ belongs: Bool) throws {
    #expect(ReferrersTag.subject(of: try Tag(parsing: text))?.description == (belongs ? "sha256:" + hex64 : nil))
  }

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

@Suite struct `Versions and patterns of tags` {
  /// In the order of their precedence: semver.org, item 11, and around it.
  static let ordered = [
    "0.0.1", "0.1.0", "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-0", "2.0.0-1", "2.0.0-a", "2.0.0-a-b",
    "2.0.0", "10.0.0",
  ]

  @Test func `are ordered as the specification says, by key and by comparison`() throws {
    let versions = try Self.ordered.map { try #require(SemanticVersion(parsing: $0), "\($0)") }
    for (index, left) in versions.enumerated() {
      for (other, right) in versions.enumerated() {
        #expect((left < right) == (index < other), "\(left) and \(right)")
        #expect(left.key.utf8.lexicographicallyPrecedes(right.key.utf8) == (index < other), "\(left) and \(right)")
      }
      #expect(left.description == Self.ordered[index])
    }
    #expect(SemanticVersion(parsing: "v1.2.3")?.key == SemanticVersion(parsing: "1.2.3+build.7")?.key)
  }

  @Test(arguments: [
    "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+", "a.b.c", "", "v", "1.2.x",
    "1.2.99999999999999999999",
  ])
  func `that are none are none`(_ text: String) { #expect(SemanticVersion(parsing: text) == nil) }

  @Test(arguments: [
    (["v*"], "v1", true), (["v*"], "1", false), (["semver"], "1.2.3", true), (["semver"], "v1.2.3-rc.1", true),
    (["semver"], "1.2", false), (["!latest"], "1", true), (["!latest"], "latest", false),
    (["*", "!v*", "!latest"], "v1", false), (["a", "b*"], "bc", true),
  ])
  func `take what they say`(_ texts: [String], _ tag: String, _ takes: Bool) throws {
    #expect(try TagSelector(parsing: texts).takes(try OCI.Tag(parsing: tag)) == takes)
  }

  @Test(arguments: [[], [""], ["a b"], ["a/b"], ["!"], ["*********"]])
  func `that could take nothing are refused`(_ texts: [String]) {
    #expect(throws: ParseError.self) { try TagSelector(parsing: texts) }
  }

  @Test(arguments: [
    ("2", "2.0.0", true), ("2", "2.9.1", true), ("2", "20.0.0", false), ("2.1", "2.1.7", true), ("2.x", "2.5.0", true),
    ("2.1", "2.10.0", false), (">=2.1 <3", "2.1.0", true), (">=2.1, <3", "3.0.0", false),
    (">=2.1 <3", "3.0.0-rc.1", false),
    (">2", "2.9.0", false), (">2", "3.0.0", true), ("<=2", "2.9.0", true), ("=1.2.3", "1.2.3", true),
    ("1.2.3", "1.2.4", false), ("<2.0.0", "2.0.0-rc.1", true),
    (">=v2.1", "2.1.7", true), ("v2", "3.0.0", false),
  ])
  func `are in a range or are not`(_ range: String, _ version: String, _ isIn: Bool) throws {
    let version = try #require(SemanticVersion(parsing: version))
    #expect(try VersionRange(parsing: range).contains(version) == isIn)
  }

  @Test(arguments: ["", "a", "~1", ">=", "1.2.3.4", "<>1", "v", "vv1"])
  func `whose range is none are told`(_ text: String) {
    #expect(throws: ParseError.self) { try VersionRange(parsing: text) }
  }
}
