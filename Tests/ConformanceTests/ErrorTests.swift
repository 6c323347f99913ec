import TestSupport
import Testing

extension Conformance {
  @Suite("errors and warnings")
  struct Errors {
    let repository = Repository()
    let client = RegistryUnderTest.client
    static let emptyBlob = "blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test(
      "an error has a code of upper-case letters, a message for people, and is JSON",
      arguments: [
        "manifests/none", Self.emptyBlob, "tags/list",
        "blobs/uploads/7a0c4f5e-0000-4000-8000-000000000000",
      ])
    func envelope(_ path: String) async throws {
      let answer = try await client("GET", "/v2/\(repository.name)/\(path)")
      expectError(answer, [404])
      #expect(answer.first("Content-Type")?.hasPrefix("application/json") == true)
      let entry = try #require(try answer.decoded(ErrorEnvelope.self).errors.first)
      #expect((entry.message ?? "").count > 5)
    }

    @Test("HEAD of what is missing says so without a body", arguments: ["manifests/none", Self.emptyBlob])
    func head(_ path: String) async throws {
      let connection = try await client.connect()
      let request = RawRequest("HEAD", "/v2/\(repository.name)/\(path)")
      #expect(try await connection.exchange(request.bytes(host: client.authority), method: "HEAD").status == 404)
      // A body would now be read as the next answer.
      #expect(try await connection.exchange(RawRequest("GET", "/v2/").bytes(host: client.authority)).status == 200)
    }

    @Test(
      "a method that an endpoint does not know answers 405 and names those it knows",
      arguments: [
        ("POST", "manifests/v1", "GET"), ("PATCH", "manifests/v1", "PUT"), ("POST", "tags/list", "GET"),
        ("DELETE", "tags/list", "GET"), ("PUT", Self.emptyBlob, "GET"),
        ("POST", "blobs/uploads/7a0c4f5e-0000-4000-8000-000000000000", "PATCH"), ("PUT", "blobs/uploads/", "POST"),
      ])
    func method(_ method: String, _ path: String, _ known: String) async throws {
      let answer = try await client(method, "/v2/\(repository.name)/\(path)")
      #expect(answer.status == 405, "\(answer)")
      #expect(answer.all("Allow").joined(separator: ",").contains(known), "\(answer)")
    }

    @Test("text of the client comes back harmless in a message")
    func reflection() async throws {
      let answer = try await client("GET", "/v2/\(repository.name)/manifests/%3Cscript%3E%22")
      #expect([400, 404].contains(answer.status))
      #expect(!answer.text.contains("<script>"))
    }

    @Test("a Warning, if any, has code 299, agent - and a quoted text")
    func warnings() async throws {
      let image = try await repository.pushImage(tag: "v1")
      for target in ["/v2/", repository.manifest("v1"), repository.blob(image.digest), repository.tagsList] {
        let warnings = try await client("GET", target).all("Warning")
        #expect(warnings.allSatisfy { $0.hasPrefix("299 - \"") && $0.hasSuffix("\"") })
        #expect(warnings.reduce(0) { $0 + $1.utf8.count } <= 4096)
      }
    }
  }
}
