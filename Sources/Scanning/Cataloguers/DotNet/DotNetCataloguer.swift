internal import OCI

/// Reads the packages of NuGet that a program of .NET is published with.
///
/// Source: github.com/dotnet/sdk, documentation/specs/runtime-configuration-file.md, `*.deps.json`.
struct DotNetCataloguer: Cataloguer {
  let name = "dotnet"
  let revision = 2
  let sizeLimitBytes = 32 << 20

  func wants(_ file: Candidate) -> Bool { file.path.hasSuffix(".deps.json") }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    let document: JSONValue
    do throws(ParseError) { document = try JSONValue.parse(file.textBytes, depthLimit: 64) } catch {
      throw CatalogueError("it is no JSON: \(error.message)")
    }
    guard let libraries = document["libraries"]?.object else { return nil }
    let components = libraries.members.compactMap { member -> Component? in
      // `Newtonsoft.Json/13.0.1`. Projects and references are no packages.
      guard member.value["type"]?.string == "package", let slash = member.key.lastIndex(of: "/") else { return nil }
      let (name, version) = (member.key[..<slash], member.key[member.key.index(after: slash)...])
      guard !name.isEmpty, !version.isEmpty else { return nil }
      return Component(.nuget, name: String(name), version: String(version))
    }
    return components.isEmpty ? nil : Artefact(path: file.path, cataloguer: name, components: components)
  }
}
