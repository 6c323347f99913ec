import Glibc

/// One connection through an ``S3Recorder``: passes one exchange after another.
struct S3Relay {
  private let client: ProxySocket
  private let server: ProxySocket
  private var requests: MessageReader
  private var answers: MessageReader
  /// Whether the connection can carry no more.
  private(set) var hasEnded = false

  init(client: ProxySocket, server: ProxySocket) {
    self.client = client
    self.server = server
    requests = MessageReader(client)
    answers = MessageReader(server)
  }

  private struct Progress {
    var up = 0
    var down = 0
    var status = 0
  }

  /// Passes the next exchange on; nil when the client has no more.
  mutating func next(fault find: (S3Operation) -> S3Fault?) -> S3Recorder.Exchange? {
    guard let request = requests.head(), request.words.count >= 2 else { return nil }
    let method = String(request.words[0])
    let target = String(request.words[1])
    let operation = S3Operation(
      method: method, target: target, copies: request.first("x-amz-copy-source") != nil)
    var progress = Progress()
    let fault = find(operation)
    if case .status(let status) = fault {
      refuse(request, status, &progress)
    } else if !pass(request, fault, &progress) || !answer(method, fault, &progress) {
      hasEnded = true
      client.abort(withReset: true)
      server.abort(withReset: true)
    }
    return S3Recorder.Exchange(
      operation: operation, target: target, status: progress.status, bytesUp: progress.up, bytesDown: progress.down)
  }

  /// Answers in place of the server.
  private mutating func refuse(_ request: HTTPHead, _ status: Int, _ progress: inout Progress) {
    if request.first("expect") == nil {
      var count = 0
      _ = requests.body(request.requestFraming) { bytes in
        count += bytes.count
        return true
      }
    } else {
      hasEnded = true
    }
    let code = status == 503 ? "SlowDown" : "InternalError"
    let body = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>a test wants it so</Message></Error>"
    let close = hasEnded ? "Connection: close\r\n" : ""
    let head = "HTTP/1.1 \(status) \(code)\r\nContent-Type: application/xml\r\n\(close)"
    _ = client.send(Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
    progress.status = status
  }

  private mutating func pass(_ request: HTTPHead, _ fault: S3Fault?, _ progress: inout Progress) -> Bool {
    if case .delay(let duration) = fault { Self.sleep(duration) }
    guard server.send(request.bytes) else { return false }
    if request.first("expect") != nil {
      guard let interim = answers.head(), client.send(interim.bytes) else { return false }
      // Anything but 100 is the answer itself: without its body the client's message is of no use, so it ends here.
      guard interim.status == 100 else { return false }
    }
    let limit: Int? = if case .resetInRequest(let bytes) = fault { bytes } else { nil }
    let server = server
    var up = 0
    let isWhole = requests.body(request.requestFraming) { bytes in
      var bytes = bytes
      if fault == .spoilRequest, up == 0 { bytes[bytes.count / 2] ^= 0x20 }
      up += bytes.count
      return server.send(bytes) && up < limit ?? .max
    }
    progress.up = up
    return isWhole && limit == nil
  }

  private mutating func answer(_ method: String, _ fault: S3Fault?, _ progress: inout Progress) -> Bool {
    guard let head = answers.head() else { return false }
    if fault == .loseAnswer { return false }
    guard client.send(head.bytes) else { return false }
    progress.status = head.status
    let framing = head.answerFraming(to: method)
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
    progress.down = down
    if framing == .untilClose || head.first("connection")?.lowercased() == "close" { hasEnded = true }
    return isWhole
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
