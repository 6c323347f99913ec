/// Everything that is wrong with the configuration, in the order of file, environment, flags.
struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
  /// The first ones, at most ``limit``.
  private(set) var errors: [ConfigurationError] = []
  /// How many came after those.
  private(set) var furtherCount = 0

  /// More messages than this help nobody, and a large file must not take long to refuse.
  static let limit = 100

  var isEmpty: Bool { errors.isEmpty }
  var isFull: Bool { errors.count >= Self.limit }

  init() {}
  init(_ error: ConfigurationError) { errors = [error] }

  mutating func append(_ error: ConfigurationError) {
    if isFull { furtherCount += 1 } else { errors.append(error) }
  }

  mutating func append(_ place: SettingSource, _ message: String) {
    append(ConfigurationError(place: place, message: message))
  }

  mutating func append(contentsOf other: ConfigurationErrors) {
    for error in other.errors { append(error) }
    furtherCount += other.furtherCount
  }

  /// Errors of one file from its top to its end.
  func sortedByPlace() -> ConfigurationErrors {
    func position(_ error: ConfigurationError) -> (Int, Int) {
      if case .file(_, let mark?) = error.place { (mark.line, mark.column) } else { (0, 0) }
    }
    var sorted = self
    sorted.errors.sort { position($0) < position($1) }
    return sorted
  }

  /// One line an error.
  var description: String {
    let lines = errors.map(\.description)
    return (lines + (furtherCount > 0 ? ["and \(furtherCount) more"] : [])).joined(separator: "\n")
  }
}

/// One mistake and where it is.
struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  let place: SettingSource
  let message: String

  /// `berth.yaml:4:3: unknown key …`, `environment BERTH_X: …`, `--listen: …`.
  var description: String {
    switch place {
    case .initial: message
    case .file(let path, let mark?): "\(path):\(mark.line):\(mark.column): \(message)"
    case .file(let path, nil): "\(path): \(message)"
    case .environment(let name): "environment \(name): \(message)"
    case .flag(let name): "\(name): \(message)"
    }
  }
}

/// Where a value, or a mistake, comes from.
enum SettingSource: Sendable, Equatable, CustomStringConvertible {
  /// The default.
  case initial
  /// A place in a file; without a mark, the file as a whole. The path is fit to be printed.
  case file(path: String, mark: TextMark?)
  case environment(name: String)
  case flag(name: String)

  /// `default`, `berth.yaml:3`, `environment BERTH_DATA`, `flag --data`.
  var description: String {
    switch self {
    case .initial: "default"
    case .file(let path, let mark?): "\(path):\(mark.line)"
    case .file(let path, nil): path
    case .environment(let name): "environment \(name)"
    case .flag(let name): "flag \(name)"
    }
  }
}

/// A place in a text; both numbers count from 1, columns in Unicode scalars.
struct TextMark: Sendable, Equatable {
  let line: Int
  let column: Int
}
