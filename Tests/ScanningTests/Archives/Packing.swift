import CCompression

@testable import Scanning

/// Packs bytes as the programs of those names do.
enum Packing {
  struct Failure: Error {}

  static func packed(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
    switch compression {
    case .none: bytes
    case .gzip: try gzip(bytes)
    case .zstd: try zstd(bytes)
    case .xz: try xz(bytes)
    case .bzip2: try bzip2(bytes)
    }
  }

  static func gzip(_ bytes: [UInt8], level: Int32 = 6) throws -> [UInt8] {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        == Z_OK
    else { throw Failure() }
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
    let count = try input.withUnsafeMutableBufferPointer { input in
      try output.withUnsafeMutableBufferPointer { output -> Int in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        guard deflate(&stream, Z_FINISH) == Z_STREAM_END else { throw Failure() }
        return output.count - Int(stream.avail_out)
      }
    }
    return Array(output[..<count])
  }

  static func zstd(_ bytes: [UInt8], windowLog: Int32? = nil) throws -> [UInt8] {
    guard let context = ZSTD_createCCtx() else { throw Failure() }
    defer { ZSTD_freeCCtx(context) }
    _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    if let windowLog {
      _ = ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog)
      // So that the frame says its window, not its size.
      _ = ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
    }
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let size = ZSTD_compress2(context, &output, output.count, bytes, bytes.count)
    guard ZSTD_isError(size) == 0 else { throw Failure() }
    return Array(output[..<size])
  }

  /// A frame that says nothing.
  static func skippableFrame(_ bytes: [UInt8]) -> [UInt8] {
    [0x53, 0x2A, 0x4D, 0x18] + (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
  }

  static func xz(_ bytes: [UInt8], preset: UInt32 = 1) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: lzma_stream_buffer_bound(bytes.count))
    var size = 0
    guard
      lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC64, nil, bytes, bytes.count, &output, &size, output.count)
        == LZMA_OK
    else { throw Failure() }
    return Array(output[..<size])
  }

  static func bzip2(_ bytes: [UInt8]) throws -> [UInt8] {
    var input = bytes.map { CChar(bitPattern: $0) }
    var output = [CChar](repeating: 0, count: bytes.count + bytes.count / 100 + 700)
    var size = UInt32(output.count)
    guard BZ2_bzBuffToBuffCompress(&output, &size, &input, UInt32(input.count), 1, 0, 0) == BZ_OK else {
      throw Failure()
    }
    return output[..<Int(size)].map { UInt8(bitPattern: $0) }
  }
}

/// Bytes in pieces of the same small size, as a slow pipe gives them.
struct DribblingSource: ByteSource {
  private var rest: ArraySlice<UInt8>
  private let pieceBytes: Int

  init(_ bytes: [UInt8], pieceBytes: Int) {
    rest = bytes[...]
    self.pieceBytes = pieceBytes
  }

  mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int {
    let piece = rest.prefix(min(pieceBytes, space.count))
    space.copyBytes(from: piece)
    rest = rest.dropFirst(piece.count)
    return piece.count
  }
}

/// Numbers that look like chance and are the same in every run.
struct TestNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) ^ (state << 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}
