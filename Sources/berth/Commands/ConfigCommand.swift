import ArgumentParser

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check, show or describe the configuration.",
    subcommands: [Check.self, Show.self, Schema.self, Reference.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say whether the configuration can be used.")
    @OptionGroup var options: SettingsOptions
    func run() throws { print(try options.load().checkReport()) }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every setting as it is in force, and where it comes from.")
    @OptionGroup var options: SettingsOptions
    func run() throws { print(try options.load().listing()) }
  }

  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the JSON Schema of the file, for editors.")
    func run() { print(SettingTable.standard.jsonSchema()) }
  }

  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the reference page that docs/configuration.md holds.", shouldDisplay: false)
    func run() { print(SettingTable.standard.referencePage(), terminator: "") }
  }
}
