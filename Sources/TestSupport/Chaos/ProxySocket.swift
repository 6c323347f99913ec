import Glibc
import Synchronization

/// One end of a connection that a proxy passes on. Blocking, for one reader and one writer; ``abort()`` ends both.
final class ProxySocket: Sendable {
  let descriptor: Int32
  private let isAborted = Atomic(false)

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Connects to a port of 127.0.0.1.
  static func connect(to port: UInt16) throws -> ProxySocket {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw LabError("no socket: errno \(errno)") }
    var address = loopback(port)
    guard withSocketAddress(&address, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
      close(descriptor)
      throw LabError("nobody listens at \(port)")
    }
    return ProxySocket(descriptor)
  }

  deinit { close(descriptor) }

  /// Waits for bytes.
  ///
  /// - Returns: nothing at the end, whether in order or not.
  func receive(upTo limit: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      count = 0
      while waitFor(Int16(POLLIN)) {
        let received = recv(descriptor, buffer.baseAddress, limit, Int32(MSG_DONTWAIT))
        if received > 0 { count = received }
        if received >= 0 || (errno != EAGAIN && errno != EINTR) { return }
      }
    }
  }

  /// Sends all bytes.
  ///
  /// - Returns: whether the other side took them.
  func send(_ bytes: some Collection<UInt8>) -> Bool {
    let all = Array(bytes)
    var sent = 0
    while sent < all.count {
      guard waitFor(Int16(POLLOUT)) else { return false }
      let count = all.withUnsafeBytes { raw in
        Glibc.send(
          descriptor, raw.baseAddress?.advanced(by: sent), raw.count - sent, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count > 0 { sent += count } else if errno != EAGAIN && errno != EINTR { return false }
    }
    return true
  }

  /// Tells the other side that no more bytes will come.
  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Makes whoever waits here stop waiting. The other side notices when the last owner lets go of the socket.
  ///
  /// - Parameter withReset: whether it then sees a reset instead of an orderly end.
  func abort(withReset: Bool) {
    if withReset {
      var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
    isAborted.store(true, ordering: .releasing)
    shutdown(descriptor, Int32(SHUT_RD))
  }

  /// Whether the other side has closed its end, though bytes of it may still wait here.
  var hasHungUp: Bool {
    // POLLRDHUP, which Glibc does not show without _GNU_SOURCE.
    var item = pollfd(fd: descriptor, events: 0x2000, revents: 0)
    return poll(&item, 1, 0) > 0
  }

  var wasAborted: Bool { isAborted.load(ordering: .acquiring) }

  /// Waits in small steps, because nothing else wakes a thread that waits for room.
  private func waitFor(_ events: Int16) -> Bool {
    while !wasAborted {
      var item = pollfd(fd: descriptor, events: events, revents: 0)
      if poll(&item, 1, 100) > 0 { return true }
    }
    return false
  }
}
