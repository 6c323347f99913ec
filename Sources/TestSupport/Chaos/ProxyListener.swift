import Glibc
import Synchronization

/// Takes connections on a free port of 127.0.0.1, each on a thread of its own.
final class ProxyListener: Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let accepted = Atomic<Int>(0)
  private let isClosed = Atomic(false)

  /// - Parameter serve: called for each connection with its number, from 0 on; the connection ends when it returns.
  init(serve: @escaping @Sendable (ProxySocket, Int) -> Void) throws {
    port = try FreePort.next()
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw LabError("no socket: errno \(errno)") }
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    let listener = descriptor
    guard withSocketAddress(&address, { bind(listener, $0, $1) }) == 0, listen(listener, 128) == 0 else {
      close(listener)
      throw LabError("cannot listen at \(port): errno \(errno)")
    }
    startThread { self.run(serve) }
  }

  /// Takes no more connections: they are refused from now on.
  func stop() { isClosed.store(true, ordering: .releasing) }

  /// How many connections have been taken.
  var connections: Int { accepted.load(ordering: .relaxed) }

  private func run(_ serve: @escaping @Sendable (ProxySocket, Int) -> Void) {
    while !isClosed.load(ordering: .acquiring) {
      var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&item, 1, 50) > 0 else { continue }
      let taken = accept(descriptor, nil, nil)
      guard taken >= 0 else { continue }
      _ = fcntl(taken, F_SETFD, FD_CLOEXEC)
      let number = accepted.add(1, ordering: .relaxed).oldValue
      startThread { serve(ProxySocket(taken), number) }
    }
    close(descriptor)
  }
}
