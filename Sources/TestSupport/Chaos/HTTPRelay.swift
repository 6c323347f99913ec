import Glibc

/// One connection through an HTTP proxy: passes one exchange after another.
struct HTTPRelay {
  /// A request with its answer.
  struct Exchange {
    let request: HTTPHead
    let fault: HTTPFault?
    /// 0 when the client got no answer.
    var status = 0
    var bytesUp = 0
    var bytesDown = 0
  }

  /// A request that is to be sent twice is kept whole; larger bodies are sent once.
  private static let largestDuplicate = 1 << 20

  private let client: ProxySocket
  private let server: ProxySocket
  private let target: UInt16
  private var requests: MessageReader
  private var answers: MessageReader
  /// Whether the connection can carry no more.
  private(set) var hasEnded = false

  /// - Parameter target: the port of the server, for what is sent on connections of its own.
  init(client: ProxySocket, server: ProxySocket, target: UInt16) {
    self.client = client
    self.server = server
    self.target = target
    requests = MessageReader(client)
    answers = MessageReader(server)
  }

  /// Passes the next exchange on; nil when the client has no more.
  ///
  /// - Parameter hold: returns when a request that is held may go on.
  mutating func next(fault find: (HTTPHead) -> HTTPFault?, hold: () -> Void = {}) -> Exchange? {
    guard let request = requests.head(), request.words.count >= 2 else { return nil }
    var exchange = Exchange(request: request, fault: find(request))
    if case .status(let status) = exchange.fault {
      refuse(status, &exchange)
      return exchange
    }
    if exchange.fault == .hold { hold() }
    let isDone: Bool =
      if exchange.fault == .hold && client.hasHungUp { false } else if let length = duplicateLength(exchange) {
        passTwice(length, &exchange)
      } else { pass(&exchange) && answer(&exchange) }
    if !isDone {
      hasEnded = true
      client.abort(withReset: true)
      server.abort(withReset: true)
    }
    return exchange
  }

  /// Answers in place of the server.
  private mutating func refuse(_ status: Int, _ exchange: inout Exchange) {
    let request = exchange.request
    if request.first("expect") == nil {
      _ = requests.body(request.requestFraming) { _ in true }
    } else {
      hasEnded = true
    }
    let code = status == 503 ? "SlowDown" : "InternalError"
    let body = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>a test wants it so</Message></Error>"
    let close = hasEnded ? "Connection: close\r\n" : ""
    let head = "HTTP/1.1 \(status) \(code)\r\nContent-Type: application/xml\r\n\(close)"
    _ = client.send(Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
    exchange.status = status
  }

  // MARK: Once

  private mutating func pass(_ exchange: inout Exchange) -> Bool {
    let request = exchange.request
    if case .delay(let duration) = exchange.fault { Self.sleep(duration) }
    guard server.send(request.bytes) else { return false }
    if request.first("expect") != nil {
      guard let interim = answers.head(), client.send(interim.bytes) else { return false }
      // Anything but 100 is the answer itself: without its body the client's message is of no use, so it ends here.
      guard interim.status == 100 else { return false }
    }
    let limit: Int? = if case .resetInRequest(let bytes) = exchange.fault { bytes } else { nil }
    let server = server
    let fault = exchange.fault
    var up = 0
    let isWhole = requests.body(request.requestFraming) { bytes in
      var bytes = bytes
      if fault == .spoilRequest, up == 0 { bytes[bytes.count / 2] ^= 0x20 }
      up += bytes.count
      return server.send(bytes) && up < limit ?? .max
    }
    exchange.bytesUp = up
    return isWhole && limit == nil
  }

  private mutating func answer(_ exchange: inout Exchange) -> Bool {
    guard let head = answers.head() else { return false }
    let fault = exchange.fault
    if fault == .loseAnswer { return false }
    guard client.send(head.bytes) else { return false }
    exchange.status = head.status
    let framing = head.answerFraming(to: exchange.request.method)
    let limit: Int? = if case .resetInAnswer(let bytes) = fault { bytes } else { nil }
    let client = client
    var down = 0
    let isWhole = answers.body(framing) { bytes in
      var bytes = bytes
      if fault == .spoilAnswer, down == 0 { bytes[bytes.count / 2] ^= 0x20 }
      if let limit { bytes = Array(bytes.prefix(max(0, limit - down))) }
      down += bytes.count
      if case .slowBody(let rate) = fault {
        return Self.sendSlowly(bytes, bytesPerSecond: rate, to: client)
      }
      return client.send(bytes) && down < limit ?? .max
    }
    exchange.bytesDown = down
    if head.endsConnection(after: framing) { hasEnded = true }
    return isWhole
  }

  // MARK: Twice

  /// The length of the body of a request that is to be sent twice and may be; nil: it passes once.
  private func duplicateLength(_ exchange: Exchange) -> Int? {
    let request = exchange.request
    guard exchange.fault == .duplicate, !["GET", "HEAD"].contains(request.method) else { return nil }
    if request.method == "PATCH" && request.first("content-range") == nil { return nil }
    let length: Int
    switch request.requestFraming {
    case .none: length = 0
    case .length(let told): length = told
    case .chunked, .untilClose: return nil
    }
    return length <= Self.largestDuplicate ? length : nil
  }

  private mutating func passTwice(_ length: Int, _ exchange: inout Exchange) -> Bool {
    let request = exchange.request
    if request.first("expect") != nil, !client.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) { return false }
    var body: [UInt8] = []
    let isWhole = requests.body(.length(length)) { bytes in
      body += bytes
      return true
    }
    guard isWhole, let first = Self.ask(request, body, server, &answers) else { return false }
    if let second = try? ProxySocket.connect(to: target) {
      var reader = MessageReader(second)
      _ = Self.ask(request, body, second, &reader)
    }
    exchange.status = first.head.status
    (exchange.bytesUp, exchange.bytesDown) = (body.count, first.body.count)
    let framing = first.head.answerFraming(to: request.method)
    if first.head.endsConnection(after: framing) { hasEnded = true }
    return client.send(first.head.bytes) && client.send(first.body)
  }

  private static func ask(
    _ request: HTTPHead, _ body: [UInt8], _ socket: ProxySocket, _ reader: inout MessageReader
  ) -> (head: HTTPHead, body: [UInt8])? {
    guard socket.send(request.bytes), socket.send(body) else { return nil }
    var head = reader.head()
    while let interim = head, interim.status < 200 { head = reader.head() }
    guard let head else { return nil }
    var answer: [UInt8] = []
    let isWhole = reader.body(head.answerFraming(to: request.method)) { bytes in
      answer += bytes
      return true
    }
    return isWhole ? (head, answer) : nil
  }

  private static func sendSlowly(_ bytes: [UInt8], bytesPerSecond rate: Int, to client: ProxySocket) -> Bool {
    let step = max(1, rate / 20)
    for start in stride(from: 0, to: bytes.count, by: step) {
      guard client.send(bytes[start..<min(bytes.count, start + step)]) else { return false }
      sleep(.milliseconds(50))
    }
    return true
  }

  private static func sleep(_ duration: Duration) {
    let parts = duration.components
    usleep(UInt32(clamping: parts.seconds * 1_000_000 + parts.attoseconds / 1_000_000_000_000))
  }
}
