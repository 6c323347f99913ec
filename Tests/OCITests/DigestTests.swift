import OCI
import Testing

private let brokenDigests: [(String, ParseError.Kind)] = [
  // "digest ::= algorithm ':' encoded"
  ("", ParseError.Kind.digest), ("sha256", .digest), (":", .digest), (":" + hexA, .digest), ("sha256:", .digest),
  (hexA, .digest),
  // sha256: "the encoded portion MUST match /[a-f0-9]{64}/"
  ("sha256:" + String(repeating: "a", count: 63), .digest), ("sha256:" + String(repeating: "a", count: 65), .digest),
  ("sha256:" + String(repeating: "A", count: 64), .digest), ("sha256:g" + String(repeating: "a", count: 63), .digest),
  ("sha256:" + String(repeating: "a", count: 63) + "/", .digest),
  ("sha256:" + String(repeating: "a", count: 63) + ":", .digest),
  ("sha256:" + String(repeating: "a", count: 63) + "`", .digest),
  ("sha256:" + String(repeating: "a", count: 63) + "\0", .digest),
  ("sha256:" + String(repeating: "ä", count: 32), .digest),
  // sha512: "the encoded portion MUST match /[a-f0-9]{128}/"
  ("sha512:" + hexA, .digest),
  // "algorithm-component ::= [a-z0-9]+", "algorithm-separator ::= [+._-]"
  ("SHA256:" + hexA, .digest), ("sha256+:" + hexA, .digest), ("+b64:" + hexA, .digest), ("a..b:" + hexA, .digest),
  // well-formed, but of an algorithm that is not computed here
  ("sha384:" + hexA, .unsupportedAlgorithm), ("blake3:" + hexA, .unsupportedAlgorithm),
  ("md5:abc", .unsupportedAlgorithm),
  ("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", .unsupportedAlgorithm),
  ("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", .unsupportedAlgorithm), ("md5:a b", .digest),
]

@Suite struct DigestTests {
  @Test(arguments: [digestA, longDigest, "sha256:" + String(repeating: "0123456789abcdef", count: 4)])
  func `a digest prints as it was read`(_ text: String) throws {
    let digest = try Digest(parsing: text)
    #expect(digest.description == text)
    #expect(digest.hex == text.dropFirst(7))
    #expect(try Digest(parsing: text[...]) == digest)
  }

  @Test(arguments: brokenDigests)
  func `anything else is refused`(_ text: String, _ kind: ParseError.Kind) {
    #expect(refusal { () throws(ParseError) in try Digest(parsing: text) }?.kind == kind)
  }

  @Test func `computed bytes become the digest that its text reads as`() throws {
    let bytes = (0..<64).map { UInt8($0 * 4 + 3) }
    for algorithm in Digest.Algorithm.allCases {
      let part = Array(bytes.prefix(algorithm.byteCount))
      let digest = part.withUnsafeBytes { Digest(algorithm, bytes: $0) }
      #expect(digest.withBytes { Array($0) } == part)
      #expect(try Digest(parsing: digest.description) == digest)
    }
  }

  @Test func `digests sort as their texts do`() throws {
    var random = SeededRandom(seed: 11)
    var digests = try (0..<300).map { _ in try Digest.random(using: &random) }
    let shared = String(repeating: "7", count: 62)
    digests += try ["00", "01", "10", "ff"].map { try Digest(parsing: "sha256:" + shared + $0) }
    #expect(digests.sorted().map(\.description) == digests.map(\.description).sorted())
    #expect(!(digests[0] < digests[0]))
  }

  @Test func `reading and printing are inverse, and equal digests are one key`() throws {
    var random = SeededRandom(seed: 12)
    for _ in 0..<1000 {
      let digest = try Digest.random(using: &random)
      let again = try Digest(parsing: digest.description)
      #expect(again == digest && again.hashValue == digest.hashValue)
    }
  }

  @Test func `every single digit counts`() throws {
    for text in [digestA, longDigest] {
      let digest = try Digest(parsing: text)
      for position in 7..<text.utf8.count {
        var bytes = Array(text.utf8)
        bytes[position] = bytes[position] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        #expect(try Digest(parsing: String(decoding: bytes, as: UTF8.self)) != digest)
        bytes[position] = UInt8(ascii: "G")
        #expect(refusal { () throws(ParseError) in try Digest(parsing: String(decoding: bytes, as: UTF8.self)) } != nil)
      }
    }
  }
}
