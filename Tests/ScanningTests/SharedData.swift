import CCompression
import Foundation
import Testing

/// Real data that lies beside the repository. What is not there fails the test that needs it.
enum SharedData {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let shared = root.deletingLastPathComponent().appending(path: "shared/data")

  /// Where a file lies.
  static func path(_ path: String) -> String { shared.appending(path: path).path() }

  static func bytes(_ path: String) throws -> [UInt8] {
    let all = [UInt8](try Data(contentsOf: shared.appending(path: path)))
    return path.hasSuffix(".zst") ? try unpacked(all) : all
  }

  static func lines(_ path: String) throws -> [String] {
    String(decoding: try bytes(path), as: UTF8.self).split(separator: "\n").map { String($0) }
  }

  /// The rows of a table, with its columns; comments and a line of names are left out by the caller.
  static func table(_ path: String) throws -> [[String]] {
    try lines(path).map { $0.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) } }
  }

  static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: shared.appending(path: folder).path()).sorted()
  }

  /// Packed with Zstandard.
  static func packed(_ bytes: [UInt8]) throws -> [UInt8] {
    var space = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = ZSTD_compress(&space, space.count, bytes, bytes.count, 3)
    guard ZSTD_isError(count) == 0 else { throw Broken() }
    return Array(space[..<count])
  }

  private struct Broken: Error {}

  private static func unpacked(_ bytes: [UInt8]) throws -> [UInt8] {
    guard let stream = ZSTD_createDStream() else { throw Broken() }
    defer { ZSTD_freeDStream(stream) }
    var result: [UInt8] = []
    var space = [UInt8](repeating: 0, count: 1 << 20)
    try bytes.withUnsafeBytes { all in
      var input = ZSTD_inBuffer(src: all.baseAddress, size: all.count, pos: 0)
      while input.pos < input.size {
        let made = try space.withUnsafeMutableBytes { space -> Int in
          var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
          guard ZSTD_isError(ZSTD_decompressStream(stream, &output, &input)) == 0 else { throw Broken() }
          return output.pos
        }
        result += space[..<made]
      }
    }
    return result
  }
}
