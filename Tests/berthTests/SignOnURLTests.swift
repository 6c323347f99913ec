import Testing

@testable import berth

@Suite struct `A provider that people sign on with` {
  @Test(arguments: ["manual", "Acme", "a:b", "", "a b"])
  func `has a name that stands for nothing else`(name: String) {
    #expect(throws: ValueProblem.self) {
      try SignOnURL(parsing: "\(name)=https://id.example.org?client-id=berth")
    }
  }

  @Test func `is named with its issuer and what it knows this registry by`() throws {
    let known = try SignOnURL(parsing: "acme=https://id.example.org/realms/acme/?client-id=berth&scopes=openid+groups")
    #expect(known.name == "acme")
    #expect(known.issuer == "https://id.example.org/realms/acme/")
    #expect(known.scopes == ["openid", "groups"])
    for text in [
      "acme=http://id.example.org?client-id=x", "acme=https://u@id.example.org?client-id=x", "acme=https://id",
    ] {
      #expect(throws: ValueProblem.self) { try SignOnURL(parsing: text) }
    }
  }
}
