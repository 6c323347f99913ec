/// Settings with the origin of every value.
struct LoadedSettings: Sendable, Equatable {
  var settings: Settings
  /// By the path of the setting. What is not here has its default.
  var sources: [String: SettingSource]
  /// The file that was read, if any.
  var configPath: String?

  func source(of path: String) -> SettingSource { sources[path] ?? .initial }
}

/// A setting given on the command line.
struct SettingFlag: Sendable, Equatable {
  /// With its dashes: `--listen`.
  let name: String
  /// As typed. Several for a flag that was repeated.
  let values: [String]

  init(_ name: String, _ values: [String]) {
    self.name = name
    self.values = values
  }

  init(_ name: String, _ value: String) { self.init(name, [value]) }

  /// A flag without a value, such as `--open`.
  init(_ name: String) { self.init(name, ["true"]) }
}

extension Settings {
  /// Reads the configuration: defaults, then the file, the environment and the flags, each over the one before.
  ///
  /// - Parameters:
  ///   - flags: those that were given, by the names of the table.
  ///   - environment: all variables; only those that begin with `BERTH_` matter.
  ///   - configPath: the value of `--config`. Else `BERTH_CONFIG` names the file, else it is `defaultConfigPath` if
  ///     that exists.
  /// - Throws: every mistake that was found, not only the first.
  static func load(
    flags: [SettingFlag] = [], environment: [String: String], configPath: String? = nil,
    defaultConfigPath: String = ConfigurationFile.defaultPath, table: SettingTable = .standard
  ) throws(ConfigurationErrors) -> LoadedSettings {
    var loading = SettingsLoading(settings: Settings())
    let named = configPath ?? environment[SettingsEnvironmentReader.configName].flatMap { $0.isEmpty ? nil : $0 }
    let path = named ?? defaultConfigPath
    var usedPath: String?
    do throws(ConfigurationError) {
      if let bytes = try ConfigurationFile.read(path, isOptional: named == nil) {
        usedPath = path
        SettingsFileReader(table: table, path: ConfigurationFile.printable(path)).read(bytes, into: &loading)
      }
    } catch {
      loading.errors.append(error)
    }
    SettingsEnvironmentReader(table: table).read(environment, into: &loading)
    for flag in flags {
      guard let definition = table.definition(flag: flag.name) else {
        preconditionFailure("\(flag.name) is not in the table of settings")
      }
      let raw = flag.values.count == 1 ? RawValue.text(flag.values[0]) : .list(flag.values)
      loading.apply(raw, to: definition, from: .flag(name: flag.name))
    }
    loading.checkRules()
    guard loading.errors.isEmpty else { throw loading.errors }
    return LoadedSettings(settings: loading.settings, sources: loading.sources, configPath: usedPath)
  }
}

/// Settings while they are put together from their sources.
struct SettingsLoading {
  var settings: Settings
  private(set) var sources: [String: SettingSource] = [:]
  /// Settings that were given a value which cannot be used. Rules leave them alone.
  private(set) var failed: Set<String> = []
  var errors = ConfigurationErrors()

  init(settings: Settings) { self.settings = settings }

  /// Reads a value and remembers where it came from, or reports what is wrong with it.
  ///
  /// - Parameter placeOfElement: where an element of a list stands, if that is known better than `place`.
  mutating func apply(
    _ raw: RawValue, to definition: SettingDefinition, from place: SettingSource,
    placeOfElement: (Int) -> SettingSource? = { _ in nil }
  ) {
    do throws(ValueProblems) {
      try definition.read(raw, into: &settings)
      sources[definition.path] = place
    } catch {
      for problem in error.problems {
        fail(definition, problem.element.flatMap(placeOfElement) ?? place, problem.message)
      }
    }
  }

  mutating func fail(_ definition: SettingDefinition, _ place: SettingSource, _ message: String) {
    failed.insert(definition.path)
    // The name of a variable or flag already says which setting it is.
    let isNamed = if case .file = place { false } else { true }
    errors.append(place, (isNamed ? "" : "\(definition.path): ") + message)
  }

  /// Takes over what a reader of one file found.
  mutating func merge(_ other: SettingsLoading, sortedByPlace: Bool) {
    settings = other.settings
    sources.merge(other.sources) { _, new in new }
    failed.formUnion(other.failed)
    errors.append(contentsOf: sortedByPlace ? other.errors.sortedByPlace() : other.errors)
  }

  /// Checks what no single value can tell.
  mutating func checkRules() {
    for rule in SettingRule.standard where failed.isDisjoint(with: rule.paths) {
      for violation in rule.violations(settings) {
        errors.append(sources[violation.path] ?? .initial, "\(violation.path) \(violation.message)")
      }
    }
  }
}
