import TestSupport
import Testing

extension Conformance {
  /// The way of the official suite: each kind of content is pushed, listed, looked up, pulled and deleted again, part by part,
  /// in one repository, and what was deleted is gone with the answer.
  @Suite("each kind of content, from its push to its deletion")
  struct EveryKind {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("is pushed, listed, pulled and deleted, part by part", arguments: MaterialKind.allCases)
    func whole(_ kind: MaterialKind) async throws {
      let material = kind.material()
      for (number, blob) in material.blobs.enumerated() { try await push(blob, way: number) }
      for manifest in material.manifests { try await push(manifest, of: material) }
      for (tag, manifest) in material.tags where !material.usesTagParameters {
        try await expectStored(try await repository.put(manifest: manifest, as: tag), manifest)
      }
      try await expectListed(Set(material.tags.keys))
      for (tag, manifest) in material.tags { try await expectManifest(tag, manifest) }
      for manifest in material.manifests { try await expectManifest(manifest.digest, manifest) }
      for blob in material.blobs { try await expectBlob(blob) }
      for (subject, referrers) in material.referrers { try await expectReferrers(of: subject, referrers) }

      for tag in material.tags.keys { try await delete(repository.manifest(tag)) }
      for manifest in material.manifests.reversed() { try await delete(repository.manifest(manifest.digest)) }
      for digest in Set(material.blobs.map(\.digest)) { try await delete(repository.blob(digest)) }
      #expect(try await repository.tags().isEmpty)
      for subject in material.referrers.keys {
        let left = try await client("GET", repository.referrers(subject)).decoded(ReferrersList.self)
        #expect(left.manifests.isEmpty)
      }
    }

    // MARK: Pushing

    private func push(_ blob: Content, way: Int) async throws {
      let answer: RawResponse
      switch way % 4 {
      case 0:
        answer = try await client(
          "POST", repository.uploads.adding("digest", blob.digest), body: .bytes(blob.bytes))
      case 1:
        let session = try await repository.startUpload()
        answer = try await client("PUT", session.adding("digest", blob.digest), body: .bytes(blob.bytes))
      case 2:
        let patched = try await client("PATCH", try await repository.startUpload(), body: .bytes(blob.bytes))
        answer = try await client("PUT", try patched.locationTarget().adding("digest", blob.digest))
      default:
        let patched = try await client(
          "PATCH", try await repository.startUpload(), ["Content-Range": "0-\(blob.bytes.count - 1)"],
          body: .bytes(blob.bytes))
        #expect(patched.status == 202)
        answer = try await client("PUT", try patched.locationTarget().adding("digest", blob.digest))
      }
      try #require(answer.status == 201, "\(answer)")
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(try await client("GET", try answer.locationTarget()).body == blob.bytes)
    }

    private func push(_ manifest: Content, of material: Material) async throws {
      let own =
        material.usesTagParameters ? material.tags.filter { $0.value.digest == manifest.digest }.keys.sorted() : []
      let query = own.reduce("") { $0.adding("tag", $1) }
      let answer = try await repository.put(manifest: manifest, query: query)
      try await expectStored(answer, manifest)
      #expect(answer.all("OCI-Tag").sorted() == own)
      let subject = material.referrers.first { $0.value.contains { $0.manifest.digest == manifest.digest } }?.key
      #expect(answer.first("OCI-Subject") == subject)
    }

    private func expectStored(_ answer: RawResponse, _ manifest: Content) async throws {
      try #require(answer.status == 201, "\(answer)")
      #expect(answer.first("Docker-Content-Digest") == manifest.digest)
      let stored = try await client("GET", try answer.locationTarget(), ["Accept": manifest.mediaType])
      #expect(stored.status == 200 && stored.first("Content-Type") == manifest.mediaType)
      let isSame = stored.body == manifest.bytes
      #expect(isSame)
    }

    // MARK: Looking

    private func expectListed(_ tags: Set<String>) async throws {
      // A repository that has no tag yet may not even be there for this list.
      let all = try await repository.tags()
      #expect(Set(all) == tags && all == all.sorted())
      guard all.count >= 2 else { return }
      let last = all[all.count / 2 - 1]
      let rest = try await client("GET", repository.tagsList.adding("last", last)).decoded(TagList.self)
      #expect(rest.tags == Array(all[(all.count / 2)...]))
    }

    private func expectManifest(_ reference: String, _ manifest: Content) async throws {
      for method in ["HEAD", "GET"] {
        let answer = try await repository.pull(reference, method)
        #expect(answer.status == 200 && answer.first("Content-Type") == manifest.mediaType)
        #expect(answer.first("Content-Length") == "\(manifest.bytes.count)")
        #expect(answer.first("Docker-Content-Digest") == manifest.digest)
        #expect(answer.body == (method == "GET" ? manifest.bytes : []))
      }
    }

    private func expectBlob(_ blob: Content) async throws {
      for method in ["HEAD", "GET"] {
        let answer = try await client(method, repository.blob(blob.digest))
        #expect(answer.status == 200 && answer.first("Content-Length") == "\(blob.bytes.count)")
        #expect(answer.first("Docker-Content-Digest") == blob.digest)
        #expect(answer.body == (method == "GET" ? blob.bytes : []))
      }
    }

    private func expectReferrers(
      of subject: String, _ referrers: [(manifest: Content, artifactType: String)]
    ) async throws {
      let all = try await client("GET", repository.referrers(subject)).decoded(ReferrersList.self)
      #expect(Set(all.manifests.map(\.digest)) == Set(referrers.map(\.manifest.digest)))
      for (manifest, type) in referrers {
        let entry = try #require(all.manifests.first { $0.digest == manifest.digest })
        #expect(entry.mediaType == manifest.mediaType && entry.size == manifest.bytes.count)
        #expect(entry.artifactType == type && entry.annotations?["n"] != nil)
        let answer = try await client("GET", repository.referrers(subject).adding("artifactType", type))
        #expect(answer.first("OCI-Filters-Applied") == "artifactType")
        let found = try answer.decoded(ReferrersList.self).manifests
        #expect(found.contains { $0.digest == manifest.digest } && found.allSatisfy { $0.artifactType == type })
      }
    }

    // MARK: Deleting

    private func delete(_ target: String) async throws {
      #expect(try await client("DELETE", target).status == 202)
      #expect(try await client("HEAD", target).status == 404)
    }
  }
}
