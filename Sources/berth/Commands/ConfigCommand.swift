import ArgumentParser

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check, show or describe the configuration.",
    subcommands: [Check.self, Show.self, Schema.self, Reference.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check",
      abstract: "Say whether the configuration can be used: also by the database and the object store that it names.")
    @OptionGroup var options: SettingsOptions

    @Flag(help: "Read the settings only, and connect to nothing.")
    var offline = false

    func run() async throws {
      let loaded = try options.load()
      print(loaded.checkReport(), terminator: "")
      if offline { return }
      let problems = try await PartsCheck(loaded.settings).run()
      if problems > 0 {
        print(problems == 1 ? "1 problem" : "\(problems) problems")
        throw ExitCode.failure
      }
      print("all is well")
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Print every setting as it is in force, and where it comes from.")
    @OptionGroup var options: SettingsOptions
    func run() throws { print(try options.load().listing()) }
  }

  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "schema", abstract: "Print the JSON Schema of the file, for editors.")
    func run() { print(SettingTable.standard.jsonSchema()) }
  }

  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reference",
      abstract: "Print the reference page that docs/configuration.md holds.", shouldDisplay: false)
    func run() { print(SettingTable.standard.referencePage(), terminator: "") }
  }
}
