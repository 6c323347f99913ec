import Foundation
import Ground
import HTTPService
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// What a replica knows of who may do what, when another changes it, and when clocks and connections are bad.
@Suite struct `A replica of a closed registry` {
  private static func settings(tokenLifetime: Duration = .seconds(300)) -> TestRegistry.Access {
    var settings = AccessSettings()
    settings.service = "registry.test"
    settings.tokenLifetime = tokenLifetime
    return .closed(settings, NoNetwork())
  }

  private static func ask(
    _ replica: TestRegistry, _ target: String, _ credential: (String, String)
  ) async throws -> RawResponse {
    let http = RawHTTPClient(host: replica.host, port: replica.port)
    let answer = try await http.send(RawRequest("GET", target, [RawField(credential.0, credential.1)]))
    try await http.close()
    return answer
  }

  private static func bearer(from replica: TestRegistry) async throws -> (String, String) {
    let answer = try await ask(replica, "/token?service=registry.test", ClosedRegistry.admin)
    return ("Authorization", "Bearer \(try #require(answer.json["token"]?.string, "\(answer)"))")
  }

  @Test(arguments: [Duration.seconds(600), .seconds(-600)])
  func `whose clock is wrong takes tokens of the others, and they its own, for as long as they last`(
    skew: Duration
  ) async throws {
    let installation = try await TestInstallation(.postgresAndObjects)
    // Shorter than the clocks differ.
    let access = Self.settings(tokenLifetime: .seconds(120))
    let right = try await TestRegistry.start(over: installation, access: access)
    let wrong = try await TestRegistry.start(over: installation, time: SkewedTime(ahead: skew), access: access)
    for maker in [right, wrong] {
      let token = try await Self.bearer(from: maker)
      for replica in [right, wrong] { #expect(try await Self.ask(replica, "/v2/", token).status == 200) }
    }
    for replica in [right, wrong] { replica.access.settings.tokenLifetime = .seconds(1) }
    for maker in [right, wrong] {
      let token = try await Self.bearer(from: maker)
      for replica in [right, wrong] {
        var status = 0
        // It ends by the database's clock, soon; by that of the machine it would in ten minutes, or would have long ago.
        for _ in 0..<600 where status != 401 {
          status = try await Self.ask(replica, "/v2/", token).status
          if status != 401 { try await Task.sleep(for: .milliseconds(50)) }
        }
        #expect(status == 401)
      }
    }
    try await right.stop()
    try await wrong.stop()
    try installation.remove()
  }

  /// Nothing listens for notifications: what may be stale is asked again after half a second, and where nobody answers, nothing
  /// that may have changed is answered from memory.
  @Test func `that cannot ask the database shows nothing that another has changed meanwhile`() async throws {
    let installation = try await TestInstallation(.postgresAndObjects)
    let server = try await PostgresServer.shared()
    let proxy = try ChaosProxy(to: server.port)
    let url = try #require(installation.databaseURL).replacing(":\(server.port)/", with: ":\(proxy.port)/")
    let access = Self.settings()
    let here = try await TestRegistry.start(over: installation, access: access)
    let there = try await TestRegistry.start(
      over: installation, databaseURL: url, postgres: { $0.patience = .zero }, access: access)
    let administration = here.access.administration
    let admin = try await here.access.authenticator.caller(
      .basic(user: "admin", password: TestRegistry.adminPassword), address: "test", requestID: "test")
    try await administration.makeUser("olga", password: ClosedRegistry.password, siteRole: .admin, by: admin)
    let olga = ClosedRegistry.basic("olga")
    #expect(try await Self.ask(there, "/v2/", olga).status == 200)

    proxy.refuseConnections(true)
    proxy.cutAll()
    try await administration.deleteUser("olga", by: admin)
    try await Task.sleep(for: AccessMemory.bound)
    #expect(try await Self.ask(there, "/v2/", olga).status == 503)
    #expect(try await Self.ask(there, "/v2/acme/api/manifests/1", olga).status == 503)

    proxy.refuseConnections(false)
    var statuses: [Int] = []
    for _ in 0..<200 where statuses.last != 401 {
      statuses.append(try await Self.ask(there, "/v2/", olga).status)
      if statuses.last != 401 { try await Task.sleep(for: .milliseconds(50)) }
    }
    #expect(Set(statuses).isSubset(of: [401, 503]) && statuses.last == 401, "\(statuses)")
    proxy.stop()
    try await here.stop()
    try await there.stop()
    try installation.remove()
  }
}
