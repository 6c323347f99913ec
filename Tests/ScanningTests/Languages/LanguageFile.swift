import CCompression
import Testing

@testable import Scanning

/// Reads one file as it would be read in a layer, whoever wants it.
enum LanguageFile {
  static func inventory(_ path: String, _ bytes: [UInt8], mode: Int = 0o755) throws -> LayerInventory {
    let archive = `Reading a layer`.entry(path, bytes, mode: mode) + [UInt8](repeating: 0, count: 1024)
    return try LayerReader.read(MemorySource(archive))
  }

  /// `name version` of each package, in their order.
  static func packages(_ path: String, _ bytes: [UInt8]) throws -> [String] {
    try inventory(path, bytes).artefacts.flatMap(\.components).map { "\($0.name) \($0.version)" }
  }

  static func packages(_ path: String, _ text: String) throws -> [String] { try packages(path, Array(text.utf8)) }
}

/// Writes zip archives as the tools of Java do.
struct ZipWriter {
  private var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0

  enum Packing {
    case stored
    case deflated
    /// The header does not tell the size; it follows the bytes.
    case streamed
  }

  /// - Parameter prefix: what stands before the archive.
  init(prefix: String = "") { bytes = Array(prefix.utf8) }

  private static func number(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  static func deflated(_ content: [UInt8]) -> [UInt8] { packed(content, windowBits: -15) }

  static func packed(_ content: [UInt8], windowBits: Int32) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
      &stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = content
    var output = [UInt8](repeating: 0, count: content.count + 1024)
    return input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        deflate(&stream, Z_FINISH)
        return Array(output[..<(output.count - Int(stream.avail_out))])
      }
    }
  }

  mutating func add(_ name: String, _ content: [UInt8], _ packing: Packing = .deflated) {
    let data = packing == .stored ? content : Self.deflated(content)
    let sizes = Self.number(data.count, 4) + Self.number(content.count, 4)
    let told = packing == .streamed ? [UInt8](repeating: 0, count: 8) : sizes
    let flags = packing == .streamed ? 8 : 0
    let offset = bytes.count
    let common =
      Self.number(20, 2) + Self.number(flags, 2) + Self.number(packing == .stored ? 0 : 8, 2) + Self.number(0, 4)
      + Self.number(0, 4)
    bytes += Self.number(0x0403_4B50, 4) + common + told + Self.number(name.utf8.count, 2) + Self.number(0, 2)
    bytes += Array(name.utf8) + data
    if packing == .streamed { bytes += Self.number(0x0807_4B50, 4) + Self.number(0, 4) + sizes }
    directory += Self.number(0x0201_4B50, 4) + Self.number(20, 2) + common + sizes + Self.number(name.utf8.count, 2)
    directory += Self.number(0, 12) + Self.number(offset, 4) + Array(name.utf8)
    count += 1
  }

  mutating func add(_ name: String, _ content: String, _ packing: Packing = .deflated) {
    add(name, Array(content.utf8), packing)
  }

  var whole: [UInt8] {
    bytes + directory + Self.number(0x0605_4B50, 4) + Self.number(0, 4) + Self.number(count, 2) + Self.number(count, 2)
      + Self.number(directory.count, 4) + Self.number(bytes.count, 4) + Self.number(0, 2)
  }
}
