import ArgumentParser
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI

struct HealthcheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "healthcheck", abstract: "Ask the server of this configuration whether it is ready.",
    discussion:
      "Ends with 0 when it is. Asks over TLS where http.tls.certificate is set, and takes any certificate for its own.")

  @OptionGroup var options: SettingsOptions

  @Option(
    help: ArgumentHelp(
      "Where the server listens (default: the first address of the configuration).", valueName: "address"))
  var listen: String?

  private struct Answer {
    let isReady: Bool
    let text: String
  }

  static let timeoutSeconds = 5
  static let answerLimitBytes = 65_536

  func run() async throws {
    let flags = listen.map { [SettingFlag("--listen", [$0])] } ?? []
    let settings = try options.load(more: flags).settings.http
    guard let address = settings.listen.first else { throw ExitCode.failure }
    let answer = settings.tls.certificate == nil ? Self.ask(address) : await Self.askOverTLS(address)
    guard let answer else {
      standardError("no answer from \(address)")
      throw ExitCode.failure
    }
    print(answer.text)
    if !answer.isReady { throw ExitCode.failure }
  }

  private static func askOverTLS(_ address: ListenAddress) async -> Answer? {
    let client = HTTPClient(
      eventLoopGroupProvider: .singleton, configuration: HTTPClient.Configuration(certificateVerification: .none))
    var answer: Answer?
    do {
      let response = try await client.execute(
        HTTPClientRequest(url: url(address)), timeout: .seconds(Int64(timeoutSeconds)))
      let body = try await response.body.collect(upTo: answerLimitBytes)
      answer = Answer(isReady: response.status == .ok, text: String(buffer: body))
    } catch {
      standardError("\(error)")
    }
    do { try await client.shutdown() } catch { standardError("\(error)") }
    return answer
  }

  /// `https://127.0.0.1:5000/readyz`; of an address without a host, this machine.
  static func url(_ address: ListenAddress) -> String {
    switch address {
    case .tcp(nil, let port): "https://127.0.0.1:\(port)/readyz"
    case .tcp(let host?, let port):
      host.description.contains(":") ? "https://[\(host)]:\(port)/readyz" : "https://\(host):\(port)/readyz"
    case .unix(let path): "https+unix://\(PercentCoding.encoded(path))/readyz"
    }
  }

  /// The answer to `GET /readyz`, or nil.
  private static func ask(_ address: ListenAddress) -> Answer? {
    guard let descriptor = connect(address) else { return nil }
    defer { close(descriptor) }
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    guard request.withCString({ write(descriptor, $0, strlen($0)) }) > 0 else { return nil }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while answer.count < answerLimitBytes {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      answer += buffer[..<count]
    }
    guard !answer.isEmpty else { return nil }
    let text = String(decoding: answer, as: UTF8.self)
    return Answer(
      isReady: text.hasPrefix("HTTP/1.1 200"), text: text.split(separator: "\r\n").last.map(String.init) ?? text)
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
