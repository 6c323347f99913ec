import TestSupport
import Testing

extension Conformance {
  @Suite("end-7: several tags in one push")
  struct TagParameters {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-7: tag parameters make tags, and OCI-Tag names each", arguments: Algorithm.allCases)
    func tags(_ algorithm: Algorithm) async throws {
      let image = try await repository.pushParts(algorithm)
      let answer = try await repository.put(manifest: image, query: "?tag=1.2.3&tag=1.2&tag=1&tag=latest")
      #expect(answer.status == 201)
      #expect(Set(answer.all("OCI-Tag")) == ["1.2.3", "1.2", "1", "latest"])
      #expect(try await repository.tags() == ["1", "1.2", "1.2.3", "latest"])
      for tag in ["1.2.3", "latest"] {
        #expect(try await repository.pull(tag, "HEAD").first("Docker-Content-Digest") == image.digest)
      }
    }

    @Test("end-7: a tag that is named twice is made and told once")
    func twice() async throws {
      let image = try await repository.pushParts()
      let answer = try await repository.put(manifest: image, query: "?tag=a&tag=b&tag=a")
      #expect(answer.status == 201)
      #expect(answer.all("OCI-Tag") == ["a", "b"])
    }

    @Test("end-7: ten tags at once are always accepted")
    func ten() async throws {
      let image = try await repository.pushParts()
      let names = (0..<10).map { "t\($0)" }
      let answer = try await repository.put(
        manifest: image, query: "?" + names.map { "tag=\($0)" }.joined(separator: "&"))
      #expect(answer.status == 201)
      #expect(Set(answer.all("OCI-Tag")) == Set(names))
    }

    @Test("end-7: too many tags are refused with 414 or all of them are made")
    func many() async throws {
      let image = try await repository.pushParts()
      let names = (0..<300).map { "t\($0)" }
      let answer = try await repository.put(
        manifest: image, query: "?" + names.map { "tag=\($0)" }.joined(separator: "&"))
      if answer.status == 201 {
        #expect(Set(answer.all("OCI-Tag")) == Set(names))
      } else {
        #expect(answer.status == 414)
        #expect(try await repository.pull(image.digest, "HEAD").status == 404)
      }
    }

    @Test("end-7: one invalid tag among them refuses the whole push")
    func invalid() async throws {
      let image = try await repository.pushParts()
      let answer = try await repository.put(manifest: image, query: "?tag=good&tag=.bad")
      #expect(answer.status == 400)
      #expect(try await repository.pull("good", "HEAD").status == 404)
      #expect(try await repository.pull(image.digest, "HEAD").status == 404)
    }

    @Test("end-7: a push without tag parameters names no tags")
    func none() async throws {
      let image = try await repository.pushParts()
      #expect(try await repository.push(manifest: image).all("OCI-Tag").isEmpty)
    }
  }
}
