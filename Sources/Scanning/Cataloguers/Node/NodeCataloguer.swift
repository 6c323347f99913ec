internal import OCI

/// Reads packages that npm and its like have installed: the roots of packages in `node_modules`, and nothing deeper in them.
///
/// Source: docs.npmjs.com, "package.json", "folders".
struct NodeCataloguer: Cataloguer {
  let name = "node"
  let revision = 2
  let sizeLimitBytes = 4 << 20

  func wants(_ file: Candidate) -> Bool {
    guard file.path.hasSuffix("/package.json") else { return false }
    let names = file.path.split(separator: "/")
    guard names.count >= 3 else { return false }
    let parent = names[names.count - 3]
    if parent == "node_modules" { return !names[names.count - 2].hasPrefix("@") }
    return names.count >= 4 && parent.hasPrefix("@") && names[names.count - 4] == "node_modules"
  }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    let document: JSONValue
    do throws(ParseError) { document = try JSONValue.parse(file.textBytes, depthLimit: 64) } catch {
      throw CatalogueError("it is no JSON: \(error.message)")
    }
    guard let name = document["name"]?.string, let version = document["version"]?.string, !name.isEmpty,
      !version.isEmpty
    else { return nil }
    var component = Component(.npm, name: name, version: version)
    if let license = document["license"]?.string ?? document["license"]?["type"]?.string {
      component.licenses = [license]
    }
    return Artefact(path: file.path, cataloguer: self.name, components: [component])
  }
}
