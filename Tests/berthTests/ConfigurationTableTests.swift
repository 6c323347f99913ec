import Testing

@testable import berth

@Suite("Table of settings")
struct ConfigurationTableTests {
  private let table = SettingTable.standard

  @Test("The table lists every field of the settings, in their sections, and nothing else")
  func complete() {
    #expect(Set(fieldPaths(Mirror(reflecting: Settings()), under: "")) == Set(table.definitions.map(\.path)))
  }

  @Test("A setting writes the field of its name and no other")
  func rightField() throws {
    let samples = [
      "path": "/other", "list of addresses": "127.0.0.1:9", "URL (`https": "https://x",
      "list of networks": "10.0.0.0/8",
      "one of `1.2`": "1.3", "one of `auto`": "json", "one of `trace`": "trace", "whole": "77",
      "byte size, 32 MiB": "77777777", "byte size, 1": "77777", "byte size, 4": "77777", "byte size, 64": "77777",
      "byte size, 0": "77777",
      "duration, 1h": "7h", "duration, 0s to 5m": "3m", "duration": "7m", "list of issuers": "https://issuer.example",
      "list of providers": "acme=https://id.example?client-id=x", "list of `KIND": "push=7d",
      "list of feeds": "kev=kev:https://feeds.example/kev.json",
      "URL (`postgres": "postgres://u@h/d", "URL (`s3": "s3://bucket/p", "word": "w",
      "`auto`, `always`": "always",
    ]
    for definition in table.definitions {
      let before = Settings()
      var after = before
      let sample = samples.filter { definition.summary.hasPrefix($0.key) }.max { $0.key.count < $1.key.count }?.value
      let toggled = definition.shown(before) == .boolean(true) ? "false" : "true"
      try definition.read(.text(sample ?? toggled), into: &after)
      let changed = zip(
        fields(Mirror(reflecting: before), under: ""), fields(Mirror(reflecting: after), under: "")
      ).filter { $0 != $1 }.map(\.0.path)
      #expect(changed == [definition.path])
    }
  }

  @Test("Settings of a section stand together, and names follow from paths")
  func order() {
    let parents = table.definitions.map { parentPath(of: $0.path) }
    let runs = parents.enumerated().filter { $0.offset == 0 || parents[$0.offset - 1] != $0.element }.map(\.element)
    #expect(runs == table.sections.map(\.path))
    #expect(table.definition(path: "http.tls.key")?.environmentNames == ["BERTH_HTTP_TLS_KEY"])
    #expect(table.definitions.allSatisfy { $0.help.hasSuffix(".") && !$0.help.contains("\n") })
    #expect(
      table.definitions.compactMap(\.flag) == ["--data", "--database", "--blobs", "--listen", "--public-url", "--open"])
  }

  @Test("Every default is a value that the file may hold")
  func defaults() throws {
    let listing = LoadedSettings(settings: Settings(), sources: [:]).listing()
    let loading = readFile(listing)
    #expect(loading.errors.description == "")
    #expect(loading.settings == Settings())
  }

  @Test("What is shown can be used as a file and gives the same settings")
  func roundTrip() {
    var settings = Settings()
    settings.storage.data = "0x10 \"quoted\" # é: [x]"
    settings.http.listen = [.tcp(host: nil, port: 1), .unix(path: "/a,b c")]
    settings.http.trustForwarded = []
    settings.http.tls.certificate = "true"
    settings.http.tls.key = "~x"
    settings.limits.blobBytes = 123_456_789
    settings.limits.minimumRateBytes = nil
    settings.uploads.expireAfter = .milliseconds(90_061_001)
    settings.workers.threads = 3
    let loading = readFile(LoadedSettings(settings: settings, sources: [:]).listing())
    #expect(loading.errors.description == "")
    #expect(loading.settings == settings)
  }

  @Test("The listing names the source of every value")
  func listing() {
    var loaded = LoadedSettings(settings: Settings(), sources: [:])
    loaded.settings.limits.connections = 7
    loaded.sources["limits.connections"] = .file(path: "berth.yaml", mark: TextMark(line: 3, column: 5))
    loaded.sources["storage.data"] = .environment(name: "BERTH_DATA")
    let lines = loaded.listing().split(separator: "\n")
    #expect(lines.contains("  connections: 7  # berth.yaml:3"))
    #expect(lines.contains("  data: ./berth-data  # environment BERTH_DATA"))
    #expect(lines.contains("    minimum_version: \"1.2\"  # default"))
  }

  @Test("A secret is never shown: not in listings, messages, schema or changes")
  func secret() throws {
    let secretTable = SettingTable(
      definitions: [
        .init("storage.data", \.storage.data, .path, isSecret: true, help: "A secret."),
        .init("storage.limit", \.limits.connections, .integer(1...9), isSecret: true, help: "Another."),
      ], sections: [.init(path: "storage", help: "")])
    var settings = Settings()
    settings.storage.data = "hunter2"
    #expect(LoadedSettings(settings: settings, sources: [:]).listing(table: secretTable).contains("data: \"********\""))
    let plan = ReloadPlan(from: Settings(), to: settings, table: secretTable)
    #expect(plan.live == [.init(path: "storage.data", before: "\"********\"", after: "\"********\"")])
    #expect(plan.effective.storage.data == "hunter2")
    let message = readFile("storage: {limit: hunter2}", table: secretTable).errors.description
    #expect(message == "berth.yaml:1:18: storage.limit: is not valid; expected whole number, 1 to 9")
    #expect(!secretTable.jsonSchema().contains("berth-data"))
  }

  @Test("A reload takes over what can change while running and keeps the rest for a restart")
  func reload() {
    var new = Settings()
    new.logging.level = .debug
    new.limits.blobBytes = 1 << 30
    new.http.listen = [.tcp(host: .loopback, port: 1)]
    let plan = ReloadPlan(from: Settings(), to: new)
    #expect(
      plan.live == [
        .init(path: "limits.blob_bytes", before: "none", after: "1 GiB"),
        .init(path: "logging.level", before: "info", after: "debug"),
      ])
    #expect(plan.restart == [.init(path: "http.listen", before: #"["127.0.0.1:5000"]"#, after: #"["127.0.0.1:1"]"#)])
    #expect(plan.effective.logging.level == .debug)
    #expect(plan.effective.http.listen == Settings().http.listen)
    #expect(ReloadPlan(from: new, to: new).live.isEmpty)
  }

  @Test("The reference page in docs is the one of this table")
  func referencePage() throws {
    let page = try repositoryFile("docs/configuration.md")
    #expect(page == table.referencePage(), "renew it: berth config reference > docs/configuration.md")
    #expect(page.split(separator: "\n").allSatisfy { $0.count <= 120 })
  }

  @Test("The schema knows every key and allows no other")
  func schema() {
    let schema = table.jsonSchema()
    let keys = table.definitions.map(\.path) + table.sections.map(\.path)
    #expect(keys.allSatisfy { schema.contains("\"\(lastComponent(of: $0))\": {") })
    let closed = schema.split(separator: "\n").count { $0.contains("\"additionalProperties\": false") }
    #expect(closed == table.sections.count + 1)
    #expect(schema.contains(#""enum": ["1.2", 1.2, "1.3", 1.3]"#))
  }

  @Test("The example in deploy is a valid configuration")
  func example() throws {
    let loading = readFile(try repositoryFile("deploy/berth.yaml"))
    #expect(loading.errors.description == "")
    var expected = Settings()
    expected.storage.data = "/var/lib/berth"
    #expect(loading.settings == expected)
  }

  @Test("The example shows every setting, and what it shows commented out are the defaults")
  func exampleDefaults() throws {
    // Prose has a blank after its #, a setting has none.
    let lines = try repositoryFile("deploy/berth.yaml").split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.map { line in
      let body = line.drop { $0 == " " }
      let isSetting = body.hasPrefix("#") && body.count > 1 && !body.hasPrefix("# ")
      return isSetting ? line.prefix(line.count - body.count) + body.dropFirst() : line
    }.joined(separator: "\n")
    let loading = readFile(text)
    #expect(loading.errors.description == "")
    #expect(Set(loading.sources.keys) == Set(table.definitions.map(\.path)))
    let examples: Set = [
      "storage.database", "storage.blobs", "database.password_file", "s3.access_key_id", "s3.secret_access_key",
      "s3.secret_access_key_file", "storage.data", "http.public_url", "http.tls.certificate", "http.tls.key",
      "access.admin_password", "access.admin_password_file", "access.service", "access.longest_token", "access.sign_on",
      "inspection.feeds", "inspection.bundle_keys",
      "http.tls.client_ca", "cache.disk_directory",
    ]
    for definition in table.definitions where !examples.contains(definition.path) {
      #expect(definition.isEqual(loading.settings, Settings()), "\(definition.path)")
    }
  }

  private struct Field: Equatable {
    let path: String
    let value: String
  }

  private func fieldPaths(_ mirror: Mirror, under section: String) -> [String] {
    fields(mirror, under: section).map(\.path)
  }

  /// Paths and values of all fields that are not sections, by reflection.
  private func fields(_ mirror: Mirror, under section: String) -> [Field] {
    mirror.children.flatMap { label, value in
      let path = (section.isEmpty ? "" : "\(section).") + snakeCase(label ?? "")
      return table.section(path: path) == nil
        ? [Field(path: path, value: "\(value)")] : fields(Mirror(reflecting: value), under: path)
    }
  }

  /// `publicURL` as `public_url`.
  private func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
      if character.isUppercase, result.last?.isUppercase == false { result += "_" }
      result.append(character)
    }
    return result.lowercased()
  }
}
