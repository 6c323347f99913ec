/// The one list of settings. The file reader, the environment reader, `berth config show`, the JSON Schema, the
/// reference page and reloading are all computed from it.
struct SettingTable: Sendable {
  /// Settings in the order in which they are shown; those of one section stand together.
  let definitions: [SettingDefinition]
  /// Sections in the same order, a section before its subsections.
  let sections: [SettingSection]
  private let definitionIndex: [String: Int]
  private let sectionIndex: [String: Int]
  private let environmentIndex: [String: Int]
  private let flagIndex: [String: Int]
  private let childNames: [String: [String]]

  /// - Precondition: paths and names are unique and every setting lies in a listed section.
  init(definitions: [SettingDefinition], sections: [SettingSection]) {
    func index(_ names: [(String, Int)]) -> [String: Int] {
      Dictionary(names) { _, _ in preconditionFailure("two settings share a name") }
    }
    self.definitions = definitions
    self.sections = sections
    let numbered = Array(definitions.enumerated())
    definitionIndex = index(numbered.map { ($1.path, $0) })
    sectionIndex = index(sections.enumerated().map { ($1.path, $0) })
    environmentIndex = index(numbered.flatMap { number, one in one.environmentNames.map { ($0, number) } })
    flagIndex = index(numbered.compactMap { number, one in one.flag.map { ($0, number) } })
    childNames = Dictionary(grouping: definitions.map(\.path) + sections.map(\.path)) { parentPath(of: $0) }
      .mapValues { $0.map { lastComponent(of: $0) } }
    precondition(definitions.allSatisfy { sectionIndex[parentPath(of: $0.path)] != nil }, "a setting without a section")
  }

  func definition(path: String) -> SettingDefinition? { definitionIndex[path].map { definitions[$0] } }
  func definition(environmentName: String) -> SettingDefinition? {
    environmentIndex[environmentName].map { definitions[$0] }
  }
  func definition(flag: String) -> SettingDefinition? { flagIndex[flag].map { definitions[$0] } }
  func section(path: String) -> SettingSection? { sectionIndex[path].map { sections[$0] } }

  /// The keys that may stand under a section; under the empty path, those of the top level.
  func children(of sectionPath: String) -> [String] { childNames[sectionPath] ?? [] }

  /// Every name of an environment variable, in the order of the table.
  var environmentNames: [String] { definitions.flatMap(\.environmentNames) }
}

/// A group of settings, such as `http` or `http.tls`.
struct SettingSection: Sendable {
  let path: String
  /// One sentence for the reference page and the schema.
  let help: String
}

/// `http.tls` of `http.tls.key`; empty at the top level.
func parentPath(of path: String) -> String {
  path.lastIndex(of: ".").map { String(path[..<$0]) } ?? ""
}

/// `key` of `http.tls.key`.
func lastComponent(of path: String) -> String {
  path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? path
}
