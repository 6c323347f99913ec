internal import CCompression

/// Zstandard. Frames, and frames to be skipped.
///
/// Source: RFC 8878.
final class ZstdDecoder: MemberDecoder {
  private let stream: OpaquePointer

  init(windowLog: Int) throws(LayerError) {
    guard let stream = ZSTD_createDStream() else { throw .unreadable("no memory for unpacking") }
    self.stream = stream
    _ = ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, Int32(windowLog))
  }

  deinit { ZSTD_freeDStream(stream) }

  func reset() {}

  func step(
    _ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(LayerError) -> DecodedStep {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let status = ZSTD_decompressStream(stream, &target, &source)
    guard ZSTD_isError(status) == 0 else {
      if ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge {
        throw .limit("its zstd stream needs a larger window than is taken")
      }
      let reason = ZSTD_getErrorName(status).map { String(cString: $0) } ?? ""
      throw .broken("its zstd stream is broken: \(reason)")
    }
    return DecodedStep(consumed: source.pos, produced: target.pos, hasEnded: status == 0)
  }
}

/// xz, by liblzma.
final class XZDecoder: MemberDecoder {
  private var stream = lzma_stream()
  private let memoryLimit: UInt64

  init(windowLog: Int) throws(LayerError) {
    // The window and what surrounds it.
    memoryLimit = (1 << UInt64(windowLog)) + (16 << 20)
    try reset()
  }

  deinit { lzma_end(&stream) }

  func reset() throws(LayerError) {
    guard lzma_stream_decoder(&stream, memoryLimit, 0) == LZMA_OK else { throw .unreadable("no memory for unpacking") }
  }

  func step(
    _ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(LayerError) -> DecodedStep {
    stream.next_in = UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = input.count
    stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = output.count
    let status = lzma_code(&stream, LZMA_RUN)
    guard status == LZMA_OK || status == LZMA_STREAM_END || status == LZMA_BUF_ERROR else {
      throw status == LZMA_MEMLIMIT_ERROR
        ? .limit("its xz stream needs a larger window than is taken") : .broken("its xz stream is broken")
    }
    return DecodedStep(
      consumed: input.count - stream.avail_in, produced: output.count - stream.avail_out,
      hasEnded: status == LZMA_STREAM_END)
  }
}

/// bzip2.
final class BzipDecoder: MemberDecoder {
  private var stream = bz_stream()
  private var isOpen = false

  init() throws(LayerError) { try reset() }

  deinit { if isOpen { BZ2_bzDecompressEnd(&stream) } }

  func reset() throws(LayerError) {
    if isOpen { BZ2_bzDecompressEnd(&stream) }
    stream = bz_stream()
    isOpen = BZ2_bzDecompressInit(&stream, 0, 0) == BZ_OK
    guard isOpen else { throw .unreadable("no memory for unpacking") }
  }

  func step(
    _ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(LayerError) -> DecodedStep {
    stream.next_in = input.baseAddress?.assumingMemoryBound(to: CChar.self)
    stream.avail_in = UInt32(clamping: input.count)
    stream.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    stream.avail_out = UInt32(clamping: output.count)
    let (given, room) = (stream.avail_in, stream.avail_out)
    let status = BZ2_bzDecompress(&stream)
    guard status == BZ_OK || status == BZ_STREAM_END else { throw .broken("its bzip2 stream is broken") }
    return DecodedStep(
      consumed: Int(given - stream.avail_in), produced: Int(room - stream.avail_out), hasEnded: status == BZ_STREAM_END)
  }
}
