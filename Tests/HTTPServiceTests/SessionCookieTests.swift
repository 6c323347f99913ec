import HTTPService
import TestSupport
import Testing

/// The cookie that a browser shows once somebody has logged in.
@Suite("the cookie of a session")
struct SessionCookieTests {
  private func login(_ server: TestRegistry) async throws -> (name: String, value: String, attributes: Set<String>) {
    let answer = try await server.client.send(
      RawRequest(
        "POST", "/auth/login",
        [
          RawField("Content-Type", "application/x-www-form-urlencoded"), RawField("Sec-Fetch-Site", "same-origin"),
        ], body: .text("user=admin&password=\(TestRegistry.adminPassword)")))
    let parts = try #require(answer.first("Set-Cookie"), "\(answer)").split(separator: ";").map {
      String($0.drop { $0 == " " })
    }
    let pair = parts[0].split(separator: "=", maxSplits: 1)
    return (String(pair[0]), String(pair[1]), Set(parts.dropFirst()))
  }

  private func status(_ cookie: String, _ server: TestRegistry) async throws -> Int {
    try await server.client.send(RawRequest("GET", "/api/v1/namespaces", [RawField("Cookie", cookie)])).status
  }

  @Test("is of this host alone and for TLS alone where clients come by TLS, under a name that no other host can set")
  func secure() async throws {
    var settings = HTTPServiceSettings()
    settings.publicURL = "https://hub.example"
    try await serving(http: settings, access: .closed) { server in
      let (name, value, attributes) = try await login(server)
      #expect(name == "__Host-berth_session")
      #expect(attributes.isSuperset(of: ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]))
      #expect(!attributes.contains { $0.hasPrefix("Domain") })
      #expect(try await status("\(name)=\(value)", server) == 200)
      #expect(try await status("berth_session=\(value)", server) == 401)
    }
  }

  @Test("is out of reach of scripts on a machine without TLS too")
  func plain() async throws {
    try await serving(access: .closed) { server in
      let (name, value, attributes) = try await login(server)
      #expect(name == "berth_session" && !attributes.contains("Secure"))
      #expect(attributes.isSuperset(of: ["HttpOnly", "SameSite=Lax"]))
      #expect(try await status("\(name)=\(value)", server) == 200)
    }
  }
}
