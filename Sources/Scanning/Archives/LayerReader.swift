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
  /// Files near the root that are kept because they may stand in place of a folder.
  private var replacementsNearRoot = 0
  /// Contents that were read of files that cataloguers want, by path: hard links to them say the same.
  private var artefactPaths: [String: [Int]] = [:]
  /// Positions of artefacts in whose place another entry of the same path has come.
  private var superseded: Set<Int> = []
  private var unreadablePaths: Set<String> = []
  private var linked: LinkedContents

  private init(
    _ cataloguers: [any Cataloguer], _ limits: ArchiveLimits, _ listed: @escaping (ListedFile) -> Void
  ) {
    self.cataloguers = cataloguers
    self.limits = limits
    self.listed = listed
    linked = LinkedContents(limits)
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
    reader.inventory.artefacts = reader.inventory.artefacts.enumerated().filter {
      !reader.superseded.contains($0.offset)
    }
    .map(\.element)
    reader.inventory.figures.entryCount = archive.entryCount
    reader.inventory.figures.uncompressedBytes = uncompressedBytes
    return reader.inventory
  }

  private mutating func take(_ entry: TarEntry, _ archive: TarReader, _ hash: ContentHash) throws(LayerError) {
    guard let path = LayerPath.normalised(entry.path, limits) else {
      let fault = LayerPath.fault(of: entry.path, limits)
      note(.irregular, String(decoding: entry.path.prefix(256), as: UTF8.self), "its path \(fault)")
      return
    }
    guard !path.isEmpty else { return }
    if try takeWhiteout(path) { return }
    if entry.kind != .hardLink { supersede(path) }
    switch entry.kind {
    case .file: try takeFile(entry, path, archive, hash)
    case .directory:
      list(.directory, entry, path)
      if isDatabase(path) { try hide(path) }
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
    let wanted = cataloguers.filter { $0.wants(candidate) }
    let wanting = first.isEmpty ? [] : readable(wanted, candidate, isSparse: entry.isSparse)
    let mayBeSecret = !first.isEmpty && !entry.isSparse && SecretFinder.wants(candidate)
    let mayBeLinked = wanted.isEmpty && !entry.isSparse && linked.keeps(candidate)
    let isHeld = mayBeSecret || mayBeLinked || !wanting.isEmpty
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
    if mayBeLinked { linked.add(content, of: path) }
    if !wanted.isEmpty || JavaCataloguer.isArchive(path), artefactPaths[path] == nil {
      linked.addSilent(path)
      try hide(path)
    }
  }

  /// Of the cataloguers that want a file those that can read it. That one cannot is noted.
  private mutating func readable(
    _ wanted: [any Cataloguer], _ candidate: Candidate, isSparse: Bool
  ) -> [any Cataloguer] {
    wanted.filter { cataloguer in
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
    var gaps: [String] = []
    do throws(StreamFailure) { found = try cataloguer.artefact(in: path, content, gaps: &gaps) } catch {
      switch error {
      case .file(let failure): note(.unreadable, path, "\(cataloguer.name): \(failure.reason)")
      case .layer(let failure): throw failure
      }
    }
    for gap in gaps { note(.unreadable, path, "\(cataloguer.name): \(gap)") }
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

  // MARK: What stands in place of another

  /// The last entry of a path is the one that a runtime leaves.
  private mutating func supersede(_ path: String) {
    superseded.formUnion(artefactPaths.removeValue(forKey: path) ?? [])
    linked.forget(path)
    guard unreadablePaths.remove(path) != nil else { return }
    inventory.notices.removeAll { $0.kind == .unreadable && $0.path == path }
  }

  /// What a file of lower layers says at a path does not count any more: something stands there now that says nothing.
  private mutating func hide(_ path: String) throws(LayerError) {
    guard inventory.whiteouts.count < limits.whiteoutCount else { throw tooManyWhiteouts }
    try keep(path)
    inventory.whiteouts.append(.init(.path, path))
  }

  private var tooManyWhiteouts: LayerError { .limit("it removes more than \(limits.whiteoutCount) things") }

  private func isDatabase(_ path: String) -> Bool {
    let candidate = Candidate(path: path, size: 1)
    return cataloguers.contains { Artefact.databaseCataloguers.contains($0.name) && $0.wants(candidate) }
  }

  // MARK: Links and whiteouts

  private mutating func takeLink(_ entry: TarEntry, _ path: String) throws(LayerError) {
    list(.symbolicLink, entry, path)
    let candidate = Candidate(path: path, size: 1)
    if JavaCataloguer.isArchive(path) || cataloguers.contains(where: { $0.wants(candidate) }) { try hide(path) }
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
      note(.irregular, path, "it is a link whose target \(LayerPath.fault(of: entry.link, limits))")
      return
    }
    guard target != path else { return }
    supersede(path)
    let said = artefactPaths[target] ?? []
    for index in said {
      var artefact = inventory.artefacts[index]
      artefact.path = path
      artefactPaths[path, default: []].append(inventory.artefacts.count)
      try add(artefact)
    }
    if said.isEmpty { try takeLinked(path, to: target, mode: entry.mode) }
  }

  /// A hard link to a file that says nothing under its own path.
  private mutating func takeLinked(_ path: String, to target: String, mode: UInt16) throws(LayerError) {
    let content = linked.content(of: target)
    let candidate = Candidate(path: path, size: Int64(content?.count ?? 1), start: Array(content?.prefix(16) ?? []))
    let wanting = cataloguers.filter { $0.wants(candidate) }
    guard !wanting.isEmpty else { return }
    for cataloguer in wanting where !linked.isSilent(target) {
      if let content {
        try catalogue(cataloguer, path, mode, content)
      } else {
        note(.unreadable, path, "\(cataloguer.name): it is a link to \(target), whose content was not kept")
      }
    }
    if artefactPaths[path] == nil { try hide(path) }
  }

  private mutating func takeWhiteout(_ path: String) throws(LayerError) -> Bool {
    let name = LayerPath.lastName(path)
    guard name.hasPrefix(".wh.") else { return false }
    guard inventory.whiteouts.count < limits.whiteoutCount else { throw tooManyWhiteouts }
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

  /// A folder of this path would be one of packages, by its name or by the folder that it is in.
  private static func mayBeOfPackages(_ path: String) -> Bool {
    let name = LayerPath.lastName(path)
    if directoryNames.contains(name) || [".dist-info", ".egg-info", ".egg"].contains(where: { name.hasSuffix($0) }) {
      return true
    }
    let folder = LayerPath.lastName(String(LayerPath.parent(path)))
    return folder == "node_modules" || folder.hasPrefix("@")
  }

  private static func isNearRoot(_ path: String) -> Bool {
    let parent = LayerPath.parent(path)
    return !parent.utf8.contains(UInt8(ascii: "/")) && !["bin", "sbin", "lib", "lib64"].contains(parent)
  }

  private mutating func noteReplacement(_ path: String) throws(LayerError) {
    if !Self.mayBeOfPackages(path) {
      guard replacementsNearRoot < limits.replacementCount, Self.isNearRoot(path) else { return }
      replacementsNearRoot += 1
    }
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
    if kind == .unreadable { unreadablePaths.insert(path) }
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
