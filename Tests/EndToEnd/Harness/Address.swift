import Foundation
import TestSupport

/// Where a server listens: the text of `--listen`, and how to reach it.
enum Address: Sendable {
  case loopback4(port: UInt16)
  case loopback6(port: UInt16)
  case unixSocket(path: String)

  /// As `--listen` takes it.
  var listenArgument: String {
    switch self {
    case .loopback4(let port): "127.0.0.1:\(port)"
    case .loopback6(let port): "[::1]:\(port)"
    case .unixSocket(let path): "unix:\(path)"
    }
  }

  /// Host and port of a URL or an image reference.
  var authority: String {
    if case .unixSocket = self { return "localhost" }
    return listenArgument
  }

  /// 0 of a unix socket.
  var port: UInt16 {
    switch self {
    case .loopback4(let port), .loopback6(let port): port
    case .unixSocket: 0
    }
  }

  /// A free port of 127.0.0.1 that no outgoing connection takes before its server does.
  static func free4() throws -> Address { .loopback4(port: try FreePort.next()) }

  /// A free port of ::1, as the kernel names one.
  static func free6() throws -> Address {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw HarnessError("cannot make a socket: errno \(errno)") }
    defer { close(descriptor) }
    guard loopback6(port: 0).withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
      throw HarnessError("cannot bind a loopback socket: errno \(errno)")
    }
    var bound = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    return withUnsafeMutablePointer(to: &bound) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
      return .loopback6(port: UInt16(bigEndian: pointer.pointee.sin6_port))
    }
  }

  /// The address family of `socket(2)`.
  var family: Int32 {
    switch self {
    case .loopback4: AF_INET
    case .loopback6: AF_INET6
    case .unixSocket: AF_UNIX
    }
  }

  /// Calls `body` with the address as `connect(2)` and `bind(2)` want it.
  func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    func call<A>(_ address: A) -> R {
      withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<A>.size)) }
      }
    }
    switch self {
    case .loopback4(let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
      return call(address)
    case .loopback6(let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      return call(address)
    case .unixSocket(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
      return call(address)
    }
  }
}
