@testable import Scanning

/// The files of `vex.tar.zst`.
enum VEXFiles {
  /// By name, without the folder.
  static func all() throws -> [String: [UInt8]] {
    let archive = try SharedData.bytes("advisories/vex.tar.zst")
    var found: [String: [UInt8]] = [:]
    var place = 0
    while place + 512 <= archive.count {
      let header = archive[place..<place + 512]
      let name = String(decoding: header.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
      let digits = String(decoding: header.dropFirst(124).prefix(11), as: UTF8.self)
      guard !name.isEmpty, let size = Int(digits, radix: 8) else { break }
      let start = place + 512
      if name.hasSuffix(".json"), start + size <= archive.count {
        found[String(name.split(separator: "/").last ?? "")] = Array(archive[start..<start + size])
      }
      place = start + (size + 511) / 512 * 512
    }
    return found
  }

  static func read(_ bytes: [UInt8]) throws -> VEXDocument { try bytes.withUnsafeBytes { try VEXReader.document($0) } }
  static func read(_ text: String) throws -> VEXDocument { try read(Array(text.utf8)) }
}
