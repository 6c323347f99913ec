import Glibc
import Synchronization

/// Ports of 127.0.0.1 for servers of tests.
///
/// They lie below the range from which the kernel takes ports for outgoing connections, so that a server that is stopped
/// finds its port free when it is started again.
public enum FreePort {
  private static let range: ClosedRange<UInt16> = 20_000...31_999
  private static let given = Mutex<Set<UInt16>>([])

  /// A port on which nobody listens, and which this process gives out once.
  public static func next() throws -> UInt16 {
    for _ in 0..<1000 {
      let port = UInt16.random(in: range)
      guard given.withLock({ $0.insert(port).inserted }) else { continue }
      if isFree(port) { return port }
    }
    throw LabError("no free port between \(range.lowerBound) and \(range.upperBound)")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = loopback(port)
    return withSocketAddress(&address) { bind(descriptor, $0, $1) } == 0
  }
}

/// 127.0.0.1 with a port.
func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
  return address
}

/// Calls `body` with an address as the calls of sockets want it.
func withSocketAddress<Result>(
  _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}
