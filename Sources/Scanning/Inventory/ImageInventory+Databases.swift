extension ImageInventory {
  /// The package databases of the operating system that are there and could not be read, with their reasons: what is installed is not
  /// known then, and the image is not clean because nothing was found in it.
  public var unreadableDatabases: [Notice] {
    notices.filter { found in
      found.notice.kind == .unreadable && !found.isHidden
        && Cataloguers.operatingSystem.contains { cataloguer in
          Artefact.databaseCataloguers.contains(cataloguer.name)
            && cataloguer.wants(Candidate(path: found.notice.path, size: 1))
        }
    }.map(\.notice)
  }
}

extension Artefact {
  /// Those whose files say what the operating system has installed.
  static let databaseCataloguers: Set<String> = ["dpkg", "chisel", "apk", "rpm"]
}
