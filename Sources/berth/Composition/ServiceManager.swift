import Glibc

/// Tells systemd that the server is ready, or stops. Does nothing where nobody asked to be told.
///
/// Source: sd_notify(3).
func tellServiceManager(_ state: String) {
  guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), !path.isEmpty else { return }
  let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { return }
  defer { close(descriptor) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  // A leading @ stands for the abstract namespace, whose first byte is zero.
  let bytes = Array(path.utf8).enumerated().map { $0.offset == 0 && $0.element == 0x40 ? 0 : $0.element }
  guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
  withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      _ = state.withCString { sendto(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL), address, length) }
    }
  }
}
