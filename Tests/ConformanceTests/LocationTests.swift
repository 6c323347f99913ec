import Foundation
import TestSupport
import Testing

extension Conformance {
  /// A client follows `Location` from the address it knows. Behind a proxy that is not the address at which the server
  /// was reached; `Forwarded` and its older forms say which it is.
  @Suite("Location is right from where the client stands")
  struct Locations {
    let repository = Repository()
    let client = RegistryUnderTest.client

    /// What a client makes of the `Location` of an answer to a request for `base` + path.
    private func resolved(_ answer: RawResponse, at base: String) throws -> String {
      let location = try #require(answer.first("Location"))
      let url = try #require(URL(string: base + repository.uploads))
      return try #require(URL(string: location, relativeTo: url)).absoluteString
    }

    struct Case: Sendable, CustomTestStringConvertible {
      let fields: [RawField]
      let base: String
      var testDescription: String { fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ") }

      init(_ base: String, _ fields: KeyValuePairs<String, String>) {
        self.base = base
        self.fields = fields.map { RawField($0.key, $0.value) }
      }
    }

    static let cases = [
      Case("http://registry.example:8443", ["Host": "registry.example:8443"]),
      Case("http://[::1]:5000", ["Host": "[::1]:5000"]),
      Case("https://registry.example", ["Host": "registry.example", "X-Forwarded-Proto": "https"]),
      Case("https://hub.example", ["X-Forwarded-Proto": "https", "X-Forwarded-Host": "hub.example"]),
      Case("https://hub.example:444", ["X-Forwarded-Proto": "https", "X-Forwarded-Host": "hub.example:444"]),
      Case("https://a.example", ["X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "a.example, b.internal"]),
      Case("https://hub.example", ["Forwarded": "for=192.0.2.7;proto=https;host=hub.example"]),
      Case(
        "https://hub.example:8443", ["Forwarded": "proto=https;host=\"hub.example:8443\";by=10.0.0.1, for=10.0.0.2"]),
    ]

    @Test("an upload's location leads back through the proxy", arguments: cases)
    func behindProxy(_ example: Case) async throws {
      let answer = try await client.send(RawRequest("POST", repository.uploads, example.fields))
      #expect(answer.status == 202)
      let location = try resolved(answer, at: example.base)
      #expect(location.hasPrefix(example.base + repository.uploads), "\(location)")
    }

    @Test("a proxy that strips a prefix gets it back")
    func prefix() async throws {
      let fields = [
        RawField("X-Forwarded-Proto", "https"), RawField("X-Forwarded-Host", "hub.example"),
        RawField("X-Forwarded-Prefix", "/registry"),
      ]
      let answer = try await client.send(RawRequest("POST", repository.uploads, fields))
      let location = try resolved(answer, at: "https://hub.example/registry")
      #expect(location.hasPrefix("https://hub.example/registry" + repository.uploads), "\(location)")
    }

    @Test(
      "forwarding fields that cannot be an address are not repeated to the client",
      arguments: [
        RawField("X-Forwarded-Host", "evil\"><script>"), RawField("X-Forwarded-Host", "user@evil.example"),
        RawField("X-Forwarded-Host", "evil.example/path?x="), RawField("X-Forwarded-Proto", "javascript"),
        RawField("X-Forwarded-Prefix", "//evil.example"), RawField("Forwarded", "host=\"evil example\";proto=gopher"),
        RawField("X-Forwarded-Host", ""), RawField("X-Forwarded-Prefix", "/../.."),
      ])
    func hostile(_ field: RawField) async throws {
      let answer = try await client.send(RawRequest("POST", repository.uploads, [field]))
      #expect(answer.status == 202)
      let location = try #require(answer.first("Location"))
      for part in ["evil", "javascript", "gopher", "..", "<", "\""] {
        #expect(!location.contains(part), "\(location)")
      }
      #expect(try answer.locationTarget().hasPrefix(repository.uploads))
    }

    @Test("the locations of chunks, blobs, mounts and manifests are right as well")
    func everyLocation() async throws {
      let fields = [RawField("X-Forwarded-Proto", "https"), RawField("X-Forwarded-Host", "hub.example")]
      let base = "https://hub.example"
      let blob = Content.unique()
      let session = try await repository.startUpload()
      let patch = try await client.send(RawRequest("PATCH", session, fields, body: .bytes(blob.bytes)))
      #expect(try resolved(patch, at: base).hasPrefix(base + repository.uploads))
      let closing = try await client.send(
        RawRequest("PUT", try patch.locationTarget().adding("digest", blob.digest), fields))
      #expect(try resolved(closing, at: base) == base + repository.blob(blob.digest))
      let config = try await repository.push(.uniqueConfig())
      let image = Content.image(config: config, layers: [])
      let put = try await client.send(
        RawRequest(
          "PUT", repository.manifest("v1"), fields + [RawField("Content-Type", MediaType.image)],
          body: .bytes(image.bytes)))
      #expect(try resolved(put, at: base).hasPrefix(base + "/v2/\(repository.name)/manifests/"))
    }

    @Test("Link to the next page can be followed")
    func link() async throws {
      let image = try await repository.pushParts()
      for tag in ["a", "b"] { try await repository.push(manifest: image, as: tag) }
      let answer = try await client.send(
        RawRequest("GET", repository.tagsList + "?n=1", [RawField("X-Forwarded-Proto", "https")]))
      let next = try #require(answer.nextPage)
      #expect(try await client("GET", next).decoded(TagList.self).tags == ["b"])
    }
  }
}
