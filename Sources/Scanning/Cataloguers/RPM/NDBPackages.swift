/// The database of packages that SUSE's rpm writes: slots that say where the headers lie.
///
/// Source: rpm, lib/backend/ndb/rpmpkg.c.
enum NDBPackages {
  private static let pageBytes = 4096
  private static let slotBytes = 16
  private static let blockBytes = 16
  private static let blobHeadBytes = 16
  private static let slot = 0x746F_6C53
  private static let blob = 0x5362_6C42

  static func forEachHeader(
    in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(CatalogueError) -> Void
  ) throws(CatalogueError) {
    let fields = ByteFields(bytes, isBigEndian: false)
    guard fields.u32(4) == 0, let pages = fields.u32(12), pages > 0, pages <= bytes.count / pageBytes else {
      throw CatalogueError("its table of packages is cut off, or of an unknown version")
    }
    var seen: Set<Int> = []
    // The head of the file takes the place of the first two slots.
    for place in stride(from: 2 * slotBytes, to: pages * pageBytes, by: slotBytes) {
      guard fields.u32(place) == slot, let index = fields.u32(place + 4), let block = fields.u32(place + 8),
        let count = fields.u32(place + 12)
      else { throw CatalogueError("its table of packages is broken") }
      if index == 0 { continue }
      let start = block * blockBytes
      guard fields.u32(start) == blob, fields.u32(start + 4) == index, let size = fields.u32(start + 12),
        size <= count * blockBytes, let header = fields.slice(start + blobHeadBytes, size),
        seen.insert(index).inserted
      else { throw CatalogueError("a record of a package is not where its table says") }
      try body(header)
    }
  }
}
