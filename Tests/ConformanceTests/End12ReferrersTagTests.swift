import TestSupport
import Testing

extension Conformance {
  /// "Referrers Tag Schema", and "Enabling the Referrers API": what clients do who know nothing of the API, and what both see.
  @Suite("end-12: the referrers tag")
  struct ReferrersTag {
    let repository = Repository()
    let client = RegistryUnderTest.client
    static let sbom = "application/vnd.example.sbom.v1"

    /// The algorithm, a dash, and 64 characters of the hash.
    private func tag(of content: Content) -> String {
      let parts = content.digest.split(separator: ":")
      return "\(parts[0])-\(parts[1].prefix(64))"
    }

    /// An artifact; it refers to `subject`, if there is one. It is pushed.
    private func attach(to subject: Content?) async throws -> Content {
      let config = try await repository.push(.emptyJSON)
      let note = #""artifactType":"\#(Self.sbom)","annotations":{"n":"\#(Unique.number())"}"#
      let extra = note + (subject.map { "," + $0.asSubject } ?? "")
      let artifact = Content.image(config: config, layers: [], extra: extra)
      try await repository.push(manifest: artifact)
      return artifact
    }

    private func list(_ tag: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
      let answer = try await repository.pull(tag)
      try #require(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
      #expect(answer.first("Content-Type") == MediaType.index, sourceLocation: sourceLocation)
      let digest = Algorithm.sha256.digest(of: answer.body)
      #expect(answer.first("Docker-Content-Digest") == digest, sourceLocation: sourceLocation)
      let head = try await repository.pull(tag, "HEAD")
      #expect(head.first("Docker-Content-Digest") == digest, sourceLocation: sourceLocation)
      return try answer.decoded(ReferrersList.self).manifests.map(\.digest)
    }

    private func listed(_ subject: Content) async throws -> Set<String> {
      let answer = try await client("GET", repository.referrers(subject.digest))
      return Set(try answer.decoded(ReferrersList.self).manifests.map(\.digest))
    }

    @Test("end-12: a tag that no client pushed names every referrer", arguments: Algorithm.allCases)
    func unpushed(_ algorithm: Algorithm) async throws {
      let absent = Content.unique(algorithm, mediaType: MediaType.image)
      #expect(try await repository.pull(tag(of: absent)).status == 404)
      let artifacts = [try await attach(to: absent), try await attach(to: absent)]
      #expect(Set(try await list(tag(of: absent))) == Set(artifacts.map(\.digest)))
      #expect(try await repository.tags().isEmpty)
      for artifact in artifacts {
        #expect(try await client("DELETE", repository.manifest(artifact.digest)).status == 202)
      }
      #expect(try await repository.pull(tag(of: absent)).status == 404)
    }

    @Test("end-12: a pushed index that names all there is comes back as it was pushed")
    func asPushed() async throws {
      let image = try await repository.pushImage()
      let artifact = try await attach(to: image)
      let index = Content.index([artifact], extra: #""annotations":{"by":"hand"}"#)
      try await repository.push(manifest: index, as: tag(of: image))
      let answer = try await repository.pull(tag(of: image))
      #expect(answer.body == index.bytes)
      #expect(answer.first("Docker-Content-Digest") == index.digest)
    }

    @Test("end-12: referrers that a pushed index does not name stand after its entries, which stay as they are")
    func merged() async throws {
      let image = try await repository.pushImage()
      let (before, bare) = (try await attach(to: image), try await attach(to: nil))
      let entry = bare.descriptor(#""annotations":{"by":"hand"},"x-unknown":[1,true]"#)
      let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.index)","manifests":[\#(entry)],"x-more":{"a":1}}"#
      let index = Content(text: text, mediaType: MediaType.index)
      try await repository.push(manifest: index, as: tag(of: image))
      let after = try await attach(to: image)

      let found = try await list(tag(of: image))
      #expect(found.first == bare.digest)
      #expect(Set(found.dropFirst()) == [before.digest, after.digest])
      #expect(found.count == 3)
      let body = String(decoding: try await repository.pull(tag(of: image)).body, as: UTF8.self)
      #expect(body.contains(entry) && body.contains(#""x-more":{"a":1}"#), "\(body)")
      // What was pushed is there still, under its digest, and the API goes by subjects alone.
      #expect(try await repository.pull(index.digest).body == index.bytes)
      #expect(try await listed(image) == [before.digest, after.digest])
    }

    @Test("end-12: a client that adds to the list by hand, as it found it, loses nothing")
    func readAndPushed() async throws {
      let image = try await repository.pushImage()
      let (known, bare) = (try await attach(to: image), try await attach(to: nil))
      #expect(try await list(tag(of: image)) == [known.digest])
      let index = Content.index([known, bare])
      try await repository.push(manifest: index, as: tag(of: image))
      #expect(try await list(tag(of: image)) == [known.digest, bare.digest])
    }

    @Test("end-12: a deleted manifest is gone from the list at once, pushed or not")
    func deleted() async throws {
      let image = try await repository.pushImage()
      let artifacts = [try await attach(to: image), try await attach(to: nil), try await attach(to: image)]
      try await repository.push(manifest: .index(artifacts), as: tag(of: image))
      for count in [2, 1, 0] {
        #expect(try await client("DELETE", repository.manifest(artifacts[count].digest)).status == 202)
        #expect(try await list(tag(of: image)) == artifacts.prefix(count).map(\.digest))
      }
      #expect(try await listed(image).isEmpty)
    }

    @Test("end-12: an image under such a tag, or an index under one that only looks like it, is left alone")
    func others() async throws {
      let image = try await repository.pushImage()
      let artifact = try await attach(to: image)
      let other = try await repository.pushImage(tag: tag(of: image))
      #expect(try await repository.pull(tag(of: image)).body == other.bytes)
      let index = Content.index([image])
      for similar in [tag(of: image) + ".sig", String(tag(of: image).dropLast()), "md5-" + tag(of: image).dropFirst(7)]
      {
        #expect(try await repository.pull(similar).status == 404)
        try await repository.push(manifest: index, as: similar)
        #expect(try await repository.pull(similar).body == index.bytes)
      }
      #expect(try await listed(image) == [artifact.digest])
    }

    @Test("end-12: a tag that no client pushed names also more than a page of referrers")
    func many() async throws {
      let absent = Content.unique(mediaType: MediaType.image)
      let config = try await repository.push(.emptyJSON)
      var expected: Set<String> = []
      for number in 0..<520 {
        let extra = #""artifactType":"\#(Self.sbom)","annotations":{"n":"\#(number)"},\#(absent.asSubject)"#
        let artifact = Content.image(config: config, layers: [], extra: extra)
        try await repository.push(manifest: artifact)
        expected.insert(artifact.digest)
      }
      #expect(Set(try await list(tag(of: absent))) == expected)
    }
  }
}
