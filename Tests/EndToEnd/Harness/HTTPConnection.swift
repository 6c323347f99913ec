import Foundation

/// An answer of the server.
struct HTTPAnswer: Sendable {
  let status: Int
  /// Names in lower case; the last one of a name wins.
  let headers: [String: String]
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A small blocking HTTP/1.1 client on one kept connection, for tests that push thousands of times or cut them.
///
/// Not `Sendable`: it belongs to the thread that made it. It knows just what a registry's answers need.
final class HTTPConnection {
  private let address: Address
  private var descriptor: Int32
  private var received: [UInt8] = []
  private var position = 0
  private var mayBeReused = true

  /// - Throws: ``HarnessError`` when nobody listens.
  init(_ address: Address, timeoutSeconds: Int = 30) throws {
    self.address = address
    descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw HarnessError("cannot make a socket: errno \(errno)") }
    var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    guard address.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 else {
      let code = errno
      close(descriptor)
      descriptor = -1
      throw HarnessError("cannot connect to \(address.listenArgument): \(String(cString: strerror(code)))")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Sends a request and reads the whole answer.
  ///
  /// - Parameter target: a path with its query, or an absolute URL of this server, as `Location` has it.
  /// - Throws: ``HarnessError`` when the connection breaks before the answer is complete.
  func request(
    _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil
  ) throws -> HTTPAnswer {
    guard mayBeReused else { throw HarnessError("the server has closed this connection") }
    try sendHead(method, target, headers: headers, contentLength: body?.count)
    if let body { try send(body) }
    return try readAnswer(toHead: method == "HEAD")
  }

  /// Sends only the head of a request, for bodies that shall not arrive whole.
  func sendHead(_ method: String, _ target: String, headers: [(String, String)] = [], contentLength: Int?) throws {
    var head = "\(method) \(pathAndQuery(target)) HTTP/1.1\r\nHost: \(address.authority)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if let contentLength { head += "Content-Length: \(contentLength)\r\n" }
    try send(Array((head + "\r\n").utf8))
  }

  /// Sends bytes as they are.
  func send(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let count = Foundation.send(
          descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, Int32(MSG_NOSIGNAL))
        guard count > 0 else { throw HarnessError("cannot send: \(String(cString: strerror(errno)))") }
        sent += count
      }
    }
  }

  private func readAnswer(toHead: Bool) throws -> HTTPAnswer {
    let statusLine = try readLine()
    let parts = statusLine.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]) else {
      throw HarnessError("not an HTTP answer: \(statusLine)")
    }
    var headers: [String: String] = [:]
    while true {
      let line = try readLine()
      if line.isEmpty { break }
      guard let colon = line.firstIndex(of: ":") else { throw HarnessError("not a header: \(line)") }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    if status == 100 { return try readAnswer(toHead: toHead) }
    if headers["connection"]?.lowercased() == "close" { mayBeReused = false }
    var body: [UInt8] = []
    if toHead || status == 204 || status == 304 {
      // No body by RFC 9112, section 6.3.
    } else if headers["transfer-encoding"]?.lowercased() == "chunked" {
      body = try readChunks()
    } else if let length = headers["content-length"].flatMap({ Int($0) }) {
      body = try read(length)
    }
    return HTTPAnswer(status: status, headers: headers, body: body)
  }

  private func readChunks() throws -> [UInt8] {
    var body: [UInt8] = []
    while true {
      let line = try readLine()
      guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw HarnessError("not a chunk: \(line)") }
      if size == 0 {
        while try !readLine().isEmpty {}
        return body
      }
      body += try read(size)
      _ = try readLine()
    }
  }

  private func readLine() throws -> String {
    var searched = position
    while true {
      if let end = received[searched...].firstIndex(of: 10) {
        defer { position = end + 1 }
        let line = received[position..<end]
        return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
      }
      searched = received.count
      try receive()
    }
  }

  private func read(_ count: Int) throws -> [UInt8] {
    received.reserveCapacity(position + count)
    while received.count - position < count { try receive() }
    let bytes = Array(received[position..<position + count])
    received = Array(received[(position + count)...])
    position = 0
    return bytes
  }

  private func receive() throws {
    var buffer = [UInt8](repeating: 0, count: 262_144)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else {
      throw HarnessError(count == 0 ? "the connection was closed" : "cannot receive: errno \(errno)")
    }
    received += buffer[..<count]
  }
}

/// The part of a `Location` that a request line carries.
func pathAndQuery(_ location: String) -> String {
  guard let scheme = location.range(of: "://") else { return location }
  guard let slash = location[scheme.upperBound...].firstIndex(of: "/") else { return "/" }
  return String(location[slash...])
}

/// Runs blocking work on a thread of its own, so that it never holds a thread that other tests need.
func onOwnThread<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}
