internal import CCompression
internal import CISAL

/// What unpacks gzip.
public enum GzipEngine: Sendable, Hashable, CaseIterable {
  /// ISA-L where it is installed, else zlib.
  case fastest
  case zlib

  /// Loads what is loaded while running, which opens files: a process that gives up its privileges calls this before it does.
  /// Answers whether ISA-L is there.
  @discardableResult
  public static func prepare() -> Bool { berth_isal_load() == 1 }

  func decoder() throws(LayerError) -> any MemberDecoder {
    self == .fastest && Self.prepare() ? try AcceleratedGzipDecoder() : try GzipDecoder()
  }
}

/// Gzip, by zlib.
///
/// Source: RFC 1952.
final class GzipDecoder: MemberDecoder {
  private var stream = z_stream()

  init() throws(LayerError) {
    // 15 bits of window, and 16 for the header of gzip.
    guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .unreadable("no memory for unpacking")
    }
  }

  deinit { inflateEnd(&stream) }

  func reset() throws(LayerError) {
    guard inflateReset(&stream) == Z_OK else { throw .unreadable("no memory for unpacking") }
  }

  func step(
    _ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(LayerError) -> DecodedStep {
    stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = UInt32(clamping: input.count)
    stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(clamping: output.count)
    let (given, room) = (stream.avail_in, stream.avail_out)
    let status = inflate(&stream, Z_NO_FLUSH)
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      throw .broken("its gzip stream is broken")
    }
    return DecodedStep(
      consumed: Int(given - stream.avail_in), produced: Int(room - stream.avail_out), hasEnded: status == Z_STREAM_END)
  }
}

/// Gzip, by ISA-L. Only after ``GzipEngine/prepare()`` has said that it is there.
final class AcceleratedGzipDecoder: MemberDecoder {
  private let inflater: OpaquePointer

  init() throws(LayerError) {
    guard let inflater = berth_isal_create() else { throw .unreadable("no memory for unpacking") }
    self.inflater = inflater
  }

  deinit { berth_isal_free(inflater) }

  func reset() { berth_isal_reset(inflater) }

  func step(
    _ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) throws(LayerError) -> DecodedStep {
    guard let space = output.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      return DecodedStep(consumed: 0, produced: 0, hasEnded: false)
    }
    let step = berth_isal_inflate(
      inflater, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, space, output.count)
    guard step.is_broken == 0 else { throw .broken("its gzip stream is broken") }
    return DecodedStep(consumed: step.consumed, produced: step.produced, hasEnded: step.has_ended == 1)
  }
}
