import OCI
import Testing

private let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

private func descriptor(_ digest: String, _ type: String = layerType, _ more: String = "") -> String {
  #"{"mediaType":"\#(type)","digest":"\#(digest)","size":7\#(more)}"#
}

private let config = descriptor(digestC, "application/vnd.oci.image.config.v1+json")
private let child = descriptor(digestA, "application/vnd.oci.image.manifest.v1+json")

/// An image manifest; `more` is put in front of its fields.
private func image(_ more: String = "", layers: String = descriptor(digestA)) -> String {
  #"{"schemaVersion":2,\#(more)"config":\#(config),"layers":[\#(layers)]}"#
}

private func index(_ more: String = "", manifests: String = child) -> String {
  #"{"schemaVersion":2,\#(more)"manifests":[\#(manifests)]}"#
}

private func typed(_ type: MediaType) -> String { #""mediaType":"\#(type.text)","# }

/// Bodies that must be refused, with the kind and a word of the reason.
private let brokenManifests: [(String, ParseError.Kind, String)] = [
  ("", .json, "byte 0"), ("{", .json, ""), ("[]", .manifest, "not a JSON object"), ("{}", .manifest, "schemaVersion"),
  (#"{"schemaVersion":2}"#, .manifest, "neither"), (#"{"schemaVersion":"2"}"#, .manifest, "not 2"),
  (#"{"schemaVersion":3,"layers":[]}"#, .manifest, "not 2"),
  (#"{"schemaVersion":2.0,"layers":[]}"#, .manifest, "not 2"),
  // schema 1
  (#"{"schemaVersion":1,"fsLayers":[]}"#, .manifest, "skopeo"), (image(#""fsLayers":[],"#), .manifest, "skopeo"),
  (image(typed(.dockerSchema1Signed)), .manifest, "Docker 1.10"),
  // "manifest.md: config, layers REQUIRED", "image-index.md: manifests REQUIRED"
  (#"{"schemaVersion":2,"layers":[]}"#, .manifest, "config is missing"),
  (#"{"schemaVersion":2,"config":\#(config)}"#, .manifest, "layers is missing"),
  (#"{"schemaVersion":2,"config":null,"layers":[]}"#, .manifest, "config is missing"),
  ("{\(typed(.ociIndex))\"schemaVersion\":2}", .manifest, "manifests is missing"),
  ("{\(typed(.ociManifest))\"schemaVersion\":2}", .manifest, "config is missing"),
  // CVE-2021-41190: one document, two readings
  (image(#""manifests":[],"#), .manifest, "config"),
  (image(typed(.ociManifest) + #""manifests":[],"#), .manifest, "manifests"),
  (index(typed(.ociIndex) + #""layers":[],"#), .manifest, "layers"),
  (index(typed(.dockerManifestList) + #""config":{},"#), .manifest, "config"),
  (image(typed(.ociIndex)), .manifest, "config"), (index(typed(.ociManifest)), .manifest, "manifests"),
  (image(#""Manifests":[],"#), .manifest, "spelled"), (image(#""LAYERS":[],"#), .manifest, "spelled"),
  (image(#""layer\u017f":[],"#), .manifest, "spelled"), (image(#""mediatype":"a/b","#), .manifest, "spelled"),
  (image(#""layers":[],"#), .manifest, "twice"), (image(#""x":1,"x":2,"#), .manifest, "twice"),
  (image(layers: #"{"digest":"\#(digestB)",\#(descriptor(digestA).dropFirst())"#), .manifest, "twice"),
  // descriptors
  (image(layers: "1"), .manifest, "layers[0]"), (image(layers: "{}"), .manifest, "layers[0].mediaType"),
  (image(layers: descriptor(digestA) + ",{}"), .manifest, "layers[1].mediaType"),
  (image(layers: descriptor("sha256:abc")), .digest, "layers[0].digest"),
  (image(layers: descriptor("blake3:abc")), .unsupportedAlgorithm, "layers[0].digest"),
  (image(layers: descriptor(digestA, "nothing")), .mediaType, "layers[0].mediaType"),
  (image(layers: #"{"mediaType":"a/b","digest":"\#(digestA)"}"#), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":-1")), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":7.5")), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":7e0")), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":\"7\"")), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":9007199254740992")), .manifest, "size"),
  (image(layers: descriptor(digestA).replacing(":7", with: ":18446744073709551616")), .manifest, "size"),
  (image(layers: descriptor(digestA, layerType, #","urls":"x""#)), .manifest, "layers[0].urls"),
  (image(layers: descriptor(digestA, layerType, #","urls":[1]"#)), .manifest, "layers[0].urls"),
  (image(layers: descriptor(digestA, layerType, #","annotations":{"a":1}"#)), .manifest, "layers[0].annotations"),
  (image(layers: descriptor(digestA, layerType, #","annotations":{"a":"","a":""}"#)), .manifest, "twice"),
  (index(manifests: descriptor(digestA, layerType, #","platform":"linux""#)), .manifest, "manifests[0].platform"),
  (index(manifests: descriptor(digestA, layerType, #","platform":{"os":1}"#)), .manifest, "manifests[0].platform.os"),
  (image(#""subject":"x","#), .manifest, "subject"), (image(#""subject":{},"#), .manifest, "subject.mediaType"),
  (image(#""annotations":[],"#), .manifest, "annotations"),
  (image(#""artifactType":"x","#), .mediaType, "artifactType"),
  (image(#""artifactType":1,"#), .manifest, "artifactType"), (image(#""mediaType":"","#), .mediaType, "mediaType"),
  (image(#""mediaType":"application/json","#), .manifest, "Accepted are"),
]

@Suite struct ManifestTests {
  @Test func `an image manifest says what it needs, each once and in order`() throws {
    let layers = [
      descriptor(digestB), descriptor(digestA), descriptor(digestB),
      descriptor(
        "sha256:" + String(repeating: "d", count: 64), "application/vnd.oci.image.layer.nondistributable.v1.tar"),
      descriptor("sha256:" + String(repeating: "e", count: 64), layerType, #","urls":["https://example.org/x"]"#),
      descriptor(longDigest, layerType, #","urls":[]"#),
    ].joined(separator: ",")
    let value = try manifest(image(layers: layers), .ociManifest)
    #expect(value.kind == .image && value.mediaType == .ociManifest && value.artifactType == .ociConfig)
    #expect(value.layers.count == 6 && value.manifests.isEmpty && value.requiredManifests.isEmpty)
    #expect(value.requiredBlobs.map(\.digest.description) == [digestC, digestB, digestA, longDigest])
    #expect(value.config?.size == 7)
  }

  @Test func `an index says what it needs`() throws {
    // "An encountered mediaType that is unknown to the implementation MUST NOT generate an error."
    let children = [child, child, descriptor(digestB, MediaType.dockerManifestList.text), descriptor(digestC)]
    let value = try manifest(index(manifests: children.joined(separator: ",")))
    #expect(value.kind == .index && value.mediaType == .ociIndex && value.artifactType == nil && value.config == nil)
    #expect(value.requiredManifests.map(\.digest.description) == [digestA, digestB])
    #expect(value.requiredBlobs.map(\.digest.description) == [digestC])
  }

  @Test func `all fields of a descriptor are read, and written again`() throws {
    let platform = #"{"architecture":"arm64","os":"linux","os.version":"1","os.features":["f"],"variant":"v8"}"#
    let more = #","urls":["u"],"annotations":{"a":"2","b":"1"},"artifactType":"a/b","platform":\#(platform)"#
    let text = descriptor(longDigest, MediaType.ociManifest.text, more)
    let read = try #require(try manifest(index(manifests: text)).manifests.first)
    #expect(
      read
        == Descriptor(
          mediaType: .ociManifest, digest: try Digest(parsing: longDigest), size: 7, urls: ["u"],
          annotations: ["b": "1", "a": "2"], artifactType: try MediaType(parsing: "a/b"),
          platform: Platform(architecture: "arm64", os: "linux", osVersion: "1", osFeatures: ["f"], variant: "v8")))
    #expect(read.json.text == text)
    let withData = descriptor(digestA, MediaType.ociManifest.text, #","data":"AAAA""#)
    #expect(try manifest(index(manifests: withData)).manifests.first?.hasData == true)
  }

  @Test func `the media type may stand in the body, in the header, in both or in neither`() throws {
    for type in MediaType.pushable {
      let bare = type.isIndex ? index() : image()
      let full = type.isIndex ? index(typed(type)) : image(typed(type))
      #expect(try manifest(full, type).mediaType == type)
      #expect(try manifest(full).mediaType == type)
      #expect(try manifest(bare, type).mediaType == type)
    }
    #expect(try manifest(image()).mediaType == .ociManifest)
    #expect(try manifest(index()).mediaType == .ociIndex)
  }

  // "If a manifest includes a mediaType field, clients MUST set the Content-Type header to the value specified by the
  // mediaType field." (distribution-spec)
  @Test func `header and body must agree`() {
    let error = refusal { () throws(ParseError) in try manifest(image(typed(.ociManifest)), .dockerManifest) }
    #expect(error?.message.contains("must be the same") == true)
    for type in [MediaType.octetStream, .json, .ociConfig] {
      let error = refusal { () throws(ParseError) in try manifest(image(typed(.ociManifest)), type) }
      #expect(MediaType.pushable.allSatisfy { error?.message.contains($0.text) == true })
    }
    for type in [MediaType.dockerSchema1, .dockerSchema1Signed] {
      let error = refusal { () throws(ParseError) in try manifest(#"{"schemaVersion":1}"#, type) }
      #expect(error?.message.contains("skopeo") == true)
    }
    #expect(refusal { () throws(ParseError) in try manifest(image(), .ociIndex) }?.kind == .manifest)
    #expect(refusal { () throws(ParseError) in try manifest(index(), .dockerManifest) }?.kind == .manifest)
  }

  @Test(arguments: brokenManifests)
  func `what has no single meaning is refused, and the place is named`(
    _ body: String, _ kind: ParseError.Kind, _ word: String
  ) throws {
    let error = try #require(refusal { () throws(ParseError) in try manifest(body) })
    #expect(error.kind == kind, "\(error)")
    #expect(error.message.contains(word), "\(error)")
  }

  @Test func `artifacts of any type pass, with or without layers`() throws {
    let body = image(
      #""artifactType":"application/vnd.example+type","subject":\#(child),"annotations":{"b":"1","a":"2"},"#, layers: ""
    )
    let value = try manifest(body)
    #expect(value.artifactType?.text == "application/vnd.example+type" && value.layers.isEmpty)
    #expect(value.subject?.digest.description == digestA)
    #expect(
      value.annotations.map(\.key) == ["a", "b"] && value.annotations["a"] == "2" && value.annotations["c"] == nil)
    #expect(value.requiredBlobs.map(\.digest.description) == [digestC], "a subject need not exist")
    #expect(try manifest(index(#""artifactType":"a/b","#)).artifactType?.text == "a/b")
  }

  @Test func `what Go writes for empty values is taken as absent`() throws {
    let nulls = #""manifests":null,"subject":null,"annotations":null,"artifactType":"""#
    let value = try manifest(#"{"schemaVersion":2,"config":\#(config),"layers":null,\#(nulls)}"#)
    #expect(value.kind == .image && value.layers.isEmpty && value.subject == nil && value.artifactType == .ociConfig)
    #expect(
      try manifest(#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex.text)","manifests":null}"#).kind == .index)
    #expect(try manifest(image(#""unknown":{"a":[1]},"#)).kind == .image)
  }

  @Test func `the largest size is read exactly`() throws {
    let text = image(layers: descriptor(digestA).replacing(":7", with: ":9007199254740991"))
    #expect(try manifest(text).layers.first?.size == Descriptor.sizeLimitBytes)
  }

  @Test func `size and counts are limited`() throws {
    func list(_ entry: String, _ count: Int) -> String { Array(repeating: entry, count: count).joined(separator: ",") }
    let short = #"{"mediaType":"a/b","digest":"\#(digestA)","size":1}"#
    #expect(try manifest(image(layers: list(short, Manifest.layerLimit))).requiredBlobs.count == 2)
    #expect(
      refusal { () throws(ParseError) in try manifest(image(layers: list(short, Manifest.layerLimit + 1))) } != nil)
    #expect(try manifest(index(manifests: list(short, Manifest.indexEntryLimit))).requiredBlobs.count == 1)
    #expect(
      refusal { () throws(ParseError) in try manifest(index(manifests: list(short, Manifest.indexEntryLimit + 1))) }
        != nil)
    let body = Array(image().utf8)
    let padding = [UInt8](repeating: 0x20, count: Manifest.sizeLimitBytes - body.count)
    #expect(try manifest(body + padding).kind == .image)
    #expect(refusal { () throws(ParseError) in try manifest(body + padding + [0x20]) }?.kind == .manifest)
  }
}
