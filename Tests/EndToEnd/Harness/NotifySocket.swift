import Foundation

/// The socket of a service manager (`NOTIFY_SOCKET`), which keeps what it is told.
final class NotifySocket: Sendable {
  private let descriptor: Int32

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0, Address.unixSocket(path: path).withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
      throw HarnessError("cannot listen at \(path): errno \(errno)")
    }
  }

  deinit { close(descriptor) }

  /// Waits for the next message.
  func next() async throws -> String {
    var message: String?
    try await eventually("the service manager is told something") {
      message = nextAtHand()
      return message != nil
    }
    return message ?? ""
  }

  /// The next message, where there is one already.
  func nextAtHand() -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return count >= 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
