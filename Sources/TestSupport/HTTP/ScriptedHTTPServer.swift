import Synchronization

/// A server that answers each request as a closure says, one request a connection: for services that cannot be had in a test.
public final class ScriptedHTTPServer: Sendable {
  public struct Request: Sendable {
    public let method: String
    public let target: String
    public let head: String
    public let body: String
  }

  private let listener = OnceSet<ProxyListener>()
  private let seen = Mutex<[Request]>([])

  /// - Parameter answer: the status and the body.
  public init(_ answer: @escaping @Sendable (Request) -> (Int, String)) throws {
    listener.set(
      try ProxyListener { [weak self] socket, _ in
        guard let request = Self.read(socket) else { return }
        self?.seen.withLock { $0.append(request) }
        let (status, body) = answer(request)
        let head = "HTTP/1.1 \(status) -\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
        _ = socket.send(Array((head + body).utf8))
        socket.finishSending()
      })
  }

  deinit { stop() }

  public var url: String { "http://127.0.0.1:\(listener.value?.port ?? 0)" }
  /// What was asked so far.
  public var requests: [Request] { seen.withLock { $0 } }

  public func stop() { listener.value?.stop() }

  private static func read(_ socket: ProxySocket) -> Request? {
    var bytes: [UInt8] = []
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let head = String(text[..<end.lowerBound])
        let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) }
        let body = String(text[end.upperBound...])
        if body.utf8.count >= length ?? 0 {
          let line = head.split(separator: " ", maxSplits: 2)
          guard line.count > 1 else { return nil }
          return Request(method: String(line[0]), target: String(line[1]), head: head, body: body)
        }
      }
      let more = socket.receive(upTo: 16_384)
      guard !more.isEmpty else { return nil }
      bytes += more
    }
  }
}

extension String {
  fileprivate func range(of other: String) -> Range<String.Index>? { self.firstRange(of: other) }
}
