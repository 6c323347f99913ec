/// Numbers at places in bytes that a stranger wrote: what lies beyond the end is nil.
struct ByteFields {
  let bytes: UnsafeRawBufferPointer
  let isBigEndian: Bool

  init(_ bytes: UnsafeRawBufferPointer, isBigEndian: Bool) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
  }

  func u8(_ place: Int) -> UInt8? { bytes.indices.contains(place) ? bytes[place] : nil }

  func u16(_ place: Int) -> Int? { load(place, UInt16.self).map { Int($0) } }

  func u32(_ place: Int) -> Int? { load(place, UInt32.self).map { Int($0) } }

  func slice(_ place: Int, _ count: Int) -> UnsafeRawBufferPointer? {
    guard place >= 0, count >= 0, place <= bytes.count, count <= bytes.count - place else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
  }

  private func load<Number: FixedWidthInteger>(_ place: Int, _: Number.Type) -> Number? {
    guard place >= 0, bytes.count - place >= MemoryLayout<Number>.size else { return nil }
    let number = bytes.loadUnaligned(fromByteOffset: place, as: Number.self)
    return isBigEndian ? Number(bigEndian: number) : Number(littleEndian: number)
  }
}
