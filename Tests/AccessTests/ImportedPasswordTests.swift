import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Accounts of a Distribution that moves over.
@Suite struct `Accounts of an htpasswd file` {
  /// `secret`, as `htpasswd -B` keeps it.
  private static let kept = "$2y$05$c4WoMPo3SXsafkva.HHa6u7b1XOWKqA7XZANDrnv4IVny/8ABNR66"

  private static func password(of name: String, _ registry: ClosedRegistry) async throws -> String? {
    try await registry.server.registry.database.read { try $0.account(named: name)?.password }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `log in with their old passwords, which are kept by better hashes from then on`(
    kind: TestInstallation.Kind
  ) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let file = "# users\n\ndist:\(Self.kept)\nold:$apr1$abcdefgh$1234567890123456789012\nreader:\(Self.kept)\n"
      let body: JSONValue = ["htpasswd": .string(file)]
      let answer = try await registry.api("POST", "/api/v1/users/import", as: ClosedRegistry.admin, body.text)
      #expect(answer.json["made"] == ["dist"], "\(answer)")
      #expect(answer.json["skipped"]?.object?.members.map(\.key).sorted() == ["old", "reader"])
      #expect(try await Self.password(of: "dist", registry) == Self.kept)
      // Who was here before keeps the password.
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("reader")).status == 200)
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("dist", "Secret")).status == 401)
      #expect(try await Self.password(of: "dist", registry) == Self.kept, "a wrong password changes nothing")
      let right = ClosedRegistry.basic("dist", "secret")
      let bearer = try await registry.bearer("repository:acme/api:pull", as: right)
      let better = try #require(try await Self.password(of: "dist", registry))
      #expect(better.hasPrefix("$y$"))
      // The login goes on, the old password is the password, and its hash is made once.
      for header in [bearer, right] { #expect(try await registry.ask("GET", "/v2/", as: header).status == 200) }
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("dist", "Secret")).status == 401)
      let again = try await registry.server.access.authenticator.hasher.verify("secret", against: better)
      #expect(again)
      #expect(try await Self.password(of: "dist", registry) == better)
    }
  }
}
