extension SettingTable {
  /// What `berth config schema` prints: a JSON Schema (draft 2020-12) of the configuration file, for editors.
  func jsonSchema() -> String {
    let head: [(String, JSONText)] = [
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string("Configuration of Berth")),
    ]
    return JSONText.object(head + objectSchema(of: "")).text() + "\n"
  }

  private func objectSchema(of section: String) -> [(String, JSONText)] {
    let properties = children(of: section).map { key in
      let path = section.isEmpty ? key : "\(section).\(key)"
      return (key, definition(path: path).map(valueSchema) ?? sectionSchema(path))
    }
    // A section may be empty, its keys all commented out.
    let type: JSONText = .array([.string("object"), .string("null")])
    return [("type", type), ("additionalProperties", .boolean(false)), ("properties", .object(properties))]
  }

  private func sectionSchema(_ path: String) -> JSONText {
    let help = section(path: path).map { [("description", JSONText.string($0.help))] } ?? []
    return .object(help + objectSchema(of: path))
  }

  private func valueSchema(_ definition: SettingDefinition) -> JSONText {
    guard case .object(let type) = definition.schema else { preconditionFailure("the schema of a value is an object") }
    let common = [("description", JSONText.string(definition.help)), ("default", definition.shown(Settings()).json)]
    return .object(common + type)
  }
}
