import TestSupport
import Testing

extension Conformance {
  @Suite("end-3: pulling manifests")
  struct ManifestPull {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-3: GET by tag and by digest provides the bytes that were pushed", arguments: Algorithm.allCases)
    func get(_ algorithm: Algorithm) async throws {
      let image = try await repository.pushImage(algorithm)
      try await repository.push(manifest: image, as: "v1")
      let byDigest = try await repository.pull(image.digest)
      #expect(byDigest.status == 200)
      #expect(byDigest.body == image.bytes)
      #expect(byDigest.first("Content-Type") == MediaType.image)
      #expect(byDigest.first("Content-Length") == "\(image.bytes.count)")
      #expect(byDigest.first("Docker-Content-Digest") == image.digest)
      let byTag = try await repository.pull("v1")
      #expect(byTag.status == 200)
      #expect(byTag.body == image.bytes)
      #expect(byTag.first("Docker-Content-Digest") == Algorithm.sha256.digest(of: image.bytes))
    }

    @Test("end-3: HEAD by tag and by digest tells type, length and digest and has no body")
    func head() async throws {
      let image = try await repository.pushImage(tag: "v1")
      for reference in ["v1", image.digest] {
        let answer = try await repository.pull(reference, "HEAD")
        #expect(answer.status == 200)
        #expect(answer.first("Content-Type") == MediaType.image)
        #expect(answer.first("Content-Length") == "\(image.bytes.count)")
        #expect(answer.first("Docker-Content-Digest") == image.digest)
      }
    }

    @Test("end-3: the manifest is kept byte for byte, also its white space and unknown members")
    func exactBytes() async throws {
      let config = try await repository.push(.uniqueConfig())
      let text = """
        {\t"schemaVersion": 2, "mediaType":"\(MediaType.image)",
          "unknown": {"deep": [1, 2.50, null, "ü\\u00fc"]}, "newUnspecifiedField": null,
          "config": \(config.descriptor(#""newUnspecifiedField":null"#)), "layers": [] }\r\n

        """
      let manifest = Content(text: text, mediaType: MediaType.image)
      try await repository.push(manifest: manifest, as: "odd")
      #expect(try await repository.pull("odd").body == manifest.bytes)
    }

    @Test("end-3: a missing tag or digest answers 404 MANIFEST_UNKNOWN to GET and 404 to HEAD")
    func missing() async throws {
      _ = try await repository.pushImage(tag: "v1")
      for reference in ["missing", Content.unique().digest, Content.unique(.sha512).digest] {
        expectError(try await repository.pull(reference), [404], ["MANIFEST_UNKNOWN"])
        #expect(try await repository.pull(reference, "HEAD").status == 404)
      }
    }

    @Test("end-3: pulling from a repository that does not exist answers 404")
    func missingRepository() async throws {
      let answer = try await client("GET", Repository().manifest("v1"))
      expectError(answer, [404], ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"])
    }

    @Test(
      "end-3: a reference that cannot be a tag is not there: 404",
      arguments: [".INVALID_MANIFEST_NAME", "-v1", String(repeating: "t", count: 129)])
    func invalidTag(_ reference: String) async throws {
      _ = try await repository.pushImage(tag: "v1")
      #expect(try await repository.pull(reference).status == 404)
      #expect(try await repository.pull(reference, "HEAD").status == 404)
    }

    @Test(
      "end-3: a malformed digest answers 400 or 404 in the error envelope",
      arguments: ["sha256:baddigeststring", "sha256:totallywrong", "md5:d41d8cd98f00b204e9800998ecf8427e"])
    func malformedDigest(_ reference: String) async throws {
      _ = try await repository.pushImage(tag: "v1")
      let answer = try await client("GET", repository.manifest(reference), body: .text("blablabla"))
      expectError(answer, [400, 404], ["DIGEST_INVALID", "MANIFEST_UNKNOWN", "MANIFEST_INVALID", "UNSUPPORTED"])
    }

    @Test(
      "end-3: a manifest is served as it was pushed, whatever the client accepts",
      arguments: [
        nil, "*/*", "application/*", MediaType.image, MediaType.dockerImage,
        "\(MediaType.index), \(MediaType.image);q=0.5",
        "text/html", ";;;", "",
      ] as [String?])
    func accept(_ accept: String?) async throws {
      let image = try await repository.pushImage(tag: "v1")
      let fields = accept.map { [RawField("Accept", $0)] } ?? []
      let answer = try await client.send(RawRequest("GET", repository.manifest("v1"), fields))
      #expect(answer.status == 200)
      #expect(answer.first("Content-Type") == MediaType.image)
      #expect(answer.body == image.bytes)
    }

    @Test("end-3: several Accept lines are one list")
    func acceptLines() async throws {
      let image = try await repository.pushImage(tag: "v1")
      let index = Content.index([image])
      try await repository.push(manifest: index, as: "all")
      let answer = try await client(
        "GET", repository.manifest("all"), ["Accept": MediaType.index, "Accept": MediaType.image])
      #expect(answer.first("Content-Type") == MediaType.index)
      #expect(answer.body == index.bytes)
    }

    @Test("end-3: If-None-Match answers 304 until the tag moves")
    func notModified() async throws {
      _ = try await repository.pushImage(tag: "v1")
      let tag = try #require(try await repository.pull("v1", "HEAD").first("ETag"))
      for method in ["GET", "HEAD"] {
        #expect(try await client(method, repository.manifest("v1"), ["If-None-Match": tag]).status == 304)
      }
      let second = try await repository.pushImage(tag: "v1")
      let answer = try await client("GET", repository.manifest("v1"), ["If-None-Match": tag])
      #expect(answer.status == 200)
      #expect(answer.body == second.bytes)
    }

    @Test("end-3: a manifest is not a blob of the API, and a blob is not a manifest")
    func endpointsDoNotMix() async throws {
      let image = try await repository.pushImage()
      let blob = try await repository.push(.unique())
      #expect(try await repository.pull(blob.digest).status == 404)
      // Clients may ask for a manifest's bytes as a blob; an answer must then be the right bytes.
      let answer = try await client("GET", repository.blob(image.digest))
      #expect(answer.status == 404 || answer.body == image.bytes)
    }

    @Test("end-3: the ns parameter of proxies does not disturb a pull")
    func namespaceParameter() async throws {
      _ = try await repository.pushImage(tag: "v1")
      #expect(try await client("GET", repository.manifest("v1") + "?ns=docker.io").status == 200)
    }
  }
}
