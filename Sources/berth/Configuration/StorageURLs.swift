/// Where PostgreSQL is. Holds a URL as libpq understands it, which may hold a password.
struct DatabaseURL: Sendable, Equatable {
  let text: String

  /// - Source: PostgreSQL's documentation, "Connection URIs".
  init(parsing text: String) throws(ValueProblem) {
    guard ["postgres://", "postgresql://"].contains(where: { text.hasPrefix($0) }) else {
      throw ValueProblem("does not begin with postgres://; write for instance postgres://berth@db.example/berth")
    }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), text.utf8.count <= 4096 else {
      throw ValueProblem("may hold ASCII letters, digits and punctuation only; write others as %XX")
    }
    self.text = text
  }

  /// The URL with its password masked.
  var shown: String {
    let scheme = text.hasPrefix("postgres://") ? "postgres://" : "postgresql://"
    let rest = text.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    return scheme + Self.withoutPassword(authority) + Self.withoutSecrets(rest.dropFirst(authority.count))
  }

  private static func withoutPassword(_ authority: Substring) -> String {
    guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") else {
      return String(authority)
    }
    return authority[..<colon] + ":********" + authority[at...]
  }

  /// A password may also stand among the parameters.
  private static func withoutSecrets(_ tail: Substring) -> String {
    guard let mark = tail.firstIndex(of: "?") else { return String(tail) }
    let parameters = tail[tail.index(after: mark)...].split(separator: "&").map { parameter in
      let name = parameter.prefix { $0 != "=" }
      return name.hasSuffix("password") ? name + "=********" : parameter
    }
    return tail[...mark] + parameters.joined(separator: "&")
  }
}

extension SettingType<DatabaseURL> {
  static let databaseURL = SettingType.scalar(
    summary: "URL (`postgres://USER@HOST/NAME`)",
    schema: .object([("type", .string("string")), ("pattern", .string("^postgres(ql)?://"))])
  ) { (text) throws(ValueProblem) in
    try DatabaseURL(parsing: text)
  } render: {
    .text($0.shown)
  }
}

/// Whose downloads go to the object store by a signed URL.
enum RedirectPolicy: Sendable, Equatable {
  /// Everybody's, when the store is AWS itself; nobody's otherwise.
  case automatic
  case always
  case never
  case networks([AddressRange])
}

extension RedirectPolicy {
  /// - Parameter address: nil for a unix socket.
  func applies(to address: String?, isAWS: Bool) -> Bool {
    switch self {
    case .automatic: isAWS
    case .always: true
    case .never: false
    case .networks(let networks):
      address.flatMap { IPAddress($0) }.map { address in networks.contains { $0.contains(address) } } ?? false
    }
  }
}

extension SettingType<RedirectPolicy> {
  static let redirectPolicy = SettingType(
    summary: "`auto`, `always`, `never`, or a list of networks (`10.0.0.0/8`)",
    schema: .object([("type", .array([.string("string"), .string("array")]))]),
    parse: { (raw) throws(ValueProblems) in
      switch raw {
      case .text("auto"): return .automatic
      case .text("always"): return .always
      case .text("never"), .text("none"): return .never
      default:
        let networks = try SettingType<[AddressRange]>.list(of: .network).parse(raw)
        return networks.isEmpty ? .never : .networks(networks)
      }
    },
    render: { policy in
      switch policy {
      case .automatic: .text("auto")
      case .always: .text("always")
      case .never: .text("never")
      case .networks(let networks): .list(networks.map(\.description))
      }
    })
}

extension SettingType<AddressRange> {
  static let network = SettingType.scalar(
    summary: "networks (`10.0.0.0/8`, `fd00::/8`)", schema: .object([("type", .string("string"))])
  ) { (text) throws(ValueProblem) in
    try AddressRange(parsing: text)
  } render: {
    .text($0.description)
  }
}

extension SettingType<String> {
  /// A word without spaces, such as a name or a key.
  static let word = SettingType.scalar(
    summary: "word", schema: .object([("type", .string("string")), ("minLength", .integer(1))])
  ) { (text) throws(ValueProblem) in
    guard !text.isEmpty else { throw ValueProblem("is empty") }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), text.utf8.count <= 4096 else {
      throw ValueProblem("may hold ASCII letters, digits and punctuation only, without spaces")
    }
    return text
  } render: {
    .text($0)
  }
}
