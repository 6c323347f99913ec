public import Access
public import Metadata
public import OCI
public import Scanning

/// Files of an image, a page of them.
public struct FilePage: Sendable {
  /// In the order of their paths' bytes.
  public let files: [FileFold.Found]
  /// The layers, from the base on.
  public let layers: [LayerState]
  /// The path after which the next page begins; nil at the end.
  public let next: String?
  /// There are more files than are held, or a layer has more than its list may have.
  public let isPartial: Bool
}

// The files of images, as the runtime would see them.
extension Registry {
  /// - Parameters:
  ///   - folder: only what is in it, or is it itself; empty: everything.
  ///   - last: the path that the page before ended with.
  /// - Throws: `MANIFEST_UNKNOWN`; ``AdministrationError`` when it is an index and no platform is named, or is not read.
  public func files(
    of reference: Reference, platform: String?, in folder: String, after last: String, limit: Int, permit: Permit<Pull>
  ) async throws -> FilePage {
    let images = try await inspectedImages(reference, platform: platform, permit: permit)
    guard let image = images.first, images.count == 1 else {
      throw AdministrationError(.invalid, "it is an index: name a platform")
    }
    let row = try Self.inventoried(image)
    let layers = try await database.read { try $0.layerStates(ofImage: row.key) }
    // An image may name the same layer many times; of each only what moves paths is held.
    var read: [Digest: LayerInventory] = [:]
    var known: [(position: Int, inventory: LayerInventory)] = []
    for (position, layer) in layers.enumerated() {
      if read[layer.digest] == nil, let bytes = try await database.read({ try $0.layerInventory(layer.digest) }) {
        let whole = try Self.understood(layer) { () throws(RecordError) in try LayerInventory(decoding: bytes) }
        var kept = LayerInventory(revision: whole.revision)
        kept.whiteouts = whole.whiteouts
        kept.directoryLinks = whole.directoryLinks
        kept.figures = whole.figures
        read[layer.digest] = kept
      }
      if let inventory = read[layer.digest] { known.append((position, inventory)) }
    }
    var fold = FileFold(in: folder, of: known.map(\.inventory))
    var isPartial = false
    for (position, inventory) in known {
      let layer = layers[position]
      let parts = try await database.read { try $0.layerFileList(layer.digest) }
      isPartial = isPartial || inventory.figures.unlistedCount > 0
      let files = try Self.understood(layer) { () throws(RecordError) in
        var files: [ListedFile] = []
        for part in parts { files += try FileListCoding.files(in: part) }
        return files
      }
      fold.apply(files, of: inventory, at: position)
    }
    let after = fold.files.drop { !last.utf8.lexicographicallyPrecedes($0.file.path.utf8) }
    let page = Array(after.prefix(limit))
    return FilePage(
      files: page, layers: layers, next: after.count > page.count ? page.last?.file.path : nil,
      isPartial: isPartial || fold.isPartial)
  }

  private static func understood<V>(_ layer: LayerState, _ decode: () throws(RecordError) -> V) throws -> V {
    do throws(RecordError) { return try decode() } catch {
      throw DatabaseError.corrupt("what was read of the layer \(layer.digest) cannot be understood")
    }
  }
}
