/// A small blob and its name.
struct SmallBlob: Sendable {
  let bytes: [UInt8]
  let digest: String

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    digest = sha256Digest(of: bytes)
  }
}

/// A small image: a configuration of about 600 bytes, a layer of 4 KiB, a manifest. No two are alike.
struct Artifact: Sendable {
  let repository: String
  let tag: String
  let config: SmallBlob
  let layer: SmallBlob
  let manifest: [UInt8]

  /// - Parameters:
  ///   - serial: tells this artifact from all others of the same `series`.
  ///   - layer: in place of one of random bytes.
  init(series: String, serial: Int, repository: String, layer given: SmallBlob? = nil) {
    var random = RandomBytes(seed: UInt64(serial) &* 2_654_435_761 &+ sum(series))
    self.repository = repository
    tag = "v\(serial)"
    layer = given ?? SmallBlob(random.bytes(4096))
    let note = String(repeating: "x", count: 400)
    config = SmallBlob(
      Array(
        """
        {"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","config":{"Labels":{"serial":"\(series)-\
        \(serial)","note":"\(note)"}},"rootfs":{"type":"layers","diff_ids":["\(layer.digest)"]}}
        """.utf8))
    manifest = imageManifest(config: config, layers: [layer])
  }
}

private func sum(_ text: String) -> UInt64 {
  text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
}

let manifestType = "application/vnd.oci.image.manifest.v1+json"

/// What a client says that it understands.
let acceptHeader = "Accept: \(manifestType), application/vnd.oci.image.index.v1+json"

/// An OCI image manifest.
///
/// - Parameter note: the value of an annotation, to make manifests over the same blobs distinct.
func imageManifest(config: SmallBlob, layers: [SmallBlob], note: String? = nil) -> [UInt8] {
  let layerTexts = layers.map { layer in
    """
    {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(layer.digest)","size":\(layer.bytes.count)}
    """
  }
  let annotations = note.map { #","annotations":{"org.opencontainers.image.version":"\#($0)"}"# } ?? ""
  return Array(
    """
    {"schemaVersion":2,"mediaType":"\(manifestType)","config":{"mediaType":\
    "application/vnd.oci.image.config.v1+json","digest":"\(config.digest)","size":\(config.bytes.count)},\
    "layers":[\(layerTexts.joined(separator: ","))]\(annotations)}
    """.utf8)
}
