internal import OCI

/// Reads what Composer has installed.
///
/// Source: getcomposer.org, "Repositories"; the two shapes of `installed.json`, a list and an object with `packages`.
struct PHPCataloguer: Cataloguer {
  let name = "php"
  let revision = 1
  let sizeLimitBytes = 32 << 20

  func wants(_ file: Candidate) -> Bool {
    file.path.hasSuffix("/composer/installed.json") || file.path == "composer/installed.json"
  }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    let document: JSONValue
    do throws(ParseError) { document = try JSONValue.parse(file.bytes, depthLimit: 64) } catch {
      throw CatalogueError("it is no JSON: \(error.message)")
    }
    guard let packages = document.array ?? document["packages"]?.array else { return nil }
    let components = packages.compactMap { package -> Component? in
      guard let name = package["name"]?.string, let version = package["version"]?.string, !name.isEmpty else {
        return nil
      }
      let number = version.hasPrefix("v") || version.hasPrefix("V") ? String(version.dropFirst()) : version
      guard !number.isEmpty else { return nil }
      var component = Component(.composer, name: name.lowercased(), version: number)
      component.licenses = package["license"]?.array?.compactMap(\.string) ?? []
      return component
    }
    return Artefact(path: file.path, cataloguer: name, components: components)
  }
}
