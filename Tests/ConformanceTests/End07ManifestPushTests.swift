import TestSupport
import Testing

extension Conformance {
  @Suite("end-7: pushing manifests")
  struct ManifestPush {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-7: PUT by tag and by digest answers 201 with a pullable location and the digest")
    func put() async throws {
      let image = try await repository.pushParts()
      for reference in [image.digest, "v1"] {
        let answer = try await repository.push(manifest: image, as: reference)
        #expect(answer.first("Docker-Content-Digest") == image.digest)
        let pulled = try await client("GET", try answer.locationTarget())
        #expect(pulled.status == 200)
        #expect(pulled.body == image.bytes)
        #expect(pulled.first("Content-Type") == MediaType.image)
      }
    }

    @Test("end-7: a manifest pushed by its sha512 digest keeps that digest")
    func sha512() async throws {
      let image = try await repository.pushParts(.sha512)
      let answer = try await repository.push(manifest: image)
      #expect(answer.first("Docker-Content-Digest") == image.digest)
      #expect(try await repository.pull(image.digest, "HEAD").first("Docker-Content-Digest") == image.digest)
    }

    @Test("end-7: a manifest that says another size of a blob than the blob has answers 400")
    func wrongSize() async throws {
      let config = try await repository.push(.uniqueConfig())
      let layer = try await repository.push(.unique())
      for wrong in [config, layer] {
        let image = Content.image(config: config, layers: [layer])
        let text = String(decoding: image.bytes, as: UTF8.self)
          .replacing(wrong.descriptor(), with: wrong.descriptor(size: wrong.bytes.count + 1))
        let manifest = Content(text: text, mediaType: MediaType.image)
        expectError(try await repository.put(manifest: manifest), [400], ["MANIFEST_INVALID"])
        #expect(try await repository.pull(manifest.digest, "HEAD").status == 404)
      }
    }

    @Test("end-7: a body in the chunked coding is as good as one with a length")
    func chunkedCoding() async throws {
      let image = try await repository.pushParts()
      let middle = image.bytes.count / 2
      let answer = try await client(
        "PUT", repository.manifest("v1"), ["Content-Type": image.mediaType],
        body: .chunks([Array(image.bytes[..<middle]), Array(image.bytes[middle...])]))
      #expect(answer.status == 201)
      #expect(try await repository.pull("v1").body == image.bytes)
    }

    @Test("end-7: bytes that do not match the digest answer 400 DIGEST_INVALID", arguments: Algorithm.allCases)
    func mismatch(_ algorithm: Algorithm) async throws {
      let image = try await repository.pushParts(algorithm)
      let answer = try await client(
        "PUT", repository.manifest(image.digest), ["Content-Type": image.mediaType],
        body: .bytes(image.bytes + Array("  ".utf8)))
      expectError(answer, [400], ["DIGEST_INVALID"])
      #expect(try await repository.pull(image.digest, "HEAD").status == 404)
    }

    @Test(
      "end-7: a malformed digest answers 400",
      arguments: ["sha256:baddigeststring", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e"])
    func malformedDigest(_ reference: String) async throws {
      let image = try await repository.pushParts()
      let answer = try await repository.put(manifest: image, as: reference)
      expectError(answer, [400], ["DIGEST_INVALID", "MANIFEST_INVALID", "UNSUPPORTED"])
    }

    @Test(
      "end-7: a reference that cannot be a tag is refused",
      arguments: [".v1", "-v1", String(repeating: "t", count: 129)])
    func invalidTag(_ reference: String) async throws {
      let image = try await repository.pushParts()
      #expect([400, 404].contains(try await repository.put(manifest: image, as: reference).status))
    }

    @Test("end-7: a tag may have 128 characters")
    func longestTag() async throws {
      let tag = "_" + String(repeating: "a.B-9_", count: 21) + "x"
      #expect(tag.count == 128)
      let image = try await repository.pushImage(tag: tag)
      #expect(try await repository.pull(tag).body == image.bytes)
    }

    @Test("end-7: a tag moves with the next push, and the earlier manifest stays under its digest")
    func moves() async throws {
      let first = try await repository.pushImage(tag: "latest")
      let second = try await repository.pushImage(tag: "latest")
      #expect(try await repository.pull("latest").body == second.bytes)
      #expect(try await repository.pull(first.digest).body == first.bytes)
      #expect(try await repository.tags() == ["latest"])
    }

    @Test("end-7: parameters of the Content-Type are ignored and not served again")
    func contentTypeParameters() async throws {
      let image = try await repository.pushParts()
      let answer = try await client(
        "PUT", repository.manifest("v1"), ["Content-Type": "\(MediaType.image); charset=utf-8"],
        body: .bytes(image.bytes))
      #expect(answer.status == 201)
      #expect(try await repository.pull("v1", "HEAD").first("Content-Type") == MediaType.image)
    }

    @Test("end-7: without a Content-Type the manifest's own mediaType counts")
    func noContentType() async throws {
      let image = try await repository.pushParts()
      let answer = try await client("PUT", repository.manifest("v1"), body: .bytes(image.bytes))
      #expect(answer.status == 201)
      #expect(try await repository.pull("v1", "HEAD").first("Content-Type") == MediaType.image)
    }

    @Test("end-7: a manifest that refers to a blob that is not there is refused with MANIFEST_BLOB_UNKNOWN")
    func missingBlob() async throws {
      let config = try await repository.push(.uniqueConfig())
      let image = Content.image(config: config, layers: [.unique()])
      expectError(try await repository.put(manifest: image, as: "v1"), [400, 404], ["MANIFEST_BLOB_UNKNOWN"])
      #expect(try await repository.pull("v1", "HEAD").status == 404)
      #expect(try await repository.pull(image.digest, "HEAD").status == 404)
    }

    @Test("end-7: a blob of another repository does not count as there")
    func blobElsewhere() async throws {
      let elsewhere = try await Repository().pushParts()
      try await repository.push(.unique())
      expectError(try await repository.put(manifest: elsewhere, as: "v1"), [400, 404], ["MANIFEST_BLOB_UNKNOWN"])
    }

    @Test("end-7: an index that refers to a manifest that is not there is refused with MANIFEST_BLOB_UNKNOWN")
    func missingChild() async throws {
      let child = try await repository.pushImage()
      let absent = try await repository.pushParts()
      let index = Content.index([child, absent])
      expectError(try await repository.put(manifest: index, as: "all"), [400, 404], ["MANIFEST_BLOB_UNKNOWN"])
      #expect(try await repository.pull("all", "HEAD").status == 404)
    }

    @Test(
      "end-7: what is not a manifest is refused with 400 MANIFEST_INVALID",
      arguments: ["", "blablabla", "[]", "{}", "null", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,", "\u{1}\u{2}"])
    func notAManifest(_ text: String) async throws {
      try await repository.push(.unique())
      let answer = try await client(
        "PUT", repository.manifest("v1"), ["Content-Type": MediaType.image], body: .text(text))
      expectError(answer, [400], ["MANIFEST_INVALID"])
    }

    @Test("end-7: a Content-Type that contradicts the mediaType is refused")
    func contradiction() async throws {
      var image = try await repository.pushParts()
      image.mediaType = MediaType.dockerImage
      expectError(try await repository.put(manifest: image, as: "v1"), [400], ["MANIFEST_INVALID"])
    }

    @Test("end-7: a document that is both image and index is refused (CVE-2021-41190)")
    func ambiguous() async throws {
      let image = try await repository.pushParts(extra: #""manifests":[]"#)
      expectError(try await repository.put(manifest: image, as: "v1"), [400], ["MANIFEST_INVALID"])
    }

    @Test(
      "end-7: a Docker schema 1 manifest gets a refusal that says so",
      arguments: [
        MediaType.dockerSchema1, MediaType.dockerSchema1Signed,
      ])
    func schema1(_ mediaType: String) async throws {
      try await repository.push(.unique())
      let text = """
        {"schemaVersion":1,"name":"\(repository.name)","tag":"v1","architecture":"amd64","fsLayers":[],"history":[]}
        """
      let answer = try await client("PUT", repository.manifest("v1"), ["Content-Type": mediaType], body: .text(text))
      expectError(answer, [400, 415], ["MANIFEST_INVALID", "UNSUPPORTED"])
      #expect(answer.text.lowercased().contains("schema"))
    }

    @Test("end-7: a manifest of nearly 4 MiB is accepted and served whole")
    func large() async throws {
      let annotations = (0..<390).map { #""large-annotation-\#($0)":"\#(String(repeating: "A", count: 10_000))""# }
      let extra = #""annotations":{\#(annotations.joined(separator: ","))}"#
      let image = try await repository.pushImage(tag: "large", extra: extra)
      let answer = try await repository.pull("large")
      #expect(answer.body == image.bytes)
    }

    @Test("end-7: a manifest over 4 MiB is refused with 413", arguments: [true, false])
    func oversize(_ tellsLength: Bool) async throws {
      let filler = [UInt8](repeating: UInt8(ascii: " "), count: 4 * 1024 * 1024)
      let image = try await repository.pushParts()
      let bytes = image.bytes + filler
      let pieces = stride(from: 0, to: bytes.count, by: 65_536).map { Array(bytes[$0..<min($0 + 65_536, bytes.count)]) }
      let answer = try await client(
        "PUT", repository.manifest("v1"), ["Content-Type": MediaType.image],
        body: tellsLength ? .bytes(bytes) : .chunks(pieces))
      #expect(answer.status == 413)
      #expect(try await repository.pull("v1", "HEAD").status == 404)
    }
  }
}
