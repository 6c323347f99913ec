import TestSupport
import Testing

extension Conformance {
  @Suite("end-7: what a manifest may be")
  struct ManifestShapes {
    let repository = Repository()
    let client = RegistryUnderTest.client

    /// Pushes under digest and tag and reads both back.
    private func roundTrip(_ manifest: Content, sourceLocation: SourceLocation = #_sourceLocation) async throws {
      for reference in [manifest.digest, "shape"] {
        try await repository.push(manifest: manifest, as: reference, sourceLocation: sourceLocation)
        let answer = try await repository.pull(reference)
        #expect(answer.body == manifest.bytes, sourceLocation: sourceLocation)
        #expect(answer.first("Content-Type") == manifest.mediaType, sourceLocation: sourceLocation)
      }
    }

    @Test("end-7: an image without layers")
    func noLayers() async throws {
      try await roundTrip(.image(config: try await repository.push(.uniqueConfig()), layers: []))
    }

    @Test("end-7: an image without a mediaType of its own")
    func noMediaType() async throws {
      let config = try await repository.push(.uniqueConfig())
      let text = #"{"schemaVersion":2,"config":\#(config.descriptor()),"layers":[]}"#
      try await roundTrip(Content(text: text, mediaType: MediaType.image))
    }

    @Test("end-7: an image that names one layer twice")
    func repeatedLayer() async throws {
      let config = try await repository.push(.uniqueConfig())
      let layer = try await repository.push(.unique())
      try await roundTrip(.image(config: config, layers: [layer, layer]))
    }

    @Test("end-7: an artifact with an empty config")
    func artifact() async throws {
      var layer = Content.unique()
      layer.mediaType = "application/vnd.example.sbom.v1"
      try await repository.push(layer)
      let config = try await repository.push(.emptyJSON)
      try await roundTrip(
        .image(config: config, layers: [layer], extra: #""artifactType":"application/vnd.example.sbom.v1""#))
    }

    @Test("end-7: an artifact whose only layer is empty as well")
    func artifactWithoutContent() async throws {
      let empty = try await repository.push(.emptyJSON)
      try await roundTrip(
        .image(config: empty, layers: [empty], extra: #""artifactType":"application/vnd.example.v1""#))
    }

    @Test("end-7: an artifact that is told by its config's type")
    func artifactByConfig() async throws {
      var config = Content.unique()
      config.mediaType = "application/vnd.example.config.v1"
      try await repository.push(config)
      try await roundTrip(.image(config: config, layers: [try await repository.push(.emptyJSON)]))
    }

    @Test("end-7: an index for several platforms")
    func index() async throws {
      let children = [try await repository.pushImage(), try await repository.pushImage()]
      let entries = zip(children, ["amd64", "arm64"]).map {
        $0.descriptor(#""platform":{"os":"linux","architecture":"\#($1)"}"#)
      }
      let list = entries.joined(separator: ",")
      let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.index)","manifests":[\#(list)]}"#
      try await roundTrip(Content(text: text, mediaType: MediaType.index))
    }

    @Test("end-7: an index of indexes")
    func nestedIndex() async throws {
      let inner = Content.index([try await repository.pushImage()])
      try await repository.push(manifest: inner)
      try await roundTrip(.index([inner, inner]))
    }

    @Test("end-7: an index without manifests")
    func emptyIndex() async throws {
      try await repository.push(.unique())
      try await roundTrip(.index([]))
    }

    @Test("end-7: an index of artifacts with an artifactType")
    func artifactIndex() async throws {
      let child = try await repository.pushImage()
      try await roundTrip(.index([child], extra: #""artifactType":"application/vnd.example.v1""#))
    }

    @Test("end-7: embedded data in descriptors")
    func dataField() async throws {
      let config = try await repository.push(.emptyJSON)
      let descriptor = config.descriptor(#""data":"e30=""#)
      let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.image)","config":\#(descriptor),"layers":[]}"#
      try await roundTrip(Content(text: text, mediaType: MediaType.image))
    }

    @Test(
      "end-7: layers that must not be distributed need not be there",
      arguments: [MediaType.nonDistributable, MediaType.foreignLayer])
    func foreignLayers(_ mediaType: String) async throws {
      let config = try await repository.push(.uniqueConfig())
      let present = try await repository.push(.unique())
      let absent = Content.unique(mediaType: mediaType)
      let urls = #""urls":["https://store.example.com/\#(absent.digest)"]"#
      let isDocker = mediaType == MediaType.foreignLayer
      let type = isDocker ? MediaType.dockerImage : MediaType.image
      let text = """
        {"schemaVersion":2,"mediaType":"\(type)","config":\(config.descriptor()),\
        "layers":[\(absent.descriptor(urls)),\(present.descriptor())]}
        """
      try await roundTrip(Content(text: text, mediaType: type))
    }

    @Test("end-7: sha512 throughout")
    func sha512() async throws {
      let child = try await repository.pushImage(.sha512)
      let index = Content.index([child], .sha512)
      try await repository.push(manifest: index)
      #expect(try await repository.pull(index.digest).body == index.bytes)
    }

    @Test("end-7: Docker image schema 2 and its manifest list")
    func docker() async throws {
      var config = Content.uniqueConfig()
      config.mediaType = MediaType.dockerConfig
      try await repository.push(config)
      let layer = try await repository.push(.unique(mediaType: MediaType.dockerLayer))
      let image = Content.image(config: config, layers: [layer], mediaType: MediaType.dockerImage)
      try await roundTrip(image)
      let entry = image.descriptor(#""platform":{"architecture":"amd64","os":"linux"}"#)
      let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.dockerList)","manifests":[\#(entry)]}"#
      try await roundTrip(Content(text: text, mediaType: MediaType.dockerList))
    }

    @Test("end-7: an OCI index of a Docker image")
    func mixed() async throws {
      let config = try await repository.push(.uniqueConfig())
      let image = Content.image(config: config, layers: [], mediaType: MediaType.dockerImage)
      try await repository.push(manifest: image)
      try await roundTrip(.index([image]))
    }

    @Test("end-7: a zstd layer, and annotations with every kind of character")
    func annotations() async throws {
      let config = try await repository.push(.uniqueConfig())
      let layer = try await repository.push(.unique(mediaType: "application/vnd.oci.image.layer.v1.tar+zstd"))
      try await roundTrip(
        .image(config: config, layers: [layer], extra: #""annotations":{"":"","ключ":"\"\\\u0000\ud83d\ude80"}"#))
    }
  }
}
