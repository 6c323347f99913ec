/// The database of packages that rpm wrote before version 4.16: a hash table of Berkeley DB.
///
/// Pages are read in their order, which needs no hashing; values that do not fit in a page go on in a chain of others.
///
/// Source: Berkeley DB 5.3, dbinc/db_page.h.
enum BerkeleyHash {
  private static let magic = 0x0006_1561
  private static let pageHeadBytes = 26
  private static let metaType: UInt8 = 8
  private static let hashTypes: [UInt8] = [2, 13]
  private static let overflowType: UInt8 = 7
  private static let inlineItem: UInt8 = 1
  private static let offPageItem: UInt8 = 3

  /// The order of bytes of the machine that wrote it; nil: it is no such database.
  static func isBigEndian(_ bytes: UnsafeRawBufferPointer) -> Bool? {
    for order in [false, true] where ByteFields(bytes, isBigEndian: order).u32(12) == magic { return order }
    return nil
  }

  static func forEachHeader(
    in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(CatalogueError) -> Void
  ) throws(CatalogueError) {
    guard let order = isBigEndian(bytes) else { throw CatalogueError("it is no hash table of Berkeley DB") }
    let fields = ByteFields(bytes, isBigEndian: order)
    guard fields.u8(25) == metaType, fields.u8(24) == 0, let pageBytes = fields.u32(20),
      (512...65536).contains(pageBytes), pageBytes & (pageBytes - 1) == 0, let last = fields.u32(32),
      last < bytes.count / pageBytes
    else { throw CatalogueError("its first page is broken, or it is cut off") }
    var table = Table(fields: fields, pageBytes: pageBytes)
    for number in 0...last {
      guard let type = fields.u8(number * pageBytes + 25), hashTypes.contains(type) else { continue }
      try table.readPage(number, body)
    }
  }

  private struct Table {
    let fields: ByteFields
    let pageBytes: Int
    /// Bytes that chains have taken. Each page belongs to one value, so they are no more than there are.
    private var taken = 0
    private var value: [UInt8] = []

    init(fields: ByteFields, pageBytes: Int) {
      self.fields = fields
      self.pageBytes = pageBytes
    }

    /// Keys and values in turn.
    mutating func readPage(
      _ number: Int, _ body: (UnsafeRawBufferPointer) throws(CatalogueError) -> Void
    ) throws(CatalogueError) {
      let start = number * pageBytes
      guard let count = fields.u16(start + 20), count <= (pageBytes - BerkeleyHash.pageHeadBytes) / 2 else {
        throw CatalogueError("a page of its hash table is broken")
      }
      for index in stride(from: 1, to: count, by: 2) {
        let places = start + BerkeleyHash.pageHeadBytes
        // Items are laid from the end of the page towards its head.
        guard let offset = fields.u16(places + 2 * index), let end = fields.u16(places + 2 * index - 2),
          offset < end, end <= pageBytes
        else { throw CatalogueError("a page of its hash table is broken") }
        switch fields.u8(start + offset) {
        case BerkeleyHash.offPageItem:
          guard end - offset >= 12, let first = fields.u32(start + offset + 4),
            let size = fields.u32(start + offset + 8),
            size <= RPMDatabase.headerLimitBytes
          else { throw CatalogueError("a page of its hash table is broken") }
          try readChain(first, size)
          let outcome = value.withUnsafeBytes { all -> Result<Void, CatalogueError> in
            do throws(CatalogueError) { return .success(try body(all)) } catch { return .failure(error) }
          }
          try outcome.get()
        case BerkeleyHash.inlineItem:
          // Four bytes are the count of packages, under the key zero.
          guard end - offset > 5, let header = fields.slice(start + offset + 1, end - offset - 1) else { continue }
          try body(header)
        default: continue
        }
      }
    }

    private mutating func readChain(_ first: Int, _ size: Int) throws(CatalogueError) {
      value.removeAll(keepingCapacity: true)
      var next = first
      while value.count < size {
        let start = next * pageBytes
        guard next != 0, fields.u8(start + 25) == BerkeleyHash.overflowType, let count = fields.u16(start + 22),
          count > 0, count <= pageBytes - BerkeleyHash.pageHeadBytes, taken + count <= fields.bytes.count,
          let part = fields.slice(start + BerkeleyHash.pageHeadBytes, min(count, size - value.count)),
          let following = fields.u32(start + 16)
        else { throw CatalogueError("a record of a package is cut off, or goes in a circle") }
        value.append(contentsOf: part)
        taken += count
        next = following
      }
    }
  }
}
