import Synchronization

/// Where chance and identity come from, so that a simulation can replay them.
public protocol RandomSource: Sendable {
  func next() -> UInt64
}

/// The system's cryptographically secure generator.
public struct SystemRandom: RandomSource {
  public init() {}
  public func next() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}

/// SplitMix64 from a seed: the same seed gives the same numbers. Not for secrets.
public final class SeededRandom: RandomSource, RandomNumberGenerator {
  private let state: Mutex<UInt64>

  public init(seed: UInt64) { state = Mutex(seed) }

  public func next() -> UInt64 {
    state.withLock { state in
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}

extension RandomSource {
  /// `byteCount` random bytes as lower-case hexadecimal text.
  public func hexadecimal(byteCount: Int) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: byteCount * 2) { buffer in
      var word: UInt64 = 0
      for index in 0..<byteCount {
        if index % 8 == 0 { word = next() }
        let byte = UInt8(truncatingIfNeeded: word)
        word >>= 8
        buffer[index * 2] = digits[Int(byte >> 4)]
        buffer[index * 2 + 1] = digits[Int(byte & 15)]
      }
      return byteCount * 2
    }
  }
}
