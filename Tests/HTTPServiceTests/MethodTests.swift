import Metadata
import RegistryCore
import TestSupport
import Testing

/// What is refused before a request is looked at further.
@Suite("methods and writes that are not taken", .timeLimit(.minutes(10)))
struct MethodTests {
  @Test(
    "a method that no path takes is not implemented; one that this path does not take is told which it takes",
    arguments: [
      ("BREW", "/v2/", 501, nil), ("get", "/v2/", 501, nil), ("PROPFIND", "/v2/acme/api/tags/list", 501, nil),
      ("TRACE", "/v2/", 405, "GET, HEAD"), ("OPTIONS", "/v2/acme/api/manifests/v1", 405, "GET, HEAD, PUT, DELETE"),
      ("POST", "/healthz", 405, "GET, HEAD"), ("POST", "/nothing", 404, nil),
      ("DELETE", "/.well-known/jwks.json", 405, "GET, HEAD"), ("POST", "/api/v1/openapi.json", 405, "GET, HEAD"),
      ("PUT", "/api/v1/users", 405, "GET, HEAD, POST"), ("PUT", "/token", 405, "GET, HEAD, POST"),
    ])
  func method(_ method: String, _ path: String, _ status: Int, _ allowed: String?) async throws {
    try await serving { server in
      let answer = try await server.client.send(RawRequest(method, path))
      #expect(answer.status == status, "\(answer)")
      #expect(answer.first("Allow") == allowed, "\(answer)")
      #expect(try await server.isWell())
    }
  }

  @Test(
    "a registry that moves or has moved takes no upload, neither its beginning nor its bytes", arguments: [false, true])
  func moved(isForGood: Bool) async throws {
    let time = SkippingTime()
    try await serving(time: time) { server in
      let upload = try await server.startUpload()
      try await server.registry.database.write { try isForGood ? $0.sealForGood() : $0.seal() }
      time.skip(.seconds(2))
      let client = server.client
      let uploads = "/v2/acme/api/blobs/uploads/"
      let bytes = uniqueBytes(100)
      for (method, target) in [
        ("POST", uploads), ("POST", "\(uploads)?digest=\(digest(of: bytes))"), ("PATCH", upload),
        ("PUT", "\(upload)?digest=\(digest(of: bytes))"),
      ] {
        let answer = try await client(method, target, body: .bytes(bytes))
        #expect(answer.status == 503 && answer.first("Retry-After") != nil, "\(method) \(answer)")
        #expect(answer.text.contains("was moved") == isForGood, "\(answer)")
      }
      guard !isForGood else { return }
      try await server.registry.database.write { try $0.unseal() }
      time.skip(.seconds(2))
      #expect(try await client("PATCH", upload, body: .bytes(bytes)).status == 202)
    }
  }
}
