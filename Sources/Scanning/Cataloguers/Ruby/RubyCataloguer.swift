/// Reads gems by the specifications that RubyGems writes when it installs them.
///
/// Source: guides.rubygems.org, "Specification Reference".
struct RubyCataloguer: Cataloguer {
  let name = "ruby"
  let revision = 1
  let sizeLimitBytes = 1 << 20

  func wants(_ file: Candidate) -> Bool {
    guard file.path.hasSuffix(".gemspec") else { return false }
    return file.path.contains("/specifications/") || file.path.hasPrefix("specifications/")
  }

  func artefact(in file: LayerFile) -> Artefact? {
    var values: [String: String] = [:]
    var licenses: [String] = []
    for line in LineReader(file.bytes) {
      guard let (name, text) = Self.assignment(line.text.trimmed) else { continue }
      switch name {
      case "name", "version": values[name] = values[name] ?? text.first
      case "license", "licenses": licenses += text
      default: break
      }
    }
    guard let name = values["name"], let version = values["version"], !name.isEmpty, !version.isEmpty else {
      return nil
    }
    var component = Component(.gem, name: name, version: version)
    component.licenses = licenses
    return Artefact(path: file.path, cataloguer: self.name, components: [component])
  }

  /// `s.name = "rack".freeze` → `name`, `["rack"]`: an attribute, and the texts in quotation marks behind it.
  private static func assignment(_ line: String) -> (name: String, texts: [String])? {
    guard let equals = line.firstIndex(of: "="), let dot = line[..<equals].firstIndex(of: ".") else { return nil }
    let variable = line[..<dot]
    let name = String(line[line.index(after: dot)..<equals]).trimmed
    guard !variable.isEmpty, variable.allSatisfy({ $0.isLetter || $0 == "_" }), !name.isEmpty,
      name.allSatisfy({ $0.isLetter || $0 == "_" })
    else { return nil }
    var texts: [String] = []
    var rest = line[line.index(after: equals)...]
    while let open = rest.firstIndex(where: { $0 == "\"" || $0 == "'" }) {
      let begin = rest.index(after: open)
      guard let close = rest[begin...].firstIndex(of: rest[open]) else { break }
      texts.append(String(rest[begin..<close]))
      rest = rest[rest.index(after: close)...]
    }
    return texts.isEmpty ? nil : (name, texts)
  }
}
