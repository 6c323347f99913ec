import TestSupport
import Testing

extension Conformance {
  @Suite("end-1: determining support")
  struct Base {
    let client = RegistryUnderTest.client

    @Test("end-1: GET /v2/ answers 200 and names the API version")
    func get() async throws {
      let answer = try await client("GET", "/v2/")
      #expect(answer.status == 200)
      #expect(answer.first("Docker-Distribution-API-Version") == "registry/2.0")
    }

    @Test("end-1: GET /v2 without the last slash answers 200 or points to /v2/")
    func withoutSlash() async throws {
      let answer = try await client("GET", "/v2")
      #expect([200, 301, 307, 308].contains(answer.status))
      if answer.status != 200 { #expect(try answer.locationTarget() == "/v2/") }
    }

    @Test("end-1: HEAD /v2/ answers 200 without a body")
    func head() async throws {
      let answer = try await client("HEAD", "/v2/")
      #expect(answer.status == 200)
      #expect(answer.body.isEmpty)
    }
  }
}
