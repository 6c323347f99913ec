/// Reads the databases of rpm.
///
/// Source: rpm(8), "Rebuild database options"; rpm.org, "Database".
struct RPMCataloguer: Cataloguer {
  let name = "rpm"
  let revision = 1
  /// A copy of it is made for SQLite. Full desktops have some 200 MiB.
  let sizeLimitBytes = 256 << 20

  private static let directories = ["var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"]
  private static let names: Set<Substring> = ["Packages", "Packages.db", "rpmdb.sqlite"]

  func wants(_ file: Candidate) -> Bool {
    if file.path == RPMManifest.path { return true }
    guard let directory = Self.directories.first(where: { file.path.hasPrefix($0) }) else { return false }
    return Self.names.contains(file.path.dropFirst(directory.count))
  }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    var artefact = Artefact(path: file.path, cataloguer: name)
    if file.path == RPMManifest.path {
      artefact.components = try RPMManifest.packages(file.bytes).map(\.component)
      return artefact
    }
    guard let database = RPMDatabase(sniffing: file.bytes) else {
      throw CatalogueError("it is of no form that rpm is known to write")
    }
    var components: [Component] = []
    var owned = OwnedPaths(databaseBytes: file.bytes.count)
    try database.forEachHeader(in: file.bytes) { (bytes) throws(CatalogueError) in
      let header = try RPMHeader(bytes)
      let package = try RPMPackage(header)
      try Self.addPaths(header, &owned, owner: components.count)
      components.append(package.component)
    }
    artefact.components = components
    artefact.ownedPaths = owned.paths
    artefact.pathOwners = owned.owners
    return artefact
  }

  /// Names of files, with the position of the directory of each in a list of directories.
  private static func addPaths(
    _ header: RPMHeader, _ owned: inout OwnedPaths, owner: Int
  ) throws(CatalogueError) {
    guard let indexes = header.numbers(.directoryIndexes) else { return }
    let directories = Array(header.list(.directoryNames))
    var entered: Int?
    for (position, file) in header.list(.baseNames).enumerated() {
      guard let index = indexes.u32(4 * position), directories.indices.contains(index) else { return }
      if entered != index {
        try owned.enter(directories[index])
        entered = index
      }
      try owned.add(file, owner: owner)
    }
  }
}
