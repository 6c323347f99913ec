/// What reading and writing JSON ask of the bytes of texts. Eight bytes at a time: most of what documents are made of is text.
enum JSONText {
  /// The first byte from a place on that does not stand for itself in a string: a quotation mark, a backslash, a control character;
  /// or the end.
  static func plainEnd(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let (ones, highBits): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
    var end = start
    while end + 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self))
      let (quotes, backslashes) = (word ^ (ones &* 0x22), word ^ (ones &* 0x5c))
      // A bit is set for each byte that is zero, here also: below a space. What stands behind the first may be mistaken.
      let found =
        ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes) | ((word &- ones &* 0x20) & ~word)
      if found & highBits != 0 { return end + (found & highBits).trailingZeroBitCount / 8 }
      end += 8
    }
    while end < bytes.count, bytes[end] >= 0x20, bytes[end] != ASCII.quote, bytes[end] != ASCII.backslash { end += 1 }
    return end
  }
}

extension String {
  /// The text that bytes are in UTF-8; nil where they are none.
  ///
  /// What is ASCII needs no check. That of the library costs more than all else that is done for a short text.
  public init?(checking bytes: UnsafeBufferPointer<UInt8>) {
    if bytes.isASCII {
      self.init(decoding: bytes, as: UTF8.self)
    } else {
      self.init(validating: bytes, as: UTF8.self)
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  fileprivate var isASCII: Bool {
    let raw = UnsafeRawBufferPointer(self)
    var (position, seen): (Int, UInt64) = (0, 0)
    while position + 8 <= raw.count {
      seen |= raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      position += 8
    }
    while position < raw.count {
      seen |= UInt64(raw[position])
      position += 1
    }
    return seen & 0x8080_8080_8080_8080 == 0
  }
}
