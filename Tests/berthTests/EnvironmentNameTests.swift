import ArgumentParser
import Testing

@testable import berth

@Suite struct `An environment on the command line` {
  @Test(arguments: [
    ["acme/production"], ["production", "--namespace", "acme"], ["--namespace", "acme", "production"],
  ])
  func `has its namespace before its name or as an option`(_ arguments: [String]) throws {
    let create = try #require(
      try Berth.parseAsRoot(["env", "create"] + arguments + ["--requires", "staging", "--approvals", "1"])
        as? EnvironmentCommand.Create)
    #expect(create.which.environment.text == "acme/production")
    #expect(create.settings.requires == ["staging"] && create.settings.approvals == 1)
    let promote = try #require(
      try Berth.parseAsRoot(["env", "promote"] + arguments + ["acme/api:2.3.1", "acme/web:2.3.1"])
        as? EnvironmentCommand.Promote)
    #expect(promote.which.environment.text == "acme/production")
    #expect(promote.images == ["acme/api:2.3.1", "acme/web:2.3.1"])
  }

  @Test(arguments: [
    ["production"], ["acme/production", "--namespace", "acme"], ["acme/"], ["/production"],
    ["", "--namespace", "acme"],
  ])
  func `is refused where it is none, with both ways to name it`(_ arguments: [String]) throws {
    let error = #expect(throws: (any Error).self) { try Berth.parseAsRoot(["env", "show"] + arguments) }
    let told = Berth.message(for: try #require(error))
    #expect(told.contains("acme/production, or production --namespace acme"), "\(told)")
  }

  @Test(arguments: [["acme"], ["--namespace", "acme"]])
  func `is listed by its namespace, named either way`(_ arguments: [String]) throws {
    #expect(try Berth.parseAsRoot(["env", "list"] + arguments) is EnvironmentCommand.List)
    #expect(throws: (any Error).self) { try Berth.parseAsRoot(["env", "list"] + arguments + ["acme", "other"]) }
  }
}
