import NIOHTTP1
import TestSupport
import Testing

@testable import HTTPService

/// A registry without accounts serves the programs of one machine, and not the pages that its browser shows.
@Suite("an open registry")
struct OpenRegistryTests {
  private static let push = "/v2/acme/api/blobs/uploads/"

  @Test("says on each of its pages that everybody may do everything, and one with accounts does not")
  func words() async throws {
    for access in [TestRegistry.Access.open, .closed] {
      var isOpen = false
      if case .open = access { isOpen = true }
      try await serving(access: access) { server in
        for path in ["/", "/auth/", "/auth/device?user_code=BCDF-GHJK"] {
          let answer = try await server.client("GET", path)
          let text = String(decoding: answer.body, as: UTF8.self)
          #expect(text.contains("everybody may do everything") == isOpen, "\(path): \(text)")
        }
      }
    }
  }

  @Test("takes no change from a page of somebody else, and those of clients and of its own")
  func pages() async throws {
    try await serving { server in
      let client = server.client
      let own = client.authority
      let foreign: [KeyValuePairs<String, String>] = [
        ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"], ["Origin": "http://evil.example"],
        ["Origin": "null"], ["Origin": "http://127.0.0.1:1"],
        ["Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"],
      ]
      for fields in foreign {
        for (method, path) in [
          ("POST", Self.push), ("PUT", "/v2/acme/api/manifests/1"), ("PATCH", Self.push + "x"),
          ("DELETE", "/v2/acme/api/manifests/1"), ("POST", "/api/v1/namespaces"),
        ] {
          let answer = try await client(method, path, fields)
          #expect(answer.status == 403, "\(method) \(path) \(fields): \(answer)")
        }
      }
      let good: [KeyValuePairs<String, String>] = [
        [:], ["Sec-Fetch-Site": "same-origin", "Origin": "http://\(own)"], ["Sec-Fetch-Site": "none"],
        ["Origin": "https://hub.example", "X-Forwarded-Host": "hub.example", "X-Forwarded-Proto": "https"],
      ]
      for fields in good {
        let answer = try await client("POST", Self.push, fields)
        #expect(answer.status == 202, "\(fields): \(answer)")
      }
      #expect(try await client("GET", "/v2/", ["Sec-Fetch-Site": "cross-site"]).status == 200)
    }
  }

  @Test("answers by the names of this machine and its own, so that no page makes its own name one of them")
  func hosts() async throws {
    var settings = HTTPServiceSettings()
    settings.refusesForeignHosts = true
    settings.publicURL = "https://registry.example:8443/prefix"
    try await serving(http: settings) { (server) async throws -> Void in
      for host in [
        server.client.authority, "localhost:5000", "localhost", "registry.localhost", "[::1]:5000", "192.0.2.1",
        "registry:5000", "registry.internal", "registry.example:8443",
      ] {
        #expect(try await server.client("GET", "/v2/", ["Host": host]).status == 200, "\(host)")
      }
      for host in ["evil.example", "evil.example:5000", "registry.example.evil.example", "127.0.0.1.evil.example"] {
        #expect(try await server.client("GET", "/v2/", ["Host": host]).status == 421, "\(host)")
        #expect(try await server.client("POST", Self.push, ["Host": host]).status == 421, "\(host)")
      }
    }
  }

  @Test("makes no account, which would be let in once it is not open any more")
  func accounts() async throws {
    try await serving { server in
      for (path, body) in [
        ("/api/v1/users", #"{"name":"eve","password":"a-password-of-eve","siteRole":"admin"}"#),
        ("/api/v1/teams", #"{"name":"eve"}"#), ("/api/v1/tokens", #"{"name":"eve"}"#),
        ("/api/v1/namespaces/acme/robots", #"{"name":"eve","role":"maintainer"}"#),
        ("/api/v1/namespaces/acme/grants", #"{"account":"eve","role":"owner"}"#),
        ("/api/v1/namespaces/acme/trust", "{}"), ("/api/v1/signing-keys/rotate", ""),
      ] {
        let answer = try await server.client(
          "POST", path, ["Content-Type": "application/json"], body: .text(body))
        #expect(answer.status == 403 && answer.text.contains("accounts are switched off"), "\(path): \(answer)")
      }
      #expect(try await server.client("DELETE", "/api/v1/users/admin").status == 403)
      let namespace = try await server.client(
        "POST", "/api/v1/namespaces", ["Content-Type": "application/json"], body: .text(#"{"name":"acme"}"#))
      #expect(namespace.status == 201 || namespace.status == 204 || namespace.status == 200, "\(namespace)")
    }
  }

  @Test("gives a token to a client that wants one, and needs none")
  func token() async throws {
    try await serving { server in
      for (method, path) in [("GET", "/token?service=berth&scope=repository:acme/api:pull,push"), ("POST", "/token")] {
        let answer = try await server.client(method, path)
        #expect(answer.status == 200 && answer.text.contains("\"token\""), "\(answer)")
      }
      #expect(try await server.client("GET", "/v2/", ["Authorization": "Bearer open"]).status == 200)
      #expect(try await server.client("PUT", "/token").status == 405)
    }
  }
}
