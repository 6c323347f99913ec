extension SettingTable {
  /// The page docs/configuration.md.
  func referencePage() -> String {
    var lines = [Self.introduction]
    for section in sections {
      lines.append("## `\(section.path)`\n\n\(section.help)\n")
      lines += definitions.filter { parentPath(of: $0.path) == section.path }.map(entry)
    }
    return lines.joined(separator: "\n")
  }

  private func entry(_ definition: SettingDefinition) -> String {
    let names = definition.environmentNames.map { "`\($0)`" }.joined(separator: ", ")
    let defaultText: String
    switch definition.shown(Settings()) {
    case .null: defaultText = "absent"
    case .list(let texts): defaultText = texts.map { "`\($0)`" }.joined(separator: ", ")
    case let value: defaultText = "`\(YAMLText.value(value))`"
    }
    return """
      ### `\(definition.path)`

      \(definition.help)

      - Value: \(definition.summary)
      - Default: \(defaultText)
      - Environment: \(names)\(definition.flag.map { "\n- Flag: `\($0)`" } ?? "")
      - Takes effect: \(definition.reload == .live ? "on SIGHUP" : "after a restart")

      """
  }

  private static let introduction = """
    # Configuration

    <!-- Made from the table of settings by `berth config reference`. A test compares the two. -->

    Every setting has a default, so Berth runs without any configuration. A value can be given in three ways; the first
    one that has it wins:

    1. a flag of `berth serve`, where one is listed below;
    2. an environment variable: `BERTH_` and the path of the setting in capitals, with `_` for each dot. Some settings
       have a shorter name too. Lists are separated by commas. An empty variable counts as not set;
    3. a YAML file: the one named by `--config`, else by `BERTH_CONFIG`, else `/etc/berth/berth.yaml` if that exists.

    ```yaml
    storage:
      data: /var/lib/berth
    http:
      listen: ["127.0.0.1:5000", "[::1]:5000"]
      tls:
        certificate: /etc/berth/tls/fullchain.pem
        key: /etc/berth/tls/key.pem
    ```

    Unknown keys, unknown variables that begin with `BERTH_` and values that do not fit are errors: the server does not
    start, and all of them are reported at once with their place. Variables that Kubernetes adds for a service called
    `berth` are left alone.

    - `berth config check` reads the configuration and reports mistakes.
    - `berth config show` prints every setting with its value and where that comes from.
    - `berth config schema` prints a JSON Schema for editors. A YAML language server finds it by the line
      `# yaml-language-server: $schema=/path/to/schema.json` at the top of the file.

    On SIGHUP (`systemctl reload berth`) the file is read again. Settings marked "on SIGHUP" take effect at once; a
    change of another one is reported in the log and waits for a restart. A file with mistakes changes nothing.

    Values are written as follows. A *byte size* is a whole number with an optional unit: `B`, `kB`, `MB`, `GB`, `TB`,
    `PB` (steps of 1000) or `KiB`, `MiB`, `GiB`, `TiB`, `PiB` (steps of 1024). A *duration* is one or more whole numbers
    with units: `ms`, `s`, `m`, `h`, `d`, as in `90s` or `1h30m`. A *path* that is not absolute counts from the working
    directory. The file is UTF-8 of at most 1 MiB and holds one document, without anchors, aliases, tags or directives.

    """
}
