import ArgumentParser
import Testing

@testable import berth

@Suite struct `Commands of access` {
  private static let trust = ["acme", "main", "--role", "writer"]

  @Test(arguments: [
    [], ["--issuer", "https://id.example", "--github", "acme/api"], ["--github", "acme/api", "--gitlab", "acme/api"],
    ["--issuer", "https://id.example", "--gitlab", "acme/api"],
  ])
  func `trust jobs of one issuer, and drop none that was named`(options: [String]) {
    #expect(throws: (any Error).self) { try TrustCommand.Add.parse(Self.trust + options) }
  }

  @Test(arguments: ["--issuer", "--github", "--gitlab"])
  func `trust jobs of the issuer that was named`(option: String) throws {
    _ = try TrustCommand.Add.parse(Self.trust + [option, "x"])
  }

  @Test func `leave it to the server how long a login may last, unless it is said`() throws {
    #expect(try LoginCommand.parse(["registry.example"]).days == nil)
    #expect(try LoginCommand.parse(["registry.example", "--days", "7"]).days == 7)
  }
}
