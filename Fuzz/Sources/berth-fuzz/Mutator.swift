import Ground

/// Breaks well-formed bytes, the same way for the same seed.
struct Mutator {
  private var random: SeededRandom
  private let seeds: [[UInt8]]
  private let limitBytes: Int
  /// Bytes and words that mean something to one of the grammars are met far more often than by chance.
  private static let telling: [[UInt8]] = [
    "/", "..", ":", ".", "_", "-", "%", "%2f", "%00", "=", "&", "?", "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]",
    ",",
    "+", "e", "0", "-1", "9223372036854775807", "9223372036854775808", "18446744073709551616", "4294967296", "1e999",
    "\u{0}", "\u{7f}", "\u{e4}", "\u{feff}", "\r\n", "\r\n\r\n", "\n", " ", "\t", "sha256:", "sha512:", "bytes=",
    "null", "true",
    "Content-Length: 9223372036854775807\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n",
    "Expect: 100-continue\r\n", "HTTP/1.0", "ffffffffffffffff\r\n", "uploads", "blobs", "manifests", "\u{1f600}",
  ].map { Array($0.utf8) }

  init(seed: UInt64, seeds: [String]) { self.init(seed: seed, bytes: seeds.map { Array($0.utf8) }) }

  init(seed: UInt64, bytes: [[UInt8]]) {
    random = SeededRandom(seed: seed)
    seeds = bytes
    limitBytes = max(65_536, (bytes.map(\.count).max() ?? 0) + 4096)
  }

  mutating func next() -> [UInt8] {
    var bytes = pick(seeds)
    for _ in 0..<number(6) { change(&bytes) }
    return bytes
  }

  mutating func chance() -> UInt64 { random.next() }

  private mutating func number(_ end: Int) -> Int { Int(random.next() % UInt64(max(1, end))) }
  private mutating func pick<Element>(_ list: [Element]) -> Element { list[number(list.count)] }

  private mutating func change(_ bytes: inout [UInt8]) {
    let at = number(bytes.count + 1)
    switch number(9) {
    case 0 where at < bytes.count: bytes[at] = UInt8(truncatingIfNeeded: random.next())
    case 1 where at < bytes.count: bytes[at] ^= 1 << UInt8(number(8))
    case 2 where at < bytes.count: bytes.remove(at: at)
    case 3 where at < bytes.count: bytes.removeSubrange(at..<min(bytes.count, at + 1 + number(40)))
    case 4: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + number(60))], at: at)
    case 5: bytes = Array(bytes[..<at])
    case 6:
      let other = pick(seeds)
      bytes.replaceSubrange(at..., with: other[number(other.count + 1)...])
    case 7:
      let part = Array(bytes[at..<min(bytes.count, at + 1 + number(8))])
      let repeated = (0..<number(300)).flatMap { _ in part }
      bytes.insert(contentsOf: repeated, at: at)
    default: bytes.insert(contentsOf: pick(Self.telling), at: at)
    }
    if bytes.count > limitBytes { bytes.removeLast(bytes.count - limitBytes) }
  }
}
