import CLinux
import Glibc

/// Writes whole lines to a descriptor without making anybody wait for it: a thread of its own writes.
///
/// When the reader of the descriptor stalls, lines past the limit are dropped and counted: a log never stops the registry.
public final class LineWriter: @unchecked Sendable {
  /// Enough for some thousand request lines while the reader is busy.
  public static let bufferLimitBytes = 4 << 20
  /// A buffer of this size is written at once; a smaller one waits for more lines, but not long.
  static let flushThresholdBytes = 32 << 10
  static let flushIntervalMilliseconds = 200

  // Guarded by `lock`. By hand, because the standard library's Mutex has no condition to wait for.
  private var buffer: [UInt8] = []
  private var droppedLines = 0
  private var isWriting = false
  private var flushIsWanted = false
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let wanted: UnsafeMutablePointer<pthread_cond_t>
  private let written: UnsafeMutablePointer<pthread_cond_t>
  private let descriptor: Int32
  private let flushesEachLine: Bool

  /// - Parameter flushesEachLine: for a terminal, where a person waits for the line.
  public init(descriptor: Int32, flushesEachLine: Bool) {
    self.descriptor = descriptor
    self.flushesEachLine = flushesEachLine
    lock = .allocate(capacity: 1)
    wanted = .allocate(capacity: 1)
    written = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wanted, nil)
    pthread_cond_init(written, nil)
    buffer.reserveCapacity(Self.flushThresholdBytes + 1024)
    var thread = pthread_t()
    // The writer lives as long as the process, and so does its thread.
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let writer = Unmanaged<LineWriter>.fromOpaque(argument).takeRetainedValue()
        berth_name_thread("berth-log")
        writer.writeForever()
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(status == 0, "cannot start the log's thread: errno \(status)")
    pthread_detach(thread)
  }

  /// Appends one line; `body` adds its bytes, the line end is added here. Never waits for the descriptor.
  public func line(_ body: (inout [UInt8]) -> Void) {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard buffer.count <= Self.bufferLimitBytes else {
      droppedLines += 1
      return
    }
    let wasEmpty = buffer.isEmpty
    body(&buffer)
    buffer.append(0x0A)
    if wasEmpty { pthread_cond_signal(wanted) }
    if flushesEachLine || (buffer.count >= Self.flushThresholdBytes && !isWriting) {
      flushIsWanted = true
      pthread_cond_signal(wanted)
    }
  }

  public func line(_ text: String) { line { $0.append(contentsOf: text.utf8) } }

  /// Returns when everything up to now is written. For the end of the process, not for a request.
  public func flush() {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while !buffer.isEmpty || droppedLines > 0 || isWriting {
      flushIsWanted = true
      pthread_cond_signal(wanted)
      pthread_cond_wait(written, lock)
    }
  }

  private func writeForever() -> Never {
    pthread_mutex_lock(lock)
    while true {
      waitForLines()
      guard !buffer.isEmpty || droppedLines > 0 else { continue }
      if droppedLines > 0 {
        buffer += Array("log: \(droppedLines) lines dropped, the log's reader is too slow\n".utf8)
        droppedLines = 0
      }
      var chunk: [UInt8] = []
      chunk.reserveCapacity(Self.flushThresholdBytes + 1024)
      swap(&chunk, &buffer)
      isWriting = true
      pthread_mutex_unlock(lock)
      writeAll(chunk)
      pthread_mutex_lock(lock)
      isWriting = false
      pthread_cond_broadcast(written)
    }
  }

  /// Waits until a flush is wanted, or for the interval once there is a line.
  private func waitForLines() {
    while buffer.isEmpty && droppedLines == 0 && !flushIsWanted { pthread_cond_wait(wanted, lock) }
    if !flushIsWanted { waitForMore() }
    flushIsWanted = false
    if buffer.isEmpty && droppedLines == 0 { pthread_cond_broadcast(written) }
  }

  private func waitForMore() {
    var until = timespec()
    clock_gettime(CLOCK_REALTIME, &until)
    let nanoseconds = until.tv_nsec + Self.flushIntervalMilliseconds * 1_000_000
    until.tv_sec += nanoseconds / 1_000_000_000
    until.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(wanted, lock, &until)
  }

  private func writeAll(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
      while let base = rest.baseAddress, rest.count > 0 {
        let count = write(descriptor, base, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          if errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, 1000)
            continue
          }
          return
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }
}
