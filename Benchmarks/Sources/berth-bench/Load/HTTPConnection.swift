import Glibc

/// An HTTP/1.1 client that keeps its connection and blocks. Belongs to one thread.
final class HTTPConnection {
  struct Response {
    var head: ResponseHead
    /// Empty unless it was asked for.
    var body: [UInt8] = []
    /// Bytes of the body, kept or not.
    var bodyBytes = 0
  }

  private let port: UInt16
  private let tls: Bool
  private let receiveBuffer: Int32?
  private var transport: Transport
  private let buffer: UnsafeMutableRawBufferPointer
  /// What `buffer` holds that nobody has taken yet.
  private var filled = 0..<0

  /// - Parameter bufferBytes: size of the buffer that bodies are read into and thrown away from.
  init(port: UInt16, tls: Bool = false, bufferBytes: Int = 262_144, receiveBuffer: Int32? = nil) throws {
    self.port = port
    self.tls = tls
    self.receiveBuffer = receiveBuffer
    transport = try Transport(port: port, tls: tls, receiveBuffer: receiveBuffer)
    buffer = .allocate(byteCount: bufferBytes, alignment: 64)
  }

  deinit {
    buffer.deallocate()
  }

  /// Sends a request and reads the whole answer.
  func send(
    _ method: String, _ target: String, headers: [String] = [], body: Body = .none, keepBody: Bool = false
  ) throws -> Response {
    try begin(method, target, headers: headers, contentLength: body.count, bytes: body.smallBytes)
    if case .large(let blob) = body { try blob.write { try transport.write($0) } }
    return try finish(isHead: method == "HEAD", keepBody: keepBody)
  }

  /// Sends a request's head, and as much of its body as is given.
  func begin(
    _ method: String, _ target: String, headers: [String] = [], contentLength: Int? = nil, bytes: [UInt8] = []
  ) throws {
    var text = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
    for header in headers { text += header + "\r\n" }
    if let contentLength { text += "Content-Length: \(contentLength)\r\n" }
    text += "\r\n"
    var message = Array(text.utf8)
    message += bytes
    try message.withUnsafeBytes { try transport.write($0) }
  }

  /// Sends more of a body that `begin` opened.
  func sendMore(_ bytes: UnsafeRawBufferPointer) throws {
    try transport.write(bytes)
  }

  /// Reads and drops up to a buffer of whatever arrives.
  ///
  /// - Returns: how many bytes. 0 at the end of the stream.
  func readSome() throws -> Int {
    try transport.read(into: buffer)
  }

  /// Reads the answer to a request that was sent in full.
  func finish(isHead: Bool = false, keepBody: Bool = false) throws -> Response {
    var response = Response(head: try readHead())
    // An interim answer comes before the real one.
    while response.head.status / 100 == 1 { response.head = try readHead() }
    if !isHead {
      if response.head.isChunked {
        while true {
          let length = Int(try readLine(), radix: 16) ?? 0
          try readBody(length, into: &response, keep: keepBody)
          _ = try readLine()
          if length == 0 { break }
        }
      } else {
        try readBody(response.head.contentLength ?? 0, into: &response, keep: keepBody)
      }
    }
    if response.head.closesConnection {
      transport = try Transport(port: port, tls: tls, receiveBuffer: receiveBuffer)
      filled = 0..<0
    }
    return response
  }

  private func readHead() throws -> ResponseHead {
    while true {
      if let (head, length) = try ResponseHead.parse(UnsafeRawBufferPointer(rebasing: buffer[filled])) {
        filled = (filled.lowerBound + length)..<filled.upperBound
        return head
      }
      try fill()
    }
  }

  private func readLine() throws -> String {
    while true {
      if let end = buffer[filled].firstIndex(of: 10) {
        let line = buffer[filled.lowerBound..<end]
        filled = (end + 1)..<filled.upperBound
        return String(decoding: line.filter { $0 != 13 }, as: UTF8.self)
      }
      try fill()
    }
  }

  private func readBody(_ length: Int, into response: inout Response, keep: Bool) throws {
    var remaining = length
    while remaining > 0 {
      if filled.isEmpty { try fill() }
      let taken = min(remaining, filled.count)
      if keep { response.body += buffer[filled.lowerBound..<(filled.lowerBound + taken)] }
      filled = (filled.lowerBound + taken)..<filled.upperBound
      remaining -= taken
    }
    response.bodyBytes += length
  }

  /// Reads more behind what is there, after moving that to the buffer's beginning.
  private func fill() throws {
    if filled.lowerBound > 0, let start = buffer.baseAddress {
      memmove(start, start + filled.lowerBound, filled.count)
      filled = 0..<filled.count
    }
    let space = UnsafeMutableRawBufferPointer(rebasing: buffer[filled.upperBound...])
    guard !space.isEmpty else { throw BenchError("a head or line larger than the buffer") }
    let count = try transport.read(into: space)
    guard count > 0 else { throw BenchError("the server closed the connection") }
    filled = filled.lowerBound..<(filled.upperBound + count)
  }
}
