/// Reads the database of apk.
///
/// Source: Alpine wiki, "Apk spec", "Installed Database V2".
struct ApkCataloguer: Cataloguer {
  let name = "apk"
  let revision = 3
  let sizeLimitBytes = 32 << 20

  private static let paths: Set<String> = ["lib/apk/db/installed", "usr/lib/apk/db/installed"]

  func wants(_ file: Candidate) -> Bool { Self.paths.contains(file.path) }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    try CatalogueError.refuseZeros(in: file.bytes)
    var artefact = Artefact(path: file.path, cataloguer: name)
    var owned = OwnedPaths(databaseBytes: file.bytes.count)
    var current = Record()
    for line in LineReader(file.bytes) {
      if line.isEmpty {
        if let component = current.component { try artefact.components.appendPackage(component) }
        current = Record()
      } else {
        // The files of a package follow its name and version.
        try current.take(line, &owned, owner: artefact.components.count)
      }
    }
    if let component = current.component { try artefact.components.appendPackage(component) }
    try CatalogueError.refuseOther(file.bytes, namesPackage: !artefact.components.isEmpty)
    artefact.ownedPaths = owned.paths
    artefact.pathOwners = owned.owners
    return artefact
  }

  private struct Record {
    private var name = ""
    private var version = ""
    private var architecture: String?
    private var origin: String?
    private var license: String?
    private var isInDirectory = false

    private var isPackage: Bool { !name.isEmpty && !version.isEmpty }

    mutating func take(
      _ line: UnsafeRawBufferPointer, _ owned: inout OwnedPaths, owner: Int
    ) throws(CatalogueError) {
      guard line.count >= 2, line[1] == UInt8(ascii: ":") else { return }
      let value = UnsafeRawBufferPointer(rebasing: line.dropFirst(2))
      switch line[0] {
      case UInt8(ascii: "P"): name = value.text
      case UInt8(ascii: "V"): version = value.text
      case UInt8(ascii: "A"): architecture = value.text
      case UInt8(ascii: "o"): origin = value.text
      case UInt8(ascii: "L"): license = value.text
      case UInt8(ascii: "F") where isPackage:
        try owned.enter(value)
        isInDirectory = true
      case UInt8(ascii: "R") where isInDirectory: try owned.add(value, owner: owner)
      default: break
      }
    }

    var component: Component? {
      guard isPackage else { return nil }
      var component = Component(.apk, name: name, version: version)
      component.architecture = architecture
      component.source = .init(name: origin ?? name, version: version)
      component.licenses = license.map { [$0] } ?? []
      component.isHeadersOnly = name == "linux-headers"
      return component
    }
  }
}
