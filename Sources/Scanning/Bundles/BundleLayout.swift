/// How a bundle lies in its file: an archive in the form of ustar, of which every byte is given by the manifest, the signature and the
/// records. A reader knows each header before it comes, so nothing else can stand in the file.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format".
enum BundleLayout {
  static let manifest = "manifest.json"
  static let signature = "manifest.sig"
  /// Of a signature of Ed25519 (RFC 8032, section 5.1.6).
  static let signatureBytes = 64
  static let blockBytes = 512
  /// What ends an archive.
  static let endBytes = 2 * blockBytes

  /// The header of a file.
  ///
  /// - Precondition: the name has at most 100 bytes, and the file fewer than eight gigabytes.
  static func header(_ name: String, _ sizeBytes: Int64) -> [UInt8] {
    precondition(name.utf8.count <= 100 && (0...BundleManifest.memberLimitBytes).contains(sizeBytes), "it fits ustar")
    var header = [UInt8](repeating: 0, count: blockBytes)
    func put(_ text: String, at position: Int) {
      header.replaceSubrange(position..<position + text.utf8.count, with: text.utf8)
    }
    put(name, at: 0)
    put("0000644", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(octal(sizeBytes, 11), at: 124)
    // 1970: equal content has equal bytes.
    put("00000000000", at: 136)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar", at: 257)
    put("00", at: 263)
    let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
    put(octal(sum, 6), at: 148)
    header[154] = 0
    return header
  }

  /// The size that a header claims; nil when it is no header of ours, of this name.
  static func size(_ header: [UInt8], of name: String) -> Int64? {
    guard header.count == blockBytes else { return nil }
    var size: Int64 = 0
    for byte in header[124..<135] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else { return nil }
      size = size << 3 | Int64(byte - UInt8(ascii: "0"))
    }
    return size <= BundleManifest.memberLimitBytes && header == Self.header(name, size) ? size : nil
  }

  /// Zeros behind a file, up to the next block.
  static func paddingBytes(_ sizeBytes: Int64) -> Int {
    Int((Int64(blockBytes) - sizeBytes % Int64(blockBytes)) % Int64(blockBytes))
  }

  private static func octal(_ number: Int64, _ width: Int) -> String {
    let digits = String(number, radix: 8)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
