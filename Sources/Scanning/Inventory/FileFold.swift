/// The files of an image below a folder, once its layers are laid over one another.
///
/// Links to folders are files here, and are not followed.
///
/// Source: image-spec, layer.md, "Applying Changesets" and "Whiteouts".
public struct FileFold {
  public struct Found: Sendable, Hashable {
    public let file: ListedFile
    /// The position of the layer that it is of, from the base on.
    public let layer: Int
  }

  /// More are not held.
  public static let limit = 1_000_000

  private let folder: String
  private var found: [String: Found] = [:]
  /// There were more than ``limit``.
  public private(set) var isPartial = false

  /// - Parameter folder: only what is in it, or is it itself; without slashes before or behind, empty: everything.
  public init(in folder: String) { self.folder = folder }

  /// Lays a layer over those before.
  public mutating func apply(_ files: [ListedFile], whiteouts: [LayerInventory.Whiteout], layer: Int) {
    var gone: Set<Substring> = []
    var emptied: Set<Substring> = []
    for whiteout in whiteouts {
      if whiteout.kind == .path { gone.insert(whiteout.path[...]) } else { emptied.insert(whiteout.path[...]) }
    }
    // What stands in place of a folder takes it away with everything in it.
    for file in files where file.kind != .directory { emptied.insert(file.path[...]) }
    found = found.filter { path, _ in !Self.isRemoved(path, gone, emptied) }
    for file in files where covers(file.path) {
      guard found.count < Self.limit || found[file.path] != nil else {
        isPartial = true
        return
      }
      found[file.path] = Found(file: file, layer: layer)
    }
  }

  private func covers(_ path: String) -> Bool {
    folder.isEmpty || path == folder
      || (path.utf8.count > folder.utf8.count && path.hasPrefix(folder) && path.dropFirst(folder.count).first == "/")
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
