import Glibc
import ServiceLifecycle
import Synchronization

/// Tells systemd what the server is about. Does nothing where nobody asked to be told.
///
/// Source: sd_notify(3).
enum ServiceManager {
  enum State {
    case ready
    /// Followed by ``ready``, whatever came of it.
    case reloading
    case stopping
  }

  private static let isStopping = Mutex(false)

  /// After ``State/stopping`` nothing more is told: a reload that ends then does not make it ready again.
  static func tell(_ state: State) {
    isStopping.withLock { isStopping in
      guard !isStopping else { return }
      isStopping = state == .stopping
      send(message(state))
    }
  }

  private static func message(_ state: State) -> String {
    switch state {
    case .ready: "READY=1"
    // Without the moment systemd could take an older message for the answer to its signal.
    case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds())"
    case .stopping: "STOPPING=1"
    }
  }

  private static func monotonicMicroseconds() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
  }

  private static func send(_ text: String) {
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
        _ = text.withCString { sendto(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL), address, length) }
      }
    }
  }
}

/// Tells the service manager that the server stops, when it begins to: requests under way may take long yet, and meanwhile
/// nobody should take it for ready. Services are told to stop from the last to the first, each when the one after it has ended;
/// so this is the last.
struct StopNotice: Service {
  func run() async throws {
    try await gracefulShutdown()
    ServiceManager.tell(.stopping)
  }
}
