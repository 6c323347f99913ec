import Glibc
import Synchronization

/// Writes whole lines to a descriptor without making the caller wait for it.
///
/// Lines are gathered in a buffer and written by whichever caller finds the buffer over its flush size, or by
/// ``flush()``, which the owner calls a few times a second and at the end. When the reader of the descriptor stalls, lines
/// past the limit are dropped and counted: a log never stops the registry.
public final class LineWriter: Sendable {
  /// Enough for some thousand request lines between two flushes.
  public static let bufferLimitBytes = 1 << 20
  public static let flushThresholdBytes = 32 << 10

  private struct State {
    var buffer: [UInt8] = []
    var isWriting = false
    var dropped = 0
  }
  private let state = Mutex(State())
  private let descriptor: Int32
  private let flushesEachLine: Bool

  /// - Parameter flushesEachLine: for a terminal, where a person waits for the line.
  public init(descriptor: Int32, flushesEachLine: Bool) {
    self.descriptor = descriptor
    self.flushesEachLine = flushesEachLine
  }

  /// Appends one line; `body` adds its bytes, the line end is added here.
  public func line(_ body: (inout [UInt8]) -> Void) {
    let wantsFlush = state.withLock { state in
      if state.buffer.count > Self.bufferLimitBytes {
        state.dropped += 1
        return false
      }
      body(&state.buffer)
      state.buffer.append(0x0A)
      return (flushesEachLine || state.buffer.count >= Self.flushThresholdBytes) && !state.isWriting
    }
    if wantsFlush { flush() }
  }

  public func line(_ text: String) { line { $0.append(contentsOf: text.utf8) } }

  /// Writes what has been gathered. Returns when it is written, or at once when another thread is writing.
  public func flush() {
    while true {
      let chunk: [UInt8]? = state.withLock { state in
        if state.isWriting || (state.buffer.isEmpty && state.dropped == 0) { return nil }
        state.isWriting = true
        if state.dropped > 0 {
          state.buffer.append(contentsOf: "log: \(state.dropped) lines dropped, the log's reader is too slow\n".utf8)
          state.dropped = 0
        }
        var fresh: [UInt8] = []
        fresh.reserveCapacity(Self.flushThresholdBytes + 1024)
        swap(&fresh, &state.buffer)
        return fresh
      }
      guard let chunk else { return }
      writeAll(chunk)
      state.withLock { $0.isWriting = false }
    }
  }

  private func writeAll(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
      while let base = rest.baseAddress, rest.count > 0 {
        let written = write(descriptor, base, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          if errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, 100)
            continue
          }
          return
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
}
