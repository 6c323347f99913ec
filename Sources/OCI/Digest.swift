/// The identity of content: an algorithm and the hash it gives.
///
/// A value that exists is well-formed and of an algorithm this registry can compute. It is stored inline, without the
/// heap, because every request and every row carries one.
///
/// Source: image-spec, descriptor.md, "Digests".
public struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The algorithms this registry computes. Both are registered by the image specification.
  public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    case sha256, sha512

    /// The length of a hash in bytes.
    public var byteCount: Int {
      switch self {
      case .sha256: 32
      case .sha512: 64
      }
    }

    /// The length of a hash in hexadecimal digits.
    public var hexCount: Int { byteCount * 2 }

    /// The length of `sha256:`, which is that of `sha512:` too.
    fileprivate static let prefixCount = 7
  }

  private typealias Words = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  public let algorithm: Algorithm
  /// The bytes of the hash in memory order; what the algorithm does not fill is zero.
  private var words: Words = (0, 0, 0, 0, 0, 0, 0, 0)

  private init(_ algorithm: Algorithm) { self.algorithm = algorithm }

  /// Takes over a hash that was computed.
  ///
  /// - Precondition: `bytes` has exactly `algorithm.byteCount` bytes.
  public init(_ algorithm: Algorithm, bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count == algorithm.byteCount, "a \(algorithm) hash has \(algorithm.byteCount) bytes")
    self.init(algorithm)
    withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
  }

  /// Reads `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits.
  ///
  /// - Throws: kind `.unsupportedAlgorithm` for a well-formed digest of another algorithm, `.digest` for all else.
  /// - Source: image-spec, descriptor.md: `digest ::= algorithm ":" encoded`.
  @inlinable
  public init(parsing text: some StringProtocol) throws(ParseError) {
    self = try text.withUTF8Bytes { Digest.parse($0) }.get()
  }

  /// As ``init(parsing:)``, from UTF-8 bytes.
  @inlinable
  public init(parsingUTF8 bytes: UnsafeBufferPointer<UInt8>) throws(ParseError) {
    self = try Digest.parse(bytes).get()
  }

  /// The hash in lower-case hexadecimal.
  public var hex: String {
    String(unsafeUninitializedCapacity: algorithm.hexCount) { target in
      writeHex(to: target.baseAddress, algorithm.hexCount)
      return algorithm.hexCount
    }
  }

  /// `algorithm:hex`
  public var description: String {
    let total = Algorithm.prefixCount + algorithm.hexCount
    return String(unsafeUninitializedCapacity: total) { target in
      let prefix: StaticString = algorithm == .sha256 ? "sha256:" : "sha512:"
      for index in 0..<Algorithm.prefixCount { target[index] = prefix.utf8Start[index] }
      writeHex(to: target.baseAddress.map { $0 + Algorithm.prefixCount }, algorithm.hexCount)
      return total
    }
  }

  /// Calls `body` with the bytes of the hash. They must not be used after it returns.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withUnsafeBytes(of: words) { try body(UnsafeRawBufferPointer(rebasing: $0[..<algorithm.byteCount])) }
  }

  public static func == (left: Digest, right: Digest) -> Bool {
    left.algorithm == right.algorithm && left.words.0 == right.words.0 && left.words.1 == right.words.1
      && left.words.2 == right.words.2 && left.words.3 == right.words.3 && left.words.4 == right.words.4
      && left.words.5 == right.words.5 && left.words.6 == right.words.6 && left.words.7 == right.words.7
  }

  public func hash(into hasher: inout Hasher) {
    // All of it: a client chooses the digests it asks for, and could choose many that share a part.
    withBytes { hasher.combine(bytes: $0) }
  }

  /// By the algorithm's name, then by the bytes of the hash: the order of the textual forms.
  public static func < (left: Digest, right: Digest) -> Bool {
    guard left.algorithm == right.algorithm else { return left.algorithm == .sha256 }
    return left.withBytes { leftBytes in
      right.withBytes { rightBytes in
        for offset in stride(from: 0, to: leftBytes.count, by: 8) {
          let leftWord = UInt64(bigEndian: leftBytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          let rightWord = UInt64(bigEndian: rightBytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          if leftWord != rightWord { return leftWord < rightWord }
        }
        return false
      }
    }
  }
}

// MARK: - Parsing and printing

extension Digest {
  @usableFromInline
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<Digest, ParseError> {
    guard let algorithm = knownAlgorithm(bytes), bytes.count == Algorithm.prefixCount + algorithm.hexCount else {
      return .failure(refusal(of: bytes))
    }
    var digest = Digest(algorithm)
    let valid = withUnsafeMutableBytes(of: &digest.words) { target in
      let source = UnsafeRawBufferPointer(bytes)
      for offset in stride(from: 0, to: algorithm.byteCount, by: 4) {
        let digits = source.loadUnaligned(fromByteOffset: Algorithm.prefixCount + offset * 2, as: UInt64.self)
        guard let decoded = decode(UInt64(littleEndian: digits)) else { return false }
        target.storeBytes(of: decoded.littleEndian, toByteOffset: offset, as: UInt32.self)
      }
      return true
    }
    return valid ? .success(digest) : .failure(refusal(of: bytes))
  }

  private static func knownAlgorithm(_ bytes: UnsafeBufferPointer<UInt8>) -> Algorithm? {
    guard bytes.count > Algorithm.prefixCount else { return nil }
    let prefix = bytes.part(0..<Algorithm.prefixCount)
    if prefix.equals("sha256:") { return .sha256 }
    if prefix.equals("sha512:") { return .sha512 }
    return nil
  }

  /// Eight hexadecimal digits as four bytes, the first of each in the lowest place; nil when one is not 0-9 or a-f.
  ///
  /// All eight are handled at once in the lanes of one word: this is most of the time that reading a digest takes.
  @inline(__always)
  private static func decode(_ digits: UInt64) -> UInt32? {
    let each: UInt64 = 0x0101_0101_0101_0101
    let top = each &* 0x80
    // A lane of at most 7f plus (80 - limit) has its top bit set exactly when it is not below the limit.
    guard digits & top == 0 else { return nil }
    let isDecimal = (digits &+ each &* (0x80 - 0x30)) & ~(digits &+ each &* (0x80 - 0x3a))
    let isLetter = (digits &+ each &* (0x80 - 0x61)) & ~(digits &+ each &* (0x80 - 0x67))
    guard (isDecimal | isLetter) & top == top else { return nil }
    // Bit 6 is set in letters only, whose low four bits count from 1.
    let values = (digits & (each &* 0x0f)) &+ ((digits &>> 6) & each) &* 9
    var pairs = ((values &<< 4) | (values &>> 8)) & 0x00ff_00ff_00ff_00ff
    pairs = (pairs | (pairs &>> 8)) & 0x0000_ffff_0000_ffff
    return UInt32(truncatingIfNeeded: pairs | (pairs &>> 16))
  }

  private func writeHex(to target: UnsafeMutablePointer<UInt8>?, _ count: Int) {
    guard let target else { return }
    withBytes { bytes in
      var position = 0
      for byte in bytes {
        target[position] = Self.digit(byte &>> 4)
        target[position + 1] = Self.digit(byte & 0x0f)
        position += 2
      }
    }
  }

  @inline(__always)
  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? value &+ 0x30 : value &+ 0x57 }

  /// Says why the text is no digest we can use. Off the fast path.
  @inline(never)
  private static func refusal(of bytes: UnsafeBufferPointer<UInt8>) -> ParseError {
    let shown = quoted(bytes)
    guard let colon = bytes.firstIndex(of: ASCII.colon) else {
      return ParseError(.digest, "\(shown) is not a digest: expected an algorithm, a colon and hexadecimal digits.")
    }
    if let algorithm = knownAlgorithm(bytes) {
      return ParseError(
        .digest,
        "\(shown) is not a digest: \(algorithm) needs exactly \(algorithm.hexCount) lower-case hexadecimal digits."
      )
    }
    let encoded = bytes.part(colon + 1..<bytes.count)
    guard isAlgorithmName(bytes.part(0..<colon)), !encoded.isEmpty, encoded.allSatisfy(isEncodedByte) else {
      return ParseError(.digest, "\(shown) is not a digest: expected an algorithm, a colon and hexadecimal digits.")
    }
    return ParseError(
      .unsupportedAlgorithm,
      "The digest \(shown) is of an algorithm this registry does not support: use sha256 or sha512.")
  }

  /// `encoded ::= [a-zA-Z0-9=_-]+`
  private static func isEncodedByte(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == ASCII.underscore || byte == ASCII.dash || byte == UInt8(ascii: "=")
  }

  /// `algorithm ::= component (separator component)*`, `component ::= [a-z0-9]+`, `separator ::= [+._-]`
  private static func isAlgorithmName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var afterComponent = false
    for byte in bytes {
      if byte.isLowerAlphanumeric {
        afterComponent = true
      } else {
        guard afterComponent, "+._-".utf8.contains(byte) else { return false }
        afterComponent = false
      }
    }
    return afterComponent
  }
}
