/// Reads a layer once: one pass for all cataloguers.
public struct LayerReader {
  private let cataloguers: [any Cataloguer]
  private let limits: ArchiveLimits
  private let listed: (ListedFile) -> Void
  private var inventory: LayerInventory
  private var noticeCounts: [Notice.Kind: Int] = [:]
  private var componentCount = 0
  private var ownedPathCount = 0
  private var listedCount = 0
  private var keptPathBytes = 0
  /// Contents that were read of files that cataloguers want, by path: hard links to them say the same.
  private var artefactPaths: [String: [Int]] = [:]

  private init(
    _ cataloguers: [any Cataloguer], _ limits: ArchiveLimits, _ listed: @escaping (ListedFile) -> Void
  ) {
    self.cataloguers = cataloguers
    self.limits = limits
    self.listed = listed
    inventory = LayerInventory(revision: Cataloguers.revision)
  }

  /// What is in a layer.
  ///
  /// - Parameters:
  ///   - source: the layer as it is stored: packed or not.
  ///   - listed: takes every entry of it, as many as the list may hold, in the order of the archive.
  /// - Throws: ``LayerError`` when it cannot be read to its end: a layer is known whole or not at all.
  public static func read(
    _ source: any ByteSource, cataloguers: [any Cataloguer] = Cataloguers.all, limits: ArchiveLimits = ArchiveLimits(),
    listed: @escaping (ListedFile) -> Void = { _ in }
  ) throws(LayerError) -> LayerInventory {
    var reader = LayerReader(cataloguers, limits, listed)
    let archive = TarReader(try DecompressedSource(source, limits: limits), limits: limits)
    let hash = try ContentHash()
    while let entry = try archive.next() { try reader.take(entry, archive, hash) }
    let uncompressedBytes = archive.position
    try archive.drain()
    reader.inventory.figures.entryCount = archive.entryCount
    reader.inventory.figures.uncompressedBytes = uncompressedBytes
    return reader.inventory
  }

  private mutating func take(_ entry: TarEntry, _ archive: TarReader, _ hash: ContentHash) throws(LayerError) {
    guard let path = LayerPath.normalised(entry.path, limits) else {
      note(.irregular, String(decoding: entry.path.prefix(256), as: UTF8.self), "its path leads out of the layer")
      return
    }
    guard !path.isEmpty else { return }
    if try takeWhiteout(path) { return }
    switch entry.kind {
    case .file: try takeFile(entry, path, archive, hash)
    case .directory: list(.directory, entry, path)
    case .symbolicLink: try takeLink(entry, path)
    case .hardLink: try takeHardLink(entry, path)
    case .characterDevice, .blockDevice:
      note(.irregular, path, "it is a device")
      list(.device, entry, path)
    case .fifo: list(.fifo, entry, path)
    case .other(let type): note(.irregular, path, "it is an entry of an unknown kind, \(type)")
    case .extended, .globalExtended, .longPath, .longLink, .oldSparse: break
    }
  }

  // MARK: Files

  private mutating func takeFile(
    _ entry: TarEntry, _ path: String, _ archive: TarReader, _ hash: ContentHash
  ) throws(LayerError) {
    inventory.figures.fileCount += 1
    noteMode(entry, path)
    try noteReplacement(path)
    try hash.begin()
    let first = try archive.part() ?? UnsafeRawBufferPointer(start: nil, count: 0)
    hash.add(first)
    let candidate = Candidate(path: path, size: entry.size, mode: entry.mode, start: Array(first.prefix(16)))
    let wanting = first.isEmpty ? [] : wanting(candidate, isSparse: entry.isSparse)
    let mayBeSecret = !first.isEmpty && !entry.isSparse && SecretFinder.wants(candidate)
    let isHeld = mayBeSecret || !wanting.isEmpty
    var content: [UInt8] = []
    if isHeld {
      content.reserveCapacity(Int(entry.size))
      content.append(contentsOf: first)
    } else if !first.isEmpty, !entry.isSparse,
      let cataloguer = Cataloguers.streaming.first(where: { $0.wants(candidate) })
    {
      try catalogue(cataloguer, path, EntrySource(first, archive, hash))
    }
    while let part = try archive.part() {
      hash.add(part)
      if isHeld { content.append(contentsOf: part) }
    }
    list(.file, entry, path, digest: entry.isSparse ? [] : hash.end())
    if mayBeSecret {
      for shape in content.withUnsafeBytes({ SecretFinder.shapes(in: path, $0) }) { note(.secret, path, shape) }
    }
    for cataloguer in wanting { try catalogue(cataloguer, path, entry.mode, content) }
  }

  /// The cataloguers that read the file. That one would, and cannot, is noted.
  private mutating func wanting(_ candidate: Candidate, isSparse: Bool) -> [any Cataloguer] {
    cataloguers.filter { $0.wants(candidate) }.filter { cataloguer in
      if isSparse {
        note(.unreadable, candidate.path, "\(cataloguer.name): it is a file with holes")
      } else if candidate.size > Int64(cataloguer.sizeLimitBytes) {
        note(
          .unreadable, candidate.path, "\(cataloguer.name): it has more than \(cataloguer.sizeLimitBytes) bytes")
      } else {
        return true
      }
      return false
    }
  }

  private mutating func catalogue(
    _ cataloguer: any StreamCataloguer, _ path: String, _ content: EntrySource
  ) throws(LayerError) {
    var found: Artefact?
    do throws(StreamFailure) {
      guard let artefact = try cataloguer.artefact(in: path, content) else { return }
      found = artefact
    } catch {
      switch error {
      case .file(let failure): note(.unreadable, path, "\(cataloguer.name): \(failure.reason)")
      case .layer(let failure): throw failure
      }
    }
    guard let found else { return }
    artefactPaths[path, default: []].append(inventory.artefacts.count)
    try add(found)
  }

  private mutating func catalogue(
    _ cataloguer: any Cataloguer, _ path: String, _ mode: UInt16, _ content: [UInt8]
  ) throws(LayerError) {
    let outcome = content.withUnsafeBytes { bytes -> Result<Artefact?, CatalogueError> in
      do throws(CatalogueError) {
        return .success(try cataloguer.artefact(in: LayerFile(path: path, mode: mode, bytes: bytes)))
      } catch {
        return .failure(error)
      }
    }
    switch outcome {
    case .success(let artefact?):
      artefactPaths[path, default: []].append(inventory.artefacts.count)
      try add(artefact)
    case .success(nil): break
    case .failure(let error): note(.unreadable, path, "\(cataloguer.name): \(error.reason)")
    }
  }

  private mutating func add(_ artefact: Artefact) throws(LayerError) {
    componentCount += artefact.components.count
    guard componentCount <= limits.componentCount else {
      throw .limit("it names more than \(limits.componentCount) packages")
    }
    ownedPathCount += artefact.ownedPaths.count
    guard ownedPathCount <= limits.ownedPathCount else {
      throw .limit("its packages own more than \(limits.ownedPathCount) programs")
    }
    try keep(artefact.path)
    inventory.artefacts.append(artefact)
  }

  /// What an entry costs beside its path.
  private static let overheadBytes = 64

  /// Counts a path that the inventory will hold.
  private mutating func keep(_ path: String) throws(LayerError) {
    keptPathBytes += path.utf8.count + Self.overheadBytes
    guard keptPathBytes <= limits.keptPathBytes else {
      throw .limit("the paths to be kept of it have more than \(limits.keptPathBytes) bytes")
    }
  }

  // MARK: Links and whiteouts

  private mutating func takeLink(_ entry: TarEntry, _ path: String) throws(LayerError) {
    list(.symbolicLink, entry, path)
    guard let target = LayerPath.resolved(entry.link, from: path, limits) else {
      note(.irregular, path, "it is a link whose target is too long or too deep")
      return
    }
    // Links among programs and libraries lead to files.
    guard !path.contains("/bin/"), !path.hasPrefix("bin/") else { return }
    guard inventory.directoryLinks.count < limits.directoryLinkCount else {
      note(.irregular, path, "it is one of more than \(limits.directoryLinkCount) links, and not followed")
      return
    }
    try keep(path)
    inventory.directoryLinks.append(.init(path: path, target: target))
  }

  private mutating func takeHardLink(_ entry: TarEntry, _ path: String) throws(LayerError) {
    list(.hardLink, entry, path)
    try noteReplacement(path)
    guard let target = LayerPath.normalised(entry.link, limits) else {
      note(.irregular, path, "it is a link that leads out of the layer")
      return
    }
    for index in artefactPaths[target] ?? [] {
      var artefact = inventory.artefacts[index]
      artefact.path = path
      try add(artefact)
    }
  }

  private mutating func takeWhiteout(_ path: String) throws(LayerError) -> Bool {
    let name = LayerPath.lastName(path)
    guard name.hasPrefix(".wh.") else { return false }
    guard inventory.whiteouts.count < limits.whiteoutCount else {
      throw .limit("it removes more than \(limits.whiteoutCount) things")
    }
    let directory = String(LayerPath.parent(path))
    if name == ".wh..wh..opq" {
      try keep(directory)
      inventory.whiteouts.append(.init(.opaque, directory))
    } else if !name.hasPrefix(".wh..wh."), name.utf8.count > 4 {
      try keep(path)
      let hidden = name.dropFirst(4)
      inventory.whiteouts.append(.init(.path, directory.isEmpty ? String(hidden) : "\(directory)/\(hidden)"))
    }
    return true
  }

  // MARK: Notes

  /// Names of directories in which packages are looked for. A file of such a name may stand where a lower layer has the
  /// directory, and then takes it away.
  private static let directoryNames: Set<Substring> = [
    "var", "lib", "usr", "etc", "opt", "app", "srv", "home", "root", "share", "local", "lib64", "dpkg", "status.d",
    "info",
    "apk", "db", "rpm", "sysimage", "python3", "site-packages", "dist-packages", "node_modules", "gems",
    "specifications", "vendor", "composer", "bin", "sbin", "src", "work", "workspace",
  ]

  private mutating func noteReplacement(_ path: String) throws(LayerError) {
    guard Self.directoryNames.contains(LayerPath.lastName(path)) else { return }
    try keep(path)
    inventory.replacements.append(path)
  }

  private mutating func noteMode(_ entry: TarEntry, _ path: String) {
    if entry.mode & 0o6000 != 0, entry.mode & 0o111 != 0 {
      note(.setUserID, path, String(entry.mode & 0o7777, radix: 8))
    }
    if entry.mode & 0o002 != 0 { note(.worldWritable, path, String(entry.mode & 0o7777, radix: 8)) }
  }

  private mutating func note(_ kind: Notice.Kind, _ path: String, _ detail: String) {
    noticeCounts[kind, default: 0] += 1
    guard noticeCounts[kind, default: 0] <= limits.noticeCount else { return }
    inventory.notices.append(Notice(kind, path: path, detail: detail))
  }

  private mutating func list(_ kind: ListedFile.Kind, _ entry: TarEntry, _ path: String, digest: [UInt8] = []) {
    guard listedCount < limits.listedFileCount else {
      inventory.figures.unlistedCount += 1
      return
    }
    listedCount += 1
    listed(
      ListedFile(
        kind: kind, path: path, size: kind == .file ? entry.size : 0, mode: entry.mode,
        target: String(decoding: entry.link, as: UTF8.self), digest: digest))
  }
}
