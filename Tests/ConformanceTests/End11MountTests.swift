import TestSupport
import Testing

extension Conformance {
  @Suite("end-11: mounting a blob from another repository")
  struct Mount {
    let source = Repository("mount/source")
    let target = Repository("mount/target")
    let client = RegistryUnderTest.client

    @Test("end-11: a blob of another repository is mounted: 201 with its location", arguments: Algorithm.allCases)
    func mount(_ algorithm: Algorithm) async throws {
      let blob = try await source.push(.unique(algorithm))
      let answer = try await client("POST", target.uploads.adding("from", source.name).adding("mount", blob.digest))
      #expect(answer.status == 201)
      #expect(try answer.locationTarget() == target.blob(blob.digest))
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(try await client("GET", target.blob(blob.digest)).body == blob.bytes)
      #expect(try await client("HEAD", source.blob(blob.digest)).status == 200)
    }

    @Test("end-11: without from the registry finds the blob by itself")
    func anonymous() async throws {
      let blob = try await source.push(.unique())
      let answer = try await client("POST", target.uploads.adding("mount", blob.digest))
      #expect(answer.status == 201)
      #expect(try answer.locationTarget() == target.blob(blob.digest))
      #expect(try await client("GET", target.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-11: a blob that is nowhere answers 202 with a session that works", arguments: [true, false])
    func missing(_ namesSource: Bool) async throws {
      try await source.push(.unique())
      let blob = Content.unique()
      let request = target.uploads.adding("mount", blob.digest)
      let answer = try await client("POST", namesSource ? request.adding("from", source.name) : request)
      #expect(answer.status == 202)
      let session = try answer.locationTarget()
      #expect(session.hasPrefix(target.uploads))
      #expect(try await client("HEAD", target.blob(blob.digest)).status == 404)
      #expect(try await client("PUT", session.adding("digest", blob.digest), body: .bytes(blob.bytes)).status == 201)
    }

    @Test(
      "end-11: a source that does not exist, or has no valid name, gives a session or a refusal",
      arguments: [
        "mount/nowhere", "UPPER/case", "../etc",
      ])
    func wrongSource(_ from: String) async throws {
      let blob = Content.unique()
      let answer = try await client("POST", target.uploads.adding("mount", blob.digest).adding("from", from))
      #expect([202, 400, 404].contains(answer.status))
      #expect(try await client("HEAD", target.blob(blob.digest)).status == 404)
    }

    @Test("end-11: a deleted blob cannot be mounted")
    func deleted() async throws {
      let blob = try await source.push(.unique())
      #expect(try await client("DELETE", source.blob(blob.digest)).status == 202)
      let answer = try await client("POST", target.uploads.adding("mount", blob.digest).adding("from", source.name))
      #expect(answer.status == 202)
      #expect(try await client("HEAD", target.blob(blob.digest)).status == 404)
    }

    @Test("end-11: mounting what is already there answers 201")
    func present() async throws {
      let blob = try await source.push(.unique())
      let answer = try await client("POST", source.uploads.adding("mount", blob.digest).adding("from", source.name))
      #expect(answer.status == 201)
    }

    @Test("end-11: a mounted blob counts for a manifest")
    func manifest() async throws {
      let config = try await source.push(.uniqueConfig())
      #expect(
        try await client("POST", target.uploads.adding("mount", config.digest).adding("from", source.name)).status
          == 201)
      try await target.push(manifest: .image(config: config, layers: []), as: "v1")
    }

    @Test("end-11: a digest that is none starts no mount", arguments: ["sha256:abc", "latest", ""])
    func malformed(_ digest: String) async throws {
      let answer = try await client("POST", target.uploads.adding("mount", digest).adding("from", source.name))
      #expect([202, 400].contains(answer.status))
    }
  }
}
