import ArgumentParser

/// The options that every command which needs the settings has.
struct SettingsOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The configuration file (default: /etc/berth/berth.yaml where it exists).", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Where blobs and the database are kept (default: ./berth-data).", valueName: "dir"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "PostgreSQL instead of SQLite: postgres://USER@HOST/NAME. Several replicas may share it.", valueName: "url"))
  var database: String?

  @Option(
    help: ArgumentHelp(
      "An object store instead of files: 's3://BUCKET/PREFIX?endpoint=…&region=…&path-style=true'.", valueName: "url"))
  var blobs: String?

  /// The settings of a command. What is wrong with them is said on standard error.
  func load(more flags: [SettingFlag] = []) throws -> LoadedSettings {
    do throws(ConfigurationErrors) {
      return try read(more: flags)
    } catch {
      standardError("\(error)")
      throw ExitCode.wrongConfiguration
    }
  }

  /// The same for a server that is running, whose log says what is wrong.
  func read(more flags: [SettingFlag] = []) throws(ConfigurationErrors) -> LoadedSettings {
    let own = [("--data", data), ("--database", database), ("--blobs", blobs)].compactMap { name, value in
      value.map { SettingFlag(name, $0) }
    }
    return try Settings.load(flags: own + flags, environment: processEnvironment(), configPath: config)
  }
}

extension ExitCode {
  /// sysexits.h, EX_CONFIG: trying again does not help.
  static let wrongConfiguration = ExitCode(78)
}
