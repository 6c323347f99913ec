import OCI

/// A random source that a seed repeats (SplitMix64), so that a failing case can be run again.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func text(of alphabet: String, count: ClosedRange<Int>) -> String {
    let letters = Array(alphabet)
    return String(
      (0..<Int.random(in: count, using: &self)).map { _ in letters[Int.random(in: letters.indices, using: &self)] })
  }
}

let lowerAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
let hexDigits = "0123456789abcdef"
let hexA = String(repeating: "a", count: 64)
let digestA = "sha256:" + hexA
let digestB = "sha256:" + String(repeating: "b", count: 64)
let digestC = "sha256:" + String(repeating: "c", count: 64)
let longDigest = "sha512:" + String(repeating: "0123456789abcdef", count: 8)

/// The error that `body` throws; nil when it throws none.
func refusal<R>(_ body: () throws(ParseError) -> R) -> ParseError? {
  do throws(ParseError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

func manifest(_ text: String, _ contentType: MediaType? = nil) throws(ParseError) -> Manifest {
  try manifest(Array(text.utf8), contentType)
}

func manifest(_ bytes: [UInt8], _ contentType: MediaType? = nil) throws(ParseError) -> Manifest {
  let result: Result<Manifest, ParseError> = bytes.withUnsafeBytes { bytes in
    do throws(ParseError) {
      return .success(try Manifest(parsing: bytes, contentType: contentType))
    } catch {
      return .failure(error)
    }
  }
  return try result.get()
}

func json(_ bytes: [UInt8], depthLimit: Int = 64) throws(ParseError) -> JSONValue {
  let result: Result<JSONValue, ParseError> = bytes.withUnsafeBytes { bytes in
    do throws(ParseError) {
      return .success(try JSONValue.parse(bytes, depthLimit: depthLimit))
    } catch {
      return .failure(error)
    }
  }
  return try result.get()
}

extension Digest {
  static func random(using random: inout SeededRandom) throws -> Digest {
    let algorithm = Bool.random(using: &random) ? Algorithm.sha256 : .sha512
    return try Digest(
      parsing: "\(algorithm):" + random.text(of: hexDigits, count: algorithm.hexCount...algorithm.hexCount))
  }
}

extension RepositoryName {
  static func random(using random: inout SeededRandom) throws -> RepositoryName {
    var text = random.text(of: lowerAlphanumeric, count: 1...8)
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      text += ["/", "/", ".", "_", "__", "-", "---"].randomElement(using: &random) ?? "/"
      // Words of the endpoints may be components of names.
      text +=
        Int.random(in: 0..<3, using: &random) == 0
        ? ["blobs", "uploads", "manifests", "tags", "list", "v2", "referrers"].randomElement(using: &random) ?? "v2"
        : random.text(of: lowerAlphanumeric, count: 1...8)
    }
    return try RepositoryName(parsing: text)
  }
}

extension Tag {
  static func random(using random: inout SeededRandom) throws -> Tag {
    let first = random.text(of: lowerAlphanumeric + "ABCXYZ_", count: 1...1)
    return try Tag(parsing: first + random.text(of: lowerAlphanumeric + "ABCXYZ_.-", count: 0...127))
  }
}
