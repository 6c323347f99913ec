import Glibc

/// Keeps the input at hand in a file that is mapped into memory, so that it is there after a trap and costs no system call.
final class Witness {
  /// Beyond any input: seeds of some targets have several hundred kilobytes.
  private static let capacity = (4 << 20) + 8
  private let memory: UnsafeMutableRawPointer
  private let path: String
  private var count = 0

  init(path: String) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    ftruncate(descriptor, off_t(Self.capacity))
    guard let mapped = mmap(nil, Self.capacity, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), mapped != MAP_FAILED
    else { fatalError("cannot map \(path)") }
    close(descriptor)
    memory = mapped
  }

  /// The length in eight bytes, then the bytes.
  func keep(_ bytes: [UInt8]) {
    count = min(bytes.count, Self.capacity - 8)
    memory.storeBytes(of: UInt64(count), as: UInt64.self)
    bytes.withUnsafeBytes {
      memory.advanced(by: 8).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: count)
    }
  }

  /// Nothing was found.
  func remove() { unlink(path) }
}
