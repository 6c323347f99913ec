import ArgumentParser
import Testing

@testable import berth

@Suite struct `Every command` {
  /// For one without a name the parser makes it of the type's at each start of the program, of a server too, and to tell that name
  /// looks through all conformances: those of ninety took two thirds of the time of `berth version`.
  @Test func `says its name`() {
    func nameless(_ command: any ParsableCommand.Type) -> [String] {
      let own = command.configuration.commandName == nil ? [String(describing: command)] : []
      return own + command.configuration.subcommands.flatMap(nameless)
    }
    #expect(nameless(Berth.self) == [])
  }

  /// What is on a command's line everybody on the machine may read.
  @Test func `takes no secret as an argument`() {
    func all(_ command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
      [command] + command.configuration.subcommands.flatMap(all)
    }
    for command in all(Berth.self) {
      let help = command.helpMessage(columns: 200)
      for word in ["password", "token", "secret"] {
        #expect(!help.contains("--\(word) <"), "\(command.configuration.commandName ?? "berth")")
      }
    }
  }
}
