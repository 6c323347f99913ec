internal import Glibc

/// The record of one package as databases of rpm keep it: a table of tags, and a store of what they say.
///
/// Source: rpm.org, "RPM V4 Package format", "Header Format"; "Header tags".
struct RPMHeader {
  enum Tag: Int {
    case name = 1000
    case version = 1001
    case release = 1002
    case epoch = 1003
    case vendor = 1011
    case license = 1014
    case architecture = 1022
    case sourcePackage = 1044
    case directoryIndexes = 1116
    case baseNames = 1117
    case directoryNames = 1118
    case moduleLabel = 5096
  }

  private struct Entry {
    let type: Int
    let offset: Int
    let count: Int
  }

  /// Tags in one header. Real ones have less than a hundred.
  private static let tagLimit = 0xFFFF
  private static let int32 = 4
  /// A text, a list of texts, a text in several languages.
  private static let lists = [6, 8, 9]

  private let store: ByteFields
  private var entries: [Tag: Entry] = [:]

  /// - Throws: when the table or the store is longer than the bytes.
  init(_ bytes: UnsafeRawBufferPointer) throws(CatalogueError) {
    let fields = ByteFields(bytes, isBigEndian: true)
    guard let count = fields.u32(0), let size = fields.u32(4), (1...Self.tagLimit).contains(count),
      let store = fields.slice(8 + 16 * count, size)
    else { throw CatalogueError("a record of a package is cut off") }
    self.store = ByteFields(store, isBigEndian: true)
    for index in 0..<count {
      let place = 8 + 16 * index
      guard let number = fields.u32(place), let tag = Tag(rawValue: number), entries[tag] == nil,
        let type = fields.u32(place + 4), let offset = fields.u32(place + 8), let count = fields.u32(place + 12),
        offset < size
      else { continue }
      entries[tag] = Entry(type: type, offset: offset, count: count)
    }
  }

  /// The first text of a tag; nil when it has none, none that ends, or one beyond the limit.
  func text(_ tag: Tag, limitBytes: Int = 1024) -> String? {
    guard let entry = entries[tag], Self.lists.contains(entry.type), entry.count > 0,
      let text = Self.text(store.bytes, entry.offset), text.count <= limitBytes
    else { return nil }
    return text.text
  }

  func number(_ tag: Tag) -> Int? { numbers(tag)?.u32(0) }

  /// 32 bits each.
  func numbers(_ tag: Tag) -> ByteFields? {
    guard let entry = entries[tag], entry.type == Self.int32, entry.count > 0,
      let slice = store.slice(entry.offset, entry.count * 4)
    else { return nil }
    return ByteFields(slice, isBigEndian: true)
  }

  func list(_ tag: Tag) -> List {
    guard let entry = entries[tag], Self.lists.contains(entry.type) else { return List(store: store.bytes, count: 0) }
    return List(store: store.bytes, count: entry.count, place: entry.offset)
  }

  /// Texts one after the other, each ended by a zero.
  struct List: Sequence, IteratorProtocol {
    fileprivate let store: UnsafeRawBufferPointer
    fileprivate var count: Int
    fileprivate var place = 0

    mutating func next() -> UnsafeRawBufferPointer? {
      guard count > 0, let text = RPMHeader.text(store, place) else { return nil }
      count -= 1
      place += text.count + 1
      return text
    }
  }

  private static func text(_ store: UnsafeRawBufferPointer, _ place: Int) -> UnsafeRawBufferPointer? {
    guard place >= 0, place < store.count, let base = store.baseAddress,
      let end = memchr(base + place, 0, store.count - place)
    else { return nil }
    return UnsafeRawBufferPointer(start: base + place, count: UnsafeRawPointer(end) - (base + place))
  }
}
