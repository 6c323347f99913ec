import Testing

@testable import berth

@Suite("Configuration sources")
struct ConfigurationLoadTests {
  private func load(
    flags: [SettingFlag] = [], environment: [String: String] = [:], file: String? = nil
  ) throws -> LoadedSettings {
    let directory = try ScratchDirectory()
    defer { withExtendedLifetime(directory) {} }
    let path = try file.map { try directory.write("berth.yaml", $0) }
    return try Settings.load(
      flags: flags, environment: environment, configPath: path, defaultConfigPath: directory.path + "/absent.yaml")
  }

  private func errors(flags: [SettingFlag] = [], environment: [String: String] = [:], file: String? = nil) -> [String] {
    do {
      _ = try load(flags: flags, environment: environment, file: file)
      return []
    } catch let error as ConfigurationErrors {
      return error.errors.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  @Test("A flag wins over the environment, that over the file, and that over the default")
  func precedence() throws {
    let file = "storage: {data: /file}\n"
    let environment = ["BERTH_DATA": "/environment"]
    let flags = [SettingFlag("--data", "/flag")]
    #expect(try load().settings.storage.data == "./berth-data")
    #expect(try load(file: file).settings.storage.data == "/file")
    #expect(try load(environment: environment, file: file).settings.storage.data == "/environment")
    #expect(try load(flags: flags, environment: environment, file: file).settings.storage.data == "/flag")
  }

  @Test("Every value knows where it comes from")
  func sources() throws {
    let directory = try ScratchDirectory()
    let path = try directory.write("b.yaml", "storage:\n  data: /x\nlogging:\n  level: debug\n")
    let loaded = try Settings.load(
      flags: [SettingFlag("--open")], environment: ["BERTH_LOGGING_LEVEL": "error"], configPath: path)
    #expect(loaded.configPath == path)
    #expect(loaded.source(of: "storage.data").description == "\(path):2")
    #expect(loaded.source(of: "logging.level") == .environment(name: "BERTH_LOGGING_LEVEL"))
    #expect(loaded.source(of: "access.open") == .flag(name: "--open"))
    #expect(loaded.source(of: "http.listen") == .initial)
    #expect(loaded.checkReport() == "\(path): ok (settings from the file: 1, from the environment: 1)\n")
  }

  @Test("The file is the one of --config, else of BERTH_CONFIG, else the usual one if it exists")
  func whichFile() throws {
    let directory = try ScratchDirectory()
    let first = try directory.write("first.yaml", "storage: {data: first}")
    let second = try directory.write("second.yaml", "storage: {data: second}")
    let usual = try directory.write("usual.yaml", "storage: {data: usual}")
    func data(_ configPath: String?, _ environment: [String: String], _ defaultPath: String) throws -> String {
      try Settings.load(environment: environment, configPath: configPath, defaultConfigPath: defaultPath).settings
        .storage.data
    }
    #expect(try data(first, ["BERTH_SERVER": "registry.example.org"], usual) == "first")
    #expect(try data(first, ["BERTH_CONFIG": second], usual) == "first")
    #expect(try data(nil, ["BERTH_CONFIG": second], usual) == "second")
    #expect(try data(nil, ["BERTH_CONFIG": ""], usual) == "usual")
    #expect(try data(nil, [:], usual) == "usual")
    #expect(try data(nil, [:], directory.path + "/none.yaml") == "./berth-data")
  }

  @Test("A file that was named must be there and be a file of reasonable size")
  func unreadable() throws {
    let directory = try ScratchDirectory()
    let big = try directory.write("big.yaml", "# " + String(repeating: "x", count: 1_048_576))
    let full = try directory.write("full.yaml", "# " + String(repeating: "x", count: 1_048_573) + "\n")
    func message(_ path: String) -> String? {
      do throws(ConfigurationErrors) {
        _ = try Settings.load(environment: [:], configPath: path)
        return nil
      } catch { return error.description }
    }
    let missing = directory.path + "/missing.yaml"
    #expect(message(missing) == "\(missing): cannot be read: No such file or directory")
    #expect(message(directory.path) == "\(directory.path): cannot be read: Is a directory")
    #expect(message(big) == "\(big): is larger than 1 MiB, which no configuration needs to be")
    #expect(message(full) == nil)
    #expect(message("/dev/zero") == "/dev/zero: is larger than 1 MiB, which no configuration needs to be")
    #expect(message("/dev/null") == nil)
  }

  @Test("Lists come from the environment between commas, and from repeated flags")
  func lists() throws {
    let both = [ListenAddress.tcp(host: .loopback, port: 5000), .unix(path: "/run/b.sock")]
    #expect(try load(environment: ["BERTH_LISTEN": "127.0.0.1:5000, unix:/run/b.sock"]).settings.http.listen == both)
    #expect(
      try load(flags: [SettingFlag("--listen", ["127.0.0.1:5000", "unix:/run/b.sock"])]).settings.http.listen == both)
    #expect(try load(environment: ["BERTH_HTTP_TRUST_FORWARDED": "none"]).settings.http.trustForwarded == [])
  }

  @Test("An empty variable counts as not set")
  func emptyVariable() throws {
    #expect(
      try load(environment: ["BERTH_PUBLIC_URL": "", "BERTH_LISTEN": "", "BERTH_NONSENSE": ""]).settings == Settings())
  }

  @Test(
    "Unknown and contradictory variables are errors",
    arguments: [
      (["BERTH_LISTN": "x"], ["environment BERTH_LISTN: unknown variable; did you mean BERTH_LISTEN?"]),
      (["BERTH_STORAGE": "x"], ["environment BERTH_STORAGE: unknown variable; did you mean BERTH_STORAGE_DATA?"]),
      (["BERTH_CONFG": "x"], ["environment BERTH_CONFG: unknown variable; did you mean BERTH_CONFIG?"]),
      (["BERTH_PORT": "5000"], ["environment BERTH_PORT: unknown variable"]),
      (["BERTH_": "x"], ["environment BERTH_: unknown variable"]),
      (["BERTH_OPEN": "perhaps"], [#"environment BERTH_OPEN: "perhaps" is not true or false"#]),
      (
        ["BERTH_DATA": "a", "BERTH_STORAGE_DATA": "b"],
        ["environment BERTH_STORAGE_DATA: is also set by BERTH_DATA, to another value; set only one of them"]
      ),
      (["BERTH_DATA": "a", "BERTH_STORAGE_DATA": "a", "BERTHA": "x", "berth_data": "y"], []),
      (["BERTH_X\nY": "1"], [#"environment "BERTH_X\nY": unknown variable"#]),
    ])
  func variables(environment: [String: String], expected: [String]) {
    #expect(errors(environment: environment) == expected)
  }

  @Test("Variables that Kubernetes adds for a service called berth are left alone")
  func kubernetes() {
    let environment = [
      "BERTH_SERVICE_HOST": "10.0.0.7", "BERTH_SERVICE_PORT": "5000", "BERTH_SERVICE_PORT_HTTP": "5000",
      "BERTH_PORT": "tcp://10.0.0.7:5000", "BERTH_PORT_5000_TCP": "tcp://10.0.0.7:5000",
      "BERTH_PORT_5000_TCP_ADDR": "10.0.0.7",
      "BERTH_PORT_5000_TCP_PORT": "5000", "BERTH_PORT_5000_TCP_PROTO": "tcp", "BERTH_UI_SERVICE_HOST": "10.0.0.8",
      "BERTH_UI_PORT_80_TCP_PORT": "80",
    ]
    #expect(errors(environment: environment) == [])
    let names = SettingTable.standard.environmentNames
    #expect(
      names.allSatisfy { !SettingsEnvironmentReader.isInjected($0, "tcp://x") }, "no setting looks like one of them")
  }

  @Test("Mistakes of all sources are reported together")
  func together() {
    let found = errors(
      flags: [SettingFlag("--listen", ["127.0.0.1:x"])], environment: ["BERTH_OPN": "1"],
      file: "zebra: 1\nlimits: {connections: a}\n")
    #expect(found.count == 4)
    #expect(found[0].hasSuffix(#"berth.yaml:1:1: unknown key "zebra""#))
    #expect(found[1].hasSuffix(#"berth.yaml:2:23: limits.connections: "a" is not a whole number"#))
    #expect(found[2] == "environment BERTH_OPN: unknown variable; did you mean BERTH_OPEN?")
    #expect(found[3] == #"--listen: "127.0.0.1:x": the port must be 0 to 65535"#)
  }

  @Test("Certificate and key go together")
  func certificate() throws {
    let found = errors(file: "http:\n  tls:\n    key: k.pem\n")
    #expect(found.count == 1)
    #expect(
      found.first?.hasSuffix(
        "berth.yaml:3:10: http.tls.key is set but http.tls.certificate is not; set both or neither") == true)
    let half = errors(environment: ["BERTH_HTTP_TLS_CERTIFICATE": "c.pem"])
    #expect(half.first?.hasSuffix("http.tls.certificate is set but http.tls.key is not; set both or neither") == true)
    #expect(try load(file: "http: {tls: {certificate: c, key: k}}").settings.http.tls.key == "k")
  }

  @Test(
    "A registry open to everyone listens on this machine only",
    arguments: [
      ("127.0.0.1:5000", true), ("[::1]:5000", true), ("unix:/x", true), (":5000", false), ("0.0.0.0:5000", false),
      ("10.0.0.1:5000", false), ("[::]:5000", false), ("127.0.0.1:5000,:5001", false),
    ])
  func open(listen: String, isAccepted: Bool) {
    let flags = [SettingFlag("--open"), SettingFlag("--listen", listen)]
    #expect(errors(flags: flags).isEmpty == isAccepted)
    #expect(errors(flags: [SettingFlag("--listen", listen)]).isEmpty)
  }

  @Test("A rule does not complain about a value that was refused already")
  func ruleAfterMistake() {
    #expect(errors(flags: [SettingFlag("--open"), SettingFlag("--listen", "x")]).count == 1)
    #expect(errors(file: "http: {tls: {certificate: '', key: k}}").count == 1)
  }

  @Test("The smallest chunk fits the largest blob")
  func chunk() {
    #expect(errors(file: "uploads: {chunk_minimum_bytes: 2}\nlimits: {blob_bytes: 1}\n").count == 1)
    #expect(errors(file: "uploads: {chunk_minimum_bytes: 2}\nlimits: {blob_bytes: 2}\n").isEmpty)
  }

  @Test("The variables of the process are found")
  func process() {
    #expect(processEnvironment()["PATH"]?.isEmpty == false)
  }

  @Test("A command's options say what is wrong with the file in words, for the log of a server that reads it again")
  func optionsTellTheReason() throws {
    let directory = try ScratchDirectory()
    let path = try directory.write("berth.yaml", "limits:\n  idle_timeout: soon\n")
    var options = SettingsOptions()
    (options.config, options.data, options.database, options.blobs) = (path, nil, nil, nil)
    let error = #expect(throws: ConfigurationErrors.self) { try options.read() }
    #expect(error?.description.hasPrefix("\(path):2:") ?? false, "\(String(describing: error))")
  }
}
