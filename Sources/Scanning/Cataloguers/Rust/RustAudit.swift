internal import Glibc
internal import OCI

/// What cargo-auditable writes into programs of Rust: the packages that they are built from, as JSON packed by zlib.
///
/// Source: rust-secure-code/cargo-auditable, PARSING.md.
struct RustAudit {
  private(set) var components: [Component] = []
  private(set) var isKnown = false

  private static let documentStarts = [Array("{\"packages\":".utf8), Array("{\"format\":".utf8)]
  /// Second bytes of a zlib stream, by how hard it was packed.
  private static let levels: Set<UInt8> = [0x01, 0x5E, 0x9C, 0xDA]
  /// Of a candidate that much is unpacked to look at it: the codes of a block, at most 290 bytes, and some of its content. Those of
  /// programs with hundreds of crates have more than 64.
  static let probeBytes = 384

  /// Where a zlib stream with such a document begins.
  func start(in window: UnsafeRawBufferPointer, before end: Int) -> Int? {
    guard let base = window.baseAddress else { return nil }
    var from = 0
    while from < end, let next = memchr(base + from, 0x78, end - from) {
      let found = UnsafeRawPointer(next) - base
      if found + 3 < window.count, Self.levels.contains(window[found + 1]), isDocument(window, found + 2) {
        return found
      }
      from = found + 1
    }
    return nil
  }

  private func isDocument(_ window: UnsafeRawBufferPointer, _ position: Int) -> Bool {
    // The third kind of block does not exist.
    guard window[position] >> 1 & 3 != 3, let inflater = RawInflater() else { return false }
    var input = Array(window[position..<min(window.count, position + Self.probeBytes)])
    var output = [UInt8](repeating: 0, count: 16)
    let produced = input.withUnsafeMutableBytes { input in
      output.withUnsafeMutableBytes { output in inflater.step(input, output)?.produced ?? 0 }
    }
    return Self.documentStarts.contains { produced >= $0.count && output.starts(with: $0) }
  }

  mutating func take(_ document: [UInt8]) {
    let parsed = document.withUnsafeBytes { bytes -> JSONValue? in
      do throws(ParseError) { return try JSONValue.parse(bytes, depthLimit: 16) } catch { return nil }
    }
    guard let packages = parsed?["packages"]?.array else { return }
    isKnown = true
    for package in packages {
      // What is needed for building alone is not in the program; what is not from the index of crates has no advisories.
      guard let name = package["name"]?.string, let version = package["version"]?.string, !name.isEmpty,
        package["kind"]?.string ?? "runtime" == "runtime",
        ["crates.io", "registry"].contains(package["source"]?.string ?? "")
      else { continue }
      components.append(Component(.cargo, name: name, version: version))
    }
  }
}
