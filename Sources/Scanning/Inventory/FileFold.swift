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

  /// What was asked for: as it was written, without the links on the way, and with the last name followed too.
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
    // As it is written too: a layer may have a folder where one below it has a link.
    asked = [folder, links.canonicalParent(folder), links.canonical(folder)]
  }

  /// Lays a layer over those before.
  public mutating func apply(_ files: [ListedFile], of layer: LayerInventory, at position: Int) {
    var removal = Self.whiteouts(layer, links)
    // What stands in place of a folder takes it away with everything in it.
    for file in files where file.kind != .directory {
      removal.add(links.canonicalParent(file.path), andItself: false)
    }
    found = found.filter { path, _ in !removal.takes(path) }
    Self.lay(layer, over: &links)
    // A folder in place of a link takes the link away.
    for file in files where file.kind == .directory {
      let path = links.canonicalParent(file.path)
      if links.target(of: path) != nil { links.remove(path) }
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

  private static func whiteouts(_ layer: LayerInventory, _ links: DirectoryLinks) -> PathRemoval {
    var removal = PathRemoval()
    for whiteout in layer.whiteouts {
      if whiteout.kind == .path {
        removal.add(links.canonicalParent(whiteout.path), andItself: true)
      } else {
        removal.add(links.canonical(whiteout.path), andItself: false)
      }
    }
    return removal
  }

  private static func lay(_ layer: LayerInventory, over links: inout DirectoryLinks) {
    links.remove(whiteouts(layer, links))
    for link in layer.directoryLinks { links.set(links.canonicalParent(link.path), to: link.target) }
  }

  private func covers(_ path: String) -> Bool {
    asked.contains { folder in
      folder.isEmpty || path == folder
        || (path.utf8.count > folder.utf8.count && path.hasPrefix(folder) && path.dropFirst(folder.count).first == "/")
    }
  }

  /// In the order of their paths' bytes.
  public var files: [Found] { found.values.sorted { $0.file.path.utf8.lexicographicallyPrecedes($1.file.path.utf8) } }
}
