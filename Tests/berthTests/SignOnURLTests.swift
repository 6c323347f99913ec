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

@Suite struct `How long records are kept` {
  @Test(arguments: ["pull=90d", "user.*=365d", "token.revoke=36h"])
  func `is told of a kind or a family of kinds`(text: String) throws {
    let parsed = try SettingType<RecordRetention>.recordRetention.parse(.text(text))
    #expect(text.hasPrefix(parsed.kind + "="))
  }

  @Test(arguments: ["pul=90d", "nothing.*=90d", "*=90d", "user=90d", "pull=1h", "pull", "trimmed=90d"])
  func `is not told of what no record is, nor for less than a day`(text: String) {
    #expect(throws: ValueProblems.self) { try SettingType<RecordRetention>.recordRetention.parse(.text(text)) }
  }
}
