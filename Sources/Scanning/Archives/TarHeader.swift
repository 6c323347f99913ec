/// The 512 bytes before an entry of an archive, as far as they matter here.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarHeader {
  /// What an entry is.
  enum Kind: Sendable, Hashable {
    case file, hardLink, symbolicLink, characterDevice, blockDevice, directory, fifo
    /// Extended headers of POSIX: for the next entry, or for all that follow.
    case extended, globalExtended
    /// The next entry's path or link target, of GNU.
    case longPath, longLink
    /// A file with holes, of GNU.
    case oldSparse
    case other(UInt8)
  }

  static let size = 512

  var kind: Kind
  var path: [UInt8]
  var link: [UInt8]
  var size: Int64
  var mode: UInt16
  /// Of the form before ustar, in which a folder is a file whose path ends with a slash.
  var isUntyped = false
  /// Of a sparse file of GNU: the size that it has with its holes, and whether more headers follow with its map.
  var realSize: Int64?
  var hasMoreMap = false

  /// A block of zeros ends the archive.
  static func isEmpty(_ block: UnsafeRawBufferPointer) -> Bool { block.allSatisfy { $0 == 0 } }

  /// - Throws: ``LayerError/broken(_:)`` when it is no header, or its numbers make no sense.
  init(_ block: UnsafeRawBufferPointer) throws(LayerError) {
    guard Self.hasRightSum(block) else { throw .broken("a header of its archive has a wrong checksum") }
    path = Self.text(block, 0, 100)
    link = Self.text(block, 157, 100)
    guard let size = Self.number(block, 124, 12), size >= 0 else {
      throw .broken("a header of its archive has a size that is none")
    }
    self.size = size
    mode = UInt16(truncatingIfNeeded: (Self.number(block, 100, 8) ?? 0o644) & 0o7777)
    let type = block[156]
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): kind = .file
    case UInt8(ascii: "1"): kind = .hardLink
    case UInt8(ascii: "2"): kind = .symbolicLink
    case UInt8(ascii: "3"): kind = .characterDevice
    case UInt8(ascii: "4"): kind = .blockDevice
    case UInt8(ascii: "5"): kind = .directory
    case UInt8(ascii: "6"): kind = .fifo
    case UInt8(ascii: "x"), UInt8(ascii: "X"): kind = .extended
    case UInt8(ascii: "g"): kind = .globalExtended
    case UInt8(ascii: "L"): kind = .longPath
    case UInt8(ascii: "K"): kind = .longLink
    case UInt8(ascii: "S"): kind = .oldSparse
    default: kind = .other(type)
    }
    isUntyped = type == 0
    let isGNU = block[257..<265].elementsEqual("ustar  \0".utf8)
    let isPosix = !isGNU && block[257..<262].elementsEqual("ustar".utf8)
    if isPosix {
      let prefix = Self.text(block, 345, 155)
      if !prefix.isEmpty { path = prefix + [UInt8(ascii: "/")] + path }
    } else if case .oldSparse = kind {
      realSize = Self.number(block, 483, 12)
      hasMoreMap = block[482] != 0
    }
  }

  /// The sum of all bytes with the sum itself taken for spaces; old programs added signed ones.
  private static func hasRightSum(_ block: UnsafeRawBufferPointer) -> Bool {
    guard let wanted = number(block, 148, 8) else { return false }
    var unsigned: Int64 = 0
    var signed: Int64 = 0
    for (index, byte) in block.enumerated() {
      let value = (148..<156).contains(index) ? UInt8(ascii: " ") : byte
      unsigned += Int64(value)
      signed += Int64(Int8(bitPattern: value))
    }
    return wanted == unsigned || wanted == signed
  }

  private static func text(_ block: UnsafeRawBufferPointer, _ offset: Int, _ length: Int) -> [UInt8] {
    Array(block[offset..<offset + length].prefix { $0 != 0 })
  }

  /// Octal digits with spaces or zeros around them, or the base-256 form of GNU; nil for what is neither, or too large.
  static func number(_ block: UnsafeRawBufferPointer, _ offset: Int, _ length: Int) -> Int64? {
    let field = block[offset..<offset + length]
    guard let first = field.first else { return nil }
    if first & 0x80 != 0 {
      // Two's complement: 0xFF begins a negative number.
      var value: Int64 = first & 0x40 != 0 ? -1 : 0
      for (index, byte) in field.enumerated() {
        let part = index == 0 ? (first & 0x40 != 0 ? byte : byte & 0x7F) : byte
        let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
        guard !overflow else { return nil }
        value = shifted + Int64(part)
      }
      return value
    }
    var value: Int64 = 0
    var hasDigits = false
    for byte in field {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        guard value <= Int64.max >> 3 else { return nil }
        value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        hasDigits = true
      case 0, UInt8(ascii: " "):
        if hasDigits { return value }
      default: return nil
      }
    }
    return value
  }
}
