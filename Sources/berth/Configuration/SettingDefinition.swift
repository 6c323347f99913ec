/// One setting: its names, its type and what it means.
struct SettingDefinition: Sendable {
  /// When a new value takes effect.
  enum Reload: Sendable, Equatable {
    /// When the server receives SIGHUP.
    case live
    /// When the server is started again.
    case restart
  }

  /// Section and key in the file, joined by dots: `http.tls.key`.
  let path: String
  /// The name that follows from the path, `BERTH_HTTP_TLS_KEY`, then shorter ones.
  let environmentNames: [String]
  /// Flag of `berth serve`, with its dashes.
  let flag: String?
  let reload: Reload
  /// The value is never shown: not in listings, messages or logs.
  let isSecret: Bool
  /// One or two sentences in Markdown.
  let help: String
  /// Type, unit and range for a reader: `byte size, 4 KiB to 1 MiB`.
  let summary: String
  /// JSON Schema of the value, without title and default.
  let schema: JSONText

  private let reading: @Sendable (RawValue, inout Settings) throws(ValueProblems) -> Void
  private let rendering: @Sendable (Settings) -> RenderedValue
  private let copying: @Sendable (Settings, inout Settings) -> Void

  init<Value>(
    _ path: String, _ field: any WritableKeyPath<Settings, Value> & Sendable, _ type: SettingType<Value>,
    aliases: [String] = [], flag: String? = nil, reload: Reload = .live, isSecret: Bool = false, help: String
  ) {
    self.path = path
    self.environmentNames = [environmentName(path: path)] + aliases
    self.flag = flag
    self.reload = reload
    self.isSecret = isSecret
    self.help = help
    self.summary = type.summary
    self.schema = type.schema
    reading = { (raw, settings) throws(ValueProblems) in settings[keyPath: field] = try type.parse(raw) }
    rendering = { type.render($0[keyPath: field]) }
    copying = { $1[keyPath: field] = $0[keyPath: field] }
  }

  /// Reads a value into its field. The field keeps its value when this throws.
  ///
  /// - Throws: what is wrong with the value; for a secret, without its text.
  func read(_ raw: RawValue, into settings: inout Settings) throws(ValueProblems) {
    do {
      try reading(raw, &settings)
    } catch {
      guard isSecret else { throw error }
      throw ValueProblems("is not valid; expected \(summary)")
    }
  }

  /// The value as it would stand in the file, secrets masked.
  func shown(_ settings: Settings) -> RenderedValue {
    let value = rendering(settings)
    return isSecret && value != .null ? .text("********") : value
  }

  func copy(from source: Settings, to target: inout Settings) { copying(source, &target) }

  /// Compares values, secrets too.
  func isEqual(_ left: Settings, _ right: Settings) -> Bool { rendering(left) == rendering(right) }
}

/// `BERTH_HTTP_TLS_KEY` for `http.tls.key`.
private func environmentName(path: String) -> String {
  "BERTH_" + path.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
}

/// A value as it was given, before it means anything.
enum RawValue: Sendable, Equatable {
  /// A key without a value.
  case null
  case text(String)
  case list([String])
}

/// A value on its way to a reader.
enum RenderedValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case text(String)
  case list([String])

  var json: JSONText {
    switch self {
    case .null: .null
    case .boolean(let value): .boolean(value)
    case .integer(let value): .integer(value)
    case .text(let value): .string(value)
    case .list(let values): .array(values.map { .string($0) })
    }
  }
}

/// Why one value, or one element of a list, cannot be used. Reads on from the name of the setting.
struct ValueProblem: Error, Equatable {
  let message: String
  /// Position in a list.
  var element: Int?

  init(_ message: String, element: Int? = nil) {
    self.message = message
    self.element = element
  }
}

/// Everything that is wrong with one value; never empty.
struct ValueProblems: Error, Equatable {
  let problems: [ValueProblem]

  init(_ message: String) { problems = [ValueProblem(message)] }
  init(_ problem: ValueProblem) { problems = [problem] }

  /// - Precondition: at least one problem.
  init(_ problems: [ValueProblem]) {
    precondition(!problems.isEmpty)
    self.problems = problems
  }
}
