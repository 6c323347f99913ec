import OCI
import Testing

/// Whatever bytes arrive, a parser answers with a value or an error, and a value it gives prints as itself.
@Suite struct MutationTests {
  private static let seeds: [String] = [
    "/v2/library/alpine/manifests/\(digestA)", "/v2/a/blobs/uploads/0123456789abcdef", "/v2/a/b/c/tags/list",
    "/v2/_catalog",
    "/v2/a/referrers/\(longDigest)", digestA, longDigest, "library/a.b_c__d--e", "v1.2.3-rc.1_x", "bytes=0-1023",
    "bytes 0-1023/2048", "application/vnd.oci.image.manifest.v1+json; a=b", "n=10&last=a%2Fb&digest=sha256%3Aab+c",
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#
      + #""config":{"mediaType":"a/b","digest":"\#(digestA)","size":2},"#
      + #""layers":[{"mediaType":"a/b","digest":"\#(digestB)","size":12,"urls":["\u0041\ud83d\ude00"]}],"#
      + #""annotations":{"a":"ä"}}"#,
    #"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"\#(digestA)","size":10,"#
      + #""platform":{"os":"linux","architecture":"arm"}}]}"#,
    #"[null,true,false,-1.5e+10,"\"\\\/\b\f\n\r\t\u00e4",{},[]]"#,
  ]

  @Test(arguments: [UInt64(1), 2, 3, 4]) func `mutated bytes never stop a parser`(_ seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<1500 {
      var bytes = Array(Self.seeds[Int.random(in: Self.seeds.indices, using: &random)].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, using: &random) }
      check(bytes)
    }
  }

  @Test func `bytes of pure chance never stop a parser`() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<1500 {
      check((0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test func `every beginning of a text is read or refused`() {
    for seed in Self.seeds {
      let bytes = Array(seed.utf8)
      for count in 0...bytes.count { check(Array(bytes.prefix(count))) }
    }
  }

  private func mutate(_ bytes: inout [UInt8], using random: inout SeededRandom) {
    let at = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &random)
    // Bytes that mean something to one of the grammars are met far more often than by chance.
    let telling = Array("/:._-%=&\"\\{}[],+e0\u{0}\u{7f}ä/../".utf8)
    switch Int.random(in: 0..<6, using: &random) {
    case 0 where !bytes.isEmpty: bytes[at] = UInt8.random(in: 0...255, using: &random)
    case 1 where !bytes.isEmpty: bytes[at] = telling[Int.random(in: telling.indices, using: &random)]
    case 2 where !bytes.isEmpty: bytes.remove(at: at)
    case 3 where !bytes.isEmpty: bytes.removeSubrange(at..<min(bytes.count, at + 9))
    case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 40)], at: at)
    default: bytes.insert(telling[Int.random(in: telling.indices, using: &random)], at: at)
    }
  }

  private func check(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { raw in
      if let digest = try? Digest(parsingUTF8: raw) { #expect(Array(digest.description.utf8) == bytes) }
      if let name = try? RepositoryName(parsingUTF8: raw) { #expect(Array(name.text.utf8) == bytes) }
      if let tag = try? Tag(parsingUTF8: raw) { #expect(Array(tag.text.utf8) == bytes) }
      if let reference = try? Reference(parsingUTF8: raw) { #expect(Array(reference.description.utf8) == bytes) }
      if case .endpoint(let endpoint) = Endpoint.parse(utf8: raw) {
        #expect(Endpoint.parse(path: endpoint.path) == .endpoint(endpoint))
        #expect(["", "/"].contains { Array(endpoint.path.utf8) == bytes + $0.utf8 })
      }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if let type = try? MediaType(parsing: text) { #expect((try? MediaType(parsing: type.text)) == type) }
    if let range = try? ContentRange(parsing: text) { #expect(range.first <= range.last && range.count > 0) }
    if let range = RangeRequest.parse(header: text)?.resolve(size: 1000) { #expect(range.last < 1000) }
    if let query = try? Query(parsing: text) { #expect(query.parameters.count <= Query.parameterLimit) }
    if let value = try? json(bytes) { #expect((try? json(value.bytes)) == value) }
    for type in [nil, MediaType.ociIndex] {
      if let manifest = try? manifest(bytes, type) {
        #expect(
          manifest.requiredBlobs.count + manifest.requiredManifests.count <= manifest.layers.count
            + manifest.manifests.count + 1)
      }
    }
  }
}
