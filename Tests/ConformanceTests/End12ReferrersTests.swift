import TestSupport
import Testing

extension Conformance {
  @Suite("end-12: listing referrers")
  struct Referrers {
    let repository = Repository()
    let client = RegistryUnderTest.client
    static let sbom = "application/vnd.example.sbom.v1"
    static let signature = "application/vnd.example.signature.v1+json"

    private func list(
      _ digest: String, _ query: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (list: ReferrersList, answer: RawResponse) {
      let answer = try await client("GET", repository.referrers(digest) + query)
      try #require(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
      #expect(answer.first("Content-Type") == MediaType.index, sourceLocation: sourceLocation)
      let list = try answer.decoded(ReferrersList.self)
      #expect(list.schemaVersion == 2, sourceLocation: sourceLocation)
      #expect(list.mediaType == MediaType.index, sourceLocation: sourceLocation)
      return (list, answer)
    }

    /// An artifact that refers to `subject`; it is pushed.
    private func attach(_ artifactType: String, to subject: Content, note: String) async throws -> Content {
      let config = try await repository.push(.emptyJSON)
      let layer = try await repository.push(.unique(mediaType: artifactType))
      let extra = #""artifactType":"\#(artifactType)","annotations":{"note":"\#(note)"},\#(subject.asSubject)"#
      let artifact = Content.image(config: config, layers: [layer], extra: extra)
      let answer = try await repository.push(manifest: artifact)
      #expect(answer.first("OCI-Subject") == subject.digest)
      return artifact
    }

    @Test(
      "end-12a: nothing refers to an unknown digest, even in a repository that does not exist",
      arguments: Algorithm.allCases)
    func none(_ algorithm: Algorithm) async throws {
      #expect(try await list(Content.unique(algorithm).digest).list.manifests.isEmpty)
      try await repository.push(.unique())
      #expect(try await list(Content.unique(algorithm).digest).list.manifests.isEmpty)
    }

    @Test("end-12a: an invalid digest answers 400", arguments: ["sha256:abc", "latest", "sha256:", "md5:00"])
    func invalid(_ digest: String) async throws {
      try await repository.push(.unique())
      expectError(try await client("GET", repository.referrers(digest)), [400], ["DIGEST_INVALID", "UNSUPPORTED"])
    }

    @Test("end-12a: each referrer is listed with type, size, artifactType and annotations, pushed before or after")
    func listed() async throws {
      let image = try await repository.pushParts()
      let before = try await attach(Self.sbom, to: image, note: "before")
      try await repository.push(manifest: image, as: "v1")
      let after = try await attach(Self.signature, to: image, note: "after")
      let found = try await list(image.digest).list.manifests
      #expect(Set(found.map(\.digest)) == [before.digest, after.digest])
      #expect(found.count == 2)
      let entry = try #require(found.first { $0.digest == before.digest })
      #expect(entry.mediaType == MediaType.image)
      #expect(entry.size == before.bytes.count)
      #expect(entry.artifactType == Self.sbom)
      #expect(entry.annotations == ["note": "before"])
    }

    @Test("end-12a: without an artifactType the type of the config counts")
    func configType() async throws {
      let image = try await repository.pushImage()
      let config = try await repository.push(.unique(mediaType: "application/vnd.example.config.v1"))
      try await repository.push(manifest: .image(config: config, layers: [], extra: image.asSubject))
      let found = try await list(image.digest).list.manifests
      #expect(found.map(\.artifactType) == ["application/vnd.example.config.v1"])
      #expect(found.first?.annotations ?? [:] == [:])
    }

    @Test("end-12a: an index refers like an image; without an artifactType it has none")
    func indexes() async throws {
      let image = try await repository.pushImage()
      let typed = Content.index([image], extra: #""artifactType":"\#(Self.sbom)",\#(image.asSubject)"#)
      let untyped = Content.index([image, image], extra: #""annotations":{"a":"b"},\#(image.asSubject)"#)
      for index in [typed, untyped] {
        let answer = try await repository.push(manifest: index)
        #expect(answer.first("OCI-Subject") == image.digest)
      }
      let found = try await list(image.digest).list.manifests
      #expect(found.first { $0.digest == typed.digest }?.artifactType == Self.sbom)
      let entry = try #require(found.first { $0.digest == untyped.digest })
      #expect(entry.artifactType == nil)
      #expect(entry.mediaType == MediaType.index)
      #expect(entry.annotations == ["a": "b"])
    }

    @Test("end-12a: a subject that is never pushed has referrers", arguments: Algorithm.allCases)
    func missingSubject(_ algorithm: Algorithm) async throws {
      let absent = Content.unique(algorithm, mediaType: MediaType.image)
      let artifact = try await attach(Self.sbom, to: absent, note: "x")
      #expect(try await list(absent.digest).list.manifests.map(\.digest) == [artifact.digest])
    }

    @Test("end-12a: referrers of one repository are not those of another")
    func otherRepository() async throws {
      let absent = Content.unique(mediaType: MediaType.image)
      _ = try await attach(Self.sbom, to: absent, note: "x")
      let other = Repository()
      try await other.push(.unique())
      let answer = try await client("GET", other.referrers(absent.digest))
      #expect(try answer.decoded(ReferrersList.self).manifests.isEmpty)
    }

    @Test("end-12a: pushed twice or under many tags, a referrer is listed once")
    func once() async throws {
      let absent = Content.unique(mediaType: MediaType.image)
      let artifact = try await attach(Self.sbom, to: absent, note: "x")
      for tag in ["a", "b"] { try await repository.push(manifest: artifact, as: tag) }
      #expect(try await list(absent.digest).list.manifests.count == 1)
    }

    @Test("end-12a: a deleted referrer is no longer listed; a deleted tag changes nothing")
    func deleted() async throws {
      let absent = Content.unique(mediaType: MediaType.image)
      let artifact = try await attach(Self.sbom, to: absent, note: "x")
      try await repository.push(manifest: artifact, as: "a")
      #expect(try await client("DELETE", repository.manifest("a")).status == 202)
      #expect(try await list(absent.digest).list.manifests.count == 1)
      #expect(try await client("DELETE", repository.manifest(artifact.digest)).status == 202)
      #expect(try await list(absent.digest).list.manifests.isEmpty)
    }

    @Test("end-12b: an artifactType without a value filters nothing")
    func emptyFilter() async throws {
      let image = try await repository.pushImage()
      let artifact = try await attach(Self.sbom, to: image, note: "1")
      let (found, answer) = try await list(image.digest, "?artifactType=")
      #expect(found.manifests.map(\.digest) == [artifact.digest])
      #expect(answer.first("OCI-Filters-Applied") == nil)
    }

    @Test(
      "end-12b: artifactType filters, and the answer says so", arguments: ["raw", "encoded"])
    func filtered(_ style: String) async throws {
      let image = try await repository.pushImage()
      _ = try await attach(Self.sbom, to: image, note: "1")
      let signature = try await attach(Self.signature, to: image, note: "2")
      let query = style == "raw" ? "?artifactType=\(Self.signature)" : "".adding("artifactType", Self.signature)
      let (found, answer) = try await list(image.digest, query)
      #expect(found.manifests.map(\.digest) == [signature.digest])
      #expect(answer.first("OCI-Filters-Applied") == "artifactType")
      let (nothing, _) = try await list(image.digest, "?artifactType=application/vnd.example.none")
      #expect(nothing.manifests.isEmpty)
    }

    @Test("end-12a: without a filter no filter is claimed")
    func unfiltered() async throws {
      #expect(try await list(Content.unique().digest).answer.first("OCI-Filters-Applied") == nil)
    }

    @Test("end-12a: many referrers come page by page, each once, the filter kept", arguments: [true, false])
    func pages(_ isFiltered: Bool) async throws {
      let absent = Content.unique(mediaType: MediaType.image)
      let config = try await repository.push(.emptyJSON)
      var expected: Set<String> = []
      for number in 0..<120 {
        let type = number % 2 == 0 ? Self.sbom : Self.signature
        let extra = #""artifactType":"\#(type)","annotations":{"n":"\#(number)"},\#(absent.asSubject)"#
        let artifact = Content.image(config: config, layers: [], extra: extra)
        try await repository.push(manifest: artifact)
        if !isFiltered || type == Self.sbom { expected.insert(artifact.digest) }
      }
      var found: [String] = []
      var target: String? =
        repository.referrers(absent.digest) + (isFiltered ? "?n=25&artifactType=\(Self.sbom)" : "?n=25")
      while let next = target {
        let answer = try await client("GET", next)
        try #require(answer.status == 200, "\(answer)")
        if isFiltered { #expect(answer.first("OCI-Filters-Applied") == "artifactType") }
        found += try answer.decoded(ReferrersList.self).manifests.map(\.digest)
        target = answer.nextPage
        try #require(found.count <= expected.count)
      }
      #expect(found.count == expected.count)
      #expect(Set(found) == expected)
    }
  }
}
