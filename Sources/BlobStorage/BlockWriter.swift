import CLinux
import Glibc

/// A thread that writes one run of blocks past the page cache, while the next one is being filled and hashed.
///
/// Used by one appender, which asks for one write at a time; so bytes reach the file in their order, and after a failed write
/// none follow.
final class BlockWriter: @unchecked Sendable {
  // Handed over by the two semaphores: `asked` gives all of it to the thread, `done` gives it back.
  private struct Order {
    var bytes: UnsafeRawBufferPointer?
    var offset: Int64 = 0
    var failure: DiskError?
  }

  private let file: LocalFile
  private let descriptor: Int32
  private var order = Order()
  private var isWriting = false
  private let asked = Semaphore()
  private let done = Semaphore()
  private var thread = pthread_t()

  /// Takes over `descriptor`, which is open with `O_DIRECT` on the same file. Nil, and the descriptor closed, where no thread can
  /// be had.
  init?(_ file: LocalFile, descriptor: Int32) {
    self.file = file
    self.descriptor = descriptor
    let box = Unmanaged.passRetained(ThreadStart(self))
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        berth_name_thread("block-writer")
        start.writer.work()
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      close(descriptor)
      return nil
    }
  }

  /// The thread must not keep what ends it alive: the appender calls ``end()``, and its writer goes after that.
  private final class ThreadStart {
    let writer: BlockWriter
    init(_ writer: BlockWriter) { self.writer = writer }
  }

  /// Writes whole blocks in the background.
  ///
  /// - Precondition: ``wait()`` was called after the last one; the bytes stay as they are until it is called again.
  func start(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
    order.bytes = bytes
    order.offset = offset
    isWriting = true
    asked.post()
  }

  /// Returns when what was started is written.
  func wait() throws(DiskError) {
    if isWriting {
      done.wait()
      isWriting = false
    }
    if let failure = order.failure { throw failure }
  }

  /// Waits for what was started, ends the thread and closes the descriptor.
  func end() {
    _ = try? wait()
    order.bytes = nil
    asked.post()
    pthread_join(thread, nil)
    close(descriptor)
  }

  private func work() {
    while true {
      asked.wait()
      guard let bytes = order.bytes else { return }
      do throws(DiskError) {
        try write(bytes, at: order.offset)
      } catch {
        order.failure = error
      }
      done.post()
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
      if count > 0 && count % DirectAppender.blockBytes == 0 {
        done += count
      } else if count < 0 && errno == EINTR {
        continue
      } else {
        // A file system that takes O_DIRECT at open and not at a write, or a part of a block: the page cache takes the rest.
        return try file.write(UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + Int64(done))
      }
    }
  }
}

/// A counting semaphore between two threads (sem_overview(7)).
private final class Semaphore: @unchecked Sendable {
  private let handle = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(handle, 0, 0) }

  deinit {
    sem_destroy(handle)
    handle.deallocate()
  }

  func post() { sem_post(handle) }

  func wait() {
    while sem_wait(handle) != 0 && errno == EINTR {}
  }
}
