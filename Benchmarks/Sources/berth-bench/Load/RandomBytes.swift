/// Bytes that do not compress and are the same in every run (SplitMix64).
struct RandomBytes {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    for offset in stride(from: 0, to: buffer.count & ~7, by: 8) {
      buffer.storeBytes(of: next(), toByteOffset: offset, as: UInt64.self)
    }
    for offset in (buffer.count & ~7)..<buffer.count { buffer[offset] = UInt8(truncatingIfNeeded: next()) }
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      fill(UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }
}
