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

  /// What it says to a request.
  public struct Answer: Sendable {
    public let status: Int
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]
    /// How long it says that the body is.
    public let length: Int

    /// - Parameter length: nil: as long as it is. A longer one is a connection that ends in the middle.
    public init(
      _ status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], length: Int? = nil
    ) {
      self.status = status
      self.headers = headers
      self.body = body
      self.length = length ?? body.count
    }
  }

  /// - Parameter answer: the status and the body.
  public convenience init(_ answer: @escaping @Sendable (Request) -> (Int, String)) throws {
    try self.init(answering: { request in
      let (status, body) = answer(request)
      return Answer(status, body: Array(body.utf8))
    })
  }

  public init(answering answer: @escaping @Sendable (Request) -> Answer) throws {
    listener.set(
      try ProxyListener { [weak self] socket, _ in
        guard let request = Self.read(socket) else { return }
        self?.seen.withLock { $0.append(request) }
        let said = answer(request)
        let headers = said.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        let head =
          "HTTP/1.1 \(said.status) -\r\nContent-Length: \(said.length)\r\nConnection: close\r\n\(headers)\r\n"
        _ = socket.send(Array(head.utf8) + (request.method == "HEAD" ? [] : said.body))
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
