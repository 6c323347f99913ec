import TestSupport
import Testing

extension Conformance {
  @Suite("end-9: deleting tags and manifests")
  struct ManifestDelete {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-9: DELETE of a tag answers 202; the tag is gone at once, the manifest stays")
    func tag() async throws {
      let image = try await repository.pushImage(tag: "v1")
      try await repository.push(manifest: image, as: "v2")
      #expect(try await client("DELETE", repository.manifest("v1")).status == 202)
      #expect(try await repository.pull("v1", "HEAD").status == 404)
      #expect(try await repository.tags() == ["v2"])
      #expect(try await repository.pull(image.digest).body == image.bytes)
      #expect(try await repository.pull("v2").body == image.bytes)
    }

    @Test("end-9: DELETE of a digest answers 202; the manifest and every tag of it are gone at once")
    func digest() async throws {
      let image = try await repository.pushImage(tag: "v1")
      try await repository.push(manifest: image, as: "v2")
      let other = try await repository.pushImage(tag: "other")
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      for reference in [image.digest, "v1", "v2"] {
        #expect(try await repository.pull(reference, "HEAD").status == 404)
        expectError(try await repository.pull(reference), [404], ["MANIFEST_UNKNOWN"])
      }
      #expect(try await repository.tags() == ["other"])
      #expect(try await repository.pull("other").body == other.bytes)
    }

    @Test("end-9: a condition on a manifest that is gone answers 404, not 304")
    func condition() async throws {
      let image = try await repository.pushImage(tag: "v1")
      let tag = try #require(try await repository.pull("v1", "HEAD").first("ETag"))
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      #expect(try await client("GET", repository.manifest("v1"), ["If-None-Match": tag]).status == 404)
    }

    @Test("end-9: deleting what is not there answers 404")
    func missing() async throws {
      let image = try await repository.pushImage(tag: "v1")
      #expect(try await client("DELETE", repository.manifest("v1")).status == 202)
      expectError(try await client("DELETE", repository.manifest("v1")), [404], ["MANIFEST_UNKNOWN"])
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      expectError(try await client("DELETE", repository.manifest(image.digest)), [404], ["MANIFEST_UNKNOWN"])
    }

    @Test("end-9: deleting in a repository that does not exist answers 404")
    func missingRepository() async throws {
      let absent = Repository()
      for reference in ["v1", Content.unique().digest] {
        expectError(
          try await client("DELETE", absent.manifest(reference)), [404], ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"])
      }
    }

    @Test("end-9: a deleted manifest can be pushed again")
    func again() async throws {
      let image = try await repository.pushImage(tag: "v1")
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      try await repository.push(manifest: image, as: "v1")
      #expect(try await repository.pull("v1").body == image.bytes)
    }

    @Test("end-9: deleting a manifest in one repository leaves the same manifest of another")
    func otherRepository() async throws {
      let image = try await repository.pushImage(tag: "v1")
      let copy = Repository()
      let config = image.text(between: "\"config\":{\"mediaType\":\"\(MediaType.config)\",\"digest\":\"", and: "\"")
      let layer = image.text(between: "\"layers\":[{\"mediaType\":\"\(MediaType.layer)\",\"digest\":\"", and: "\"")
      for digest in [config, layer] {
        let target = copy.uploads.adding("mount", digest).adding("from", repository.name)
        try #require(try await client("POST", target).status == 201)
      }
      try await copy.push(manifest: image, as: "v1")
      #expect(try await client("DELETE", repository.manifest(image.digest)).status == 202)
      #expect(try await copy.pull("v1").body == image.bytes)
    }

    @Test("end-9: an index and its children are deleted each for itself")
    func index() async throws {
      let child = try await repository.pushImage()
      let index = Content.index([child])
      try await repository.push(manifest: index, as: "all")
      #expect(try await client("DELETE", repository.manifest(index.digest)).status == 202)
      #expect(try await repository.pull(child.digest).body == child.bytes)
      #expect(try await client("DELETE", repository.manifest(child.digest)).status == 202)
      #expect(try await repository.pull(child.digest, "HEAD").status == 404)
    }
  }

  @Suite("end-10: deleting blobs")
  struct BlobDelete {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-10: DELETE of a blob answers 202, and it is gone at once", arguments: Algorithm.allCases)
    func delete(_ algorithm: Algorithm) async throws {
      let blob = try await repository.push(.unique(algorithm))
      #expect(try await client("DELETE", repository.blob(blob.digest)).status == 202)
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 404)
      expectError(try await client("GET", repository.blob(blob.digest)), [404], ["BLOB_UNKNOWN"])
    }

    @Test("end-10: deleting a blob that is not there answers 404")
    func missing() async throws {
      let blob = try await repository.push(.unique())
      #expect(try await client("DELETE", repository.blob(blob.digest)).status == 202)
      expectError(try await client("DELETE", repository.blob(blob.digest)), [404], ["BLOB_UNKNOWN"])
      expectError(
        try await client("DELETE", Repository().blob(blob.digest)), [404], ["BLOB_UNKNOWN", "NAME_UNKNOWN"])
    }

    @Test("end-10: a blob that was deleted is not there for a manifest")
    func deletedIsMissing() async throws {
      let config = try await repository.push(.uniqueConfig())
      #expect(try await client("DELETE", repository.blob(config.digest)).status == 202)
      let answer = try await repository.put(manifest: .image(config: config, layers: []), as: "v1")
      expectError(answer, [400, 404], ["MANIFEST_BLOB_UNKNOWN"])
    }

    @Test("end-10: a deleted blob can be pushed again")
    func again() async throws {
      let blob = try await repository.push(.unique())
      #expect(try await client("DELETE", repository.blob(blob.digest)).status == 202)
      try await repository.push(blob)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-10: blobs of a deleted manifest can still be deleted, and before it as well", arguments: [true, false])
    func aroundManifest(_ manifestFirst: Bool) async throws {
      let config = try await repository.push(.uniqueConfig())
      let image = Content.image(config: config, layers: [])
      try await repository.push(manifest: image)
      let targets = [repository.manifest(image.digest), repository.blob(config.digest)]
      for target in manifestFirst ? targets : targets.reversed() {
        #expect([202, 405].contains(try await client("DELETE", target).status), "\(target)")
      }
    }

    @Test(
      "end-10: deleting a blob leaves a mounted copy and an own copy of other repositories", arguments: [true, false])
    func copiesStay(_ isMounted: Bool) async throws {
      let blob = try await repository.push(.unique())
      let other = Repository()
      if isMounted {
        let target = other.uploads.adding("mount", blob.digest).adding("from", repository.name)
        try #require(try await client("POST", target).status == 201)
      } else {
        try await other.push(blob)
      }
      #expect(try await client("DELETE", repository.blob(blob.digest)).status == 202)
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 404)
      #expect(try await client("GET", other.blob(blob.digest)).body == blob.bytes)
      #expect(try await client("DELETE", other.blob(blob.digest)).status == 202)
      #expect(try await client("HEAD", other.blob(blob.digest)).status == 404)
    }
  }
}

extension Content {
  /// The text between two marks, as tests need it that look into a manifest they made themselves.
  fileprivate func text(between before: String, and after: String) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let start = text.firstRange(of: before)?.upperBound else { return "" }
    return String(text[start...].prefix { !after.contains($0) })
  }
}
