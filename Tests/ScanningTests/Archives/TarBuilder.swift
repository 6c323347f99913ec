/// Writes archives byte by byte: right ones, and those that no program would write.
struct TarBuilder {
  private(set) var bytes: [UInt8] = []

  /// The fields of a header that tests change.
  struct Header {
    var path: [UInt8]
    var flag: UInt8 = UInt8(ascii: "0")
    var mode = 0o644
    var link: [UInt8] = []
    /// As the 12 bytes of the field; nil: octal digits of the size of the content.
    var size: [UInt8]?
    var prefix: [UInt8] = []
    var magic: [UInt8] = Array("ustar\u{0}00".utf8)
    /// Bytes at other places.
    var other: [Int: [UInt8]] = [:]
    /// As the 8 bytes of the field; nil: the right one.
    var checksum: [UInt8]?
    var hasSignedChecksum = false

    init(_ path: String, flag: Character = "0") {
      self.path = Array(path.utf8)
      self.flag = flag.asciiValue ?? 0
    }
  }

  static func octal(_ number: Int, digits: Int) -> [UInt8] {
    let text = String(number, radix: 8)
    return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
  }

  mutating func add(_ header: Header, content: [UInt8] = []) {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ value: some Collection<UInt8>, _ place: Int) {
      block.replaceSubrange(place..<place + value.count, with: value)
    }
    put(header.path.prefix(100), 0)
    put(Self.octal(header.mode, digits: 7), 100)
    put(Self.octal(1000, digits: 7), 108)
    put(Self.octal(100, digits: 7), 116)
    put(header.size ?? Self.octal(content.count, digits: 11), 124)
    put([header.flag], 156)
    put(header.link.prefix(100), 157)
    put(header.magic, 257)
    put(header.prefix.prefix(155), 345)
    for (place, value) in header.other { put(value, place) }
    put(Array("        ".utf8), 148)
    let sum = block.reduce(0) { $0 + (header.hasSignedChecksum ? Int(Int8(bitPattern: $1)) : Int($1)) }
    put(header.checksum ?? Self.octal(sum, digits: 6) + [0, UInt8(ascii: " ")], 148)
    bytes += block + content
    pad()
  }

  mutating func pad() { bytes += [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }

  mutating func raw(_ more: [UInt8]) { bytes += more }

  // MARK: Entries

  mutating func file(_ path: String, _ content: [UInt8] = [], mode: Int = 0o644) {
    var header = Header(path)
    header.mode = mode
    add(header, content: content)
  }

  mutating func file(_ path: String, _ content: String, mode: Int = 0o644) {
    file(path, Array(content.utf8), mode: mode)
  }

  mutating func directory(_ path: String) {
    var header = Header(path, flag: "5")
    header.mode = 0o755
    add(header)
  }

  mutating func link(_ path: String, to target: String, isHard: Bool = false) {
    var header = Header(path, flag: isHard ? "1" : "2")
    header.link = Array(target.utf8)
    add(header)
  }

  /// An extended header of POSIX.
  mutating func extended(_ records: [(key: String, value: [UInt8])], flag: Character = "x") {
    add(Header("PaxHeaders/x", flag: flag), content: records.flatMap { Self.record($0.key, $0.value) })
  }

  mutating func extended(_ records: [(key: String, value: String)], flag: Character = "x") {
    extended(records.map { ($0.key, Array($0.value.utf8)) }, flag: flag)
  }

  static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    var length = rest.count + 1
    while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
    return Array(String(length).utf8) + rest
  }

  /// The path or the target of a link of the next entry, of GNU.
  mutating func long(_ text: String, flag: Character) {
    var header = Header("././@LongLink", flag: flag)
    header.magic = Array("ustar  \u{0}".utf8)
    add(header, content: Array(text.utf8) + [0])
  }

  /// The archive with its end.
  var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
