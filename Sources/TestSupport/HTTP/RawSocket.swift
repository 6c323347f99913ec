import Glibc

/// A blocking stream socket with a deadline on every wait. While it writes it also reads, so that a server that answers
/// before it has read the whole request cannot deadlock with it, and an answer that precedes a reset is not lost.
///
/// Not safe for concurrent use: ``RawHTTPConnection`` confines it to one queue.
final class RawSocket {
  private var descriptor: Int32
  private let patience: Duration
  private var buffer: [UInt8] = []
  private var start = 0
  /// Whether the server has finished sending, in order or by a reset.
  private(set) var reachedEnd = false
  /// Whether the server refuses to read more.
  private(set) var refusesBytes = false

  /// Connects to a TCP port at a numeric IPv4 or IPv6 address.
  init(host: String, port: Int, patience: Duration) throws(RawHTTPError) {
    self.patience = patience
    let isIPv6 = host.contains(":")
    descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw .notConnected(reason: Self.lastErrorText()) }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    let result: Int32
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(UInt16(port).bigEndian)
      guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { throw .notConnected(reason: "bad address") }
      result = Self.connect(descriptor, to: &address)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(UInt16(port).bigEndian)
      guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw .notConnected(reason: "bad address") }
      result = Self.connect(descriptor, to: &address)
    }
    if result != 0 { throw .notConnected(reason: Self.lastErrorText()) }
  }

  /// Connects to a socket in the file system.
  init(path: String, patience: Duration) throws(RawHTTPError) {
    self.patience = patience
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw .notConnected(reason: Self.lastErrorText()) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw .notConnected(reason: "path too long")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    if Self.connect(descriptor, to: &address) != 0 { throw .notConnected(reason: Self.lastErrorText()) }
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Tells the server that no more bytes will come; its answer can still be read.
  func finishWriting() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Breaks the connection with a reset instead of an orderly end.
  func abort() {
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    close()
  }

  /// Writes all bytes, or as many as the server takes before it stops reading.
  func write(_ bytes: [UInt8]) throws(RawHTTPError) {
    var offset = 0
    let deadline = ContinuousClock.now + patience
    while offset < bytes.count, !refusesBytes {
      let events = try wait(for: Int16(POLLOUT) | (reachedEnd ? 0 : Int16(POLLIN)), until: deadline, "room to write")
      if events & Int16(POLLIN | POLLHUP | POLLERR) != 0, !reachedEnd { receiveOnce() }
      if events & Int16(POLLOUT) != 0 {
        let count = bytes.withUnsafeBytes { raw in
          let rest = raw.baseAddress?.advanced(by: offset)
          return send(descriptor, rest, raw.count - offset, Self.noSignal | Self.doNotWait)
        }
        if count > 0 {
          offset += count
        } else if errno != EAGAIN && errno != EINTR {
          refusesBytes = true
        }
      } else if reachedEnd {
        refusesBytes = true
      }
    }
  }

  /// Waits for more bytes. `false` at the end of what the server sends.
  func fill() throws(RawHTTPError) -> Bool {
    if reachedEnd { return false }
    let before = buffer.count - start
    _ = try wait(for: Int16(POLLIN), until: ContinuousClock.now + patience, "bytes from the server")
    receiveOnce()
    return buffer.count - start > before || !reachedEnd
  }

  /// How many received bytes have not been taken yet.
  var available: Int { buffer.count - start }

  /// Takes up to and including `delimiter`; `nil` when it has not come yet.
  func take(through delimiter: [UInt8]) -> [UInt8]? {
    guard let lead = delimiter.first, available >= delimiter.count else { return nil }
    var index = start
    while index + delimiter.count <= buffer.count {
      if buffer[index] == lead, buffer[index..<index + delimiter.count].elementsEqual(delimiter) {
        let taken = Array(buffer[start..<index + delimiter.count])
        drop(taken.count)
        return taken
      }
      index += 1
    }
    return nil
  }

  /// Takes at most `count` received bytes.
  func take(upTo count: Int) -> [UInt8] {
    let taken = Array(buffer[start..<start + min(count, available)])
    drop(taken.count)
    return taken
  }

  private func drop(_ count: Int) {
    start += count
    if start == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      start = 0
    }
  }

  private func receiveOnce() {
    var chunk = [UInt8](repeating: 0, count: 128 * 1024)
    let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Self.doNotWait) }
    if count > 0 {
      buffer.append(contentsOf: chunk[..<count])
    } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
      reachedEnd = true
    }
  }

  private func wait(
    for events: Int16, until deadline: ContinuousClock.Instant, _ what: String
  ) throws(RawHTTPError) -> Int16 {
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      if left <= .zero { throw .timedOut(waitingFor: what) }
      var item = pollfd(fd: descriptor, events: events, revents: 0)
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      if poll(&item, 1, Int32(clamping: milliseconds + 1)) > 0 { return item.revents }
    }
  }

  private static func connect<Address>(_ descriptor: Int32, to address: inout Address) -> Int32 {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  private static let noSignal = Int32(MSG_NOSIGNAL)
  private static let doNotWait = Int32(MSG_DONTWAIT)

  private static func lastErrorText() -> String { String(cString: strerror(errno)) }
}
