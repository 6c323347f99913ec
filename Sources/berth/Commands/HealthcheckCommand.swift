import ArgumentParser
import Glibc

struct HealthcheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "healthcheck", abstract: "Ask the server of this configuration whether it is ready.",
    discussion:
      "Ends with 0 when it is. Plain HTTP only: give --listen an address without TLS, or use a client of yours.")

  @OptionGroup var options: SettingsOptions

  @Option(
    help: ArgumentHelp(
      "Where the server listens (default: the first address of the configuration).", valueName: "address"))
  var listen: String?

  static let timeoutSeconds = 5

  func run() throws {
    let flags = listen.map { [SettingFlag("--listen", [$0])] } ?? []
    guard let address = try options.load(more: flags).settings.http.listen.first else { throw ExitCode.failure }
    guard let answer = Self.ask(address) else {
      standardError("no answer from \(address)")
      throw ExitCode.failure
    }
    let isReady = answer.hasPrefix("HTTP/1.1 200")
    print(answer.split(separator: "\r\n").last.map(String.init) ?? answer)
    if !isReady { throw ExitCode.failure }
  }

  /// The whole answer to `GET /readyz`, or nil.
  private static func ask(_ address: ListenAddress) -> String? {
    guard let descriptor = connect(address) else { return nil }
    defer { close(descriptor) }
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    guard request.withCString({ write(descriptor, $0, strlen($0)) }) > 0 else { return nil }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while answer.count < 65_536 {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      answer += buffer[..<count]
    }
    return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
  }

  private static func connect(_ address: ListenAddress) -> Int32? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    switch address {
    case .unix(let path): return connectUnix(path)
    case .tcp(let host, let port):
      var found: UnsafeMutablePointer<addrinfo>?
      guard getaddrinfo(host?.description ?? "127.0.0.1", "\(port)", &hints, &found) == 0, let first = found else {
        return nil
      }
      defer { freeaddrinfo(found) }
      let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, 0)
      return finish(descriptor, Glibc.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen))
    }
  }

  private static func connectUnix(_ path: String) -> Int32? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return finish(descriptor, status)
  }

  private static func finish(_ descriptor: Int32, _ status: Int32) -> Int32? {
    guard status == 0 else {
      close(descriptor)
      return nil
    }
    var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }
}
