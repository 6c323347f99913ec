import Glibc

func loopback(port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  return address
}

/// Connects to a port of the loopback address.
///
/// - Parameter receiveBuffer: bytes of the kernel's buffer for what arrives; nil leaves the kernel to choose.
/// - Returns: a blocking descriptor that sends small writes at once. The caller closes it.
func connectSocket(port: UInt16, receiveBuffer: Int32? = nil) throws -> Int32 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { throw BenchError("socket: \(String(cString: strerror(errno)))") }
  var one: Int32 = 1
  setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  // A server that stops reading or answering fails the benchmark; it does not hang it.
  var patience = timeval(tv_sec: 60, tv_usec: 0)
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  if var receiveBuffer {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
  }
  var address = loopback(port: port)
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  guard result == 0 else {
    let reason = String(cString: strerror(errno))
    close(descriptor)
    throw BenchError("connect: \(reason)")
  }
  return descriptor
}

/// Sends all bytes through a blocking descriptor.
func sendAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws {
  guard let start = bytes.baseAddress else { return }
  var sent = 0
  while sent < bytes.count {
    let count = Glibc.send(descriptor, start + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { throw BenchError("send: \(String(cString: strerror(errno)))") }
    sent += count
  }
}
