/// The files of an image below a folder, once its layers are laid over one another.
///
/// Links to folders are followed on the way to the folder that is asked for, and on the way to what upper layers put behind them; the
/// links themselves are entries.
///
/// Source: image-spec, layer.md, "Applying Changesets" and "Whiteouts".
public struct FileFold {
  public struct Found: Sendable, Hashable {
    /// Its path is that with all links on the way followed.
    public let file: ListedFile
    /// The position of the layer that it is of, from the base on.
    public let layer: Int
  }

  /// More are not held.
  public static let limit = 1_000_000

  /// What was asked for: without the links on the way, and with the last name followed too.
  private let asked: Set<String>
  private var links = DirectoryLinks()
  private var found: [String: Found] = [:]
  /// There were more than ``limit``.
  public private(set) var isPartial = false

  /// - Parameters:
  ///   - folder: only what is in it, or is it itself; without slashes before or behind, empty: everything.
  ///   - layers: what was found in the layers of the image, from the base on: their links say what the folder is.
  public init(in folder: String, of layers: [LayerInventory]) {
    var links = DirectoryLinks()
    for layer in layers { Self.lay(layer, over: &links) }
    asked = [links.canonicalParent(folder), links.canonical(folder)]
  }

  /// Lays a layer over those before.
  public mutating func apply(_ files: [ListedFile], of layer: LayerInventory, at position: Int) {
    var gone: Set<Substring> = []
    var emptied: Set<Substring> = []
    for whiteout in layer.whiteouts {
      let path = links.canonicalParent(whiteout.path)
      if whiteout.kind == .path { gone.insert(path[...]) } else { emptied.insert(links.canonical(whiteout.path)[...]) }
    }
    // What stands in place of a folder takes it away with everything in it.
    for file in files where file.kind != .directory { emptied.insert(links.canonicalParent(file.path)[...]) }
    found = found.filter { path, _ in !Self.isRemoved(path, gone, emptied) }
    Self.lay(layer, over: &links)
    // A folder in place of a link takes the link away.
    for file in files where file.kind == .directory {
      let path = links.canonicalParent(file.path)
      if links.target(of: path) != nil { links.removeAll { $0 == path } }
    }
    for file in files {
      var file = file
      file.path = links.canonicalParent(file.path)
      guard covers(file.path) else { continue }
      guard found.count < Self.limit || found[file.path] != nil else {
        isPartial = true
        return
      }
      found[file.path] = Found(file: file, layer: position)
    }
  }

  private static func lay(_ layer: LayerInventory, over links: inout DirectoryLinks) {
    for whiteout in layer.whiteouts {
      let path = links.canonicalParent(whiteout.path)
      links.removeAll { (whiteout.kind == .path && $0 == path) || $0.hasPrefix(path.isEmpty ? "" : path + "/") }
    }
    for link in layer.directoryLinks {
      let path = links.canonicalParent(link.path)
      links.set(path, to: link.target)
    }
  }

  private func covers(_ path: String) -> Bool {
    asked.contains { folder in
      folder.isEmpty || path == folder
        || (path.utf8.count > folder.utf8.count && path.hasPrefix(folder) && path.dropFirst(folder.count).first == "/")
    }
  }

  private static func isRemoved(_ path: String, _ gone: Set<Substring>, _ emptied: Set<Substring>) -> Bool {
    if gone.contains(path[...]) { return true }
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      rest = rest[..<slash]
      if gone.contains(rest) || emptied.contains(rest) { return true }
    }
    return emptied.contains("")
  }

  /// In the order of their paths' bytes.
  public var files: [Found] { found.values.sorted { $0.file.path.utf8.lexicographicallyPrecedes($1.file.path.utf8) } }
}
