public import OCI

/// What a token may be used for at most: some actions on some repositories. Never more than its account may.
public struct TokenScope: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    public let pattern: RepositoryPattern
    public let actions: Set<Action>

    public init(pattern: RepositoryPattern, actions: Set<Action>) {
      self.pattern = pattern
      self.actions = actions
    }
  }

  public static let entryLimit = 64

  public let entries: [Entry]

  public init(_ entries: [Entry]) { self.entries = entries }

  /// Some actions on single repositories.
  init(_ granted: [RepositoryName: Set<Action>]) {
    entries = granted.sorted { $0.key < $1.key }.compactMap { name, actions in
      RepositoryPattern(parsing: name.text).map { Entry(pattern: $0, actions: actions) }
    }
  }

  public func allows(_ action: Action, on repository: RepositoryName) -> Bool {
    entries.contains { $0.actions.contains(action) && $0.pattern.matches(repository) }
  }

  /// `[{"repository":"acme/*","actions":["pull"]}]`
  public var json: JSONValue {
    .array(
      entries.map { entry in
        [
          "repository": .string(entry.pattern.text),
          "actions": .array(Action.allCases.filter { entry.actions.contains($0) }.map { .string($0.rawValue) }),
        ]
      })
  }

  /// Nil when it is no such list. What is kept was written by ``json``, and is read as nothing where it is damaged.
  public init?(json: JSONValue) {
    guard let array = json.array, array.count <= Self.entryLimit else { return nil }
    var entries: [Entry] = []
    for element in array {
      guard let pattern = element["repository"]?.string.flatMap({ RepositoryPattern(parsing: $0) }),
        let names = element["actions"]?.array, !names.isEmpty
      else { return nil }
      let actions = names.compactMap { $0.string.flatMap { Action(rawValue: $0) } }
      guard actions.count == names.count else { return nil }
      entries.append(Entry(pattern: pattern, actions: Set(actions)))
    }
    self.entries = entries
  }

  init(stored text: String) { self = (try? JSONValue.parse(text)).flatMap { TokenScope(json: $0) } ?? TokenScope([]) }
}

/// What a client asks the token endpoint for: `repository:acme/api:pull,push`, `registry:catalog:*`.
///
/// Source: the Docker token specification, "scope".
public enum RequestedScope: Sendable, Hashable {
  case repository(RepositoryName, Set<Action>)
  case catalogue

  /// How many one request may name: a token that names so many is still one that is looked at.
  public static let countLimit = 32

  /// Those of a text that mean something here, in their order; others are passed over, as the specification wants it.
  public static func parse(_ texts: [String]) -> [RequestedScope] {
    texts.flatMap { $0.split(separator: " ") }.prefix(countLimit).compactMap { parse(one: $0) }
  }

  private static func parse(one text: Substring) -> RequestedScope? {
    guard let first = text.firstIndex(of: ":"), let last = text.lastIndex(of: ":"), first < last else { return nil }
    let type = text[..<first].prefix { $0 != "(" }
    let name = text[text.index(after: first)..<last]
    let words = text[text.index(after: last)...].split(separator: ",")
    if type == "registry" { return name == "catalog" && words.contains("*") ? .catalogue : nil }
    guard type == "repository", let repository = try? RepositoryName(parsing: name) else { return nil }
    let actions = words.contains("*") ? Set(Action.allCases) : Set(words.compactMap { Action(rawValue: String($0)) })
    return actions.isEmpty ? nil : .repository(repository, actions)
  }
}
