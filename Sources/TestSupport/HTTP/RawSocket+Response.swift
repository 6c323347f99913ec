extension RawSocket {
  /// Reads one complete answer to a request made with `method`.
  ///
  /// The method matters because an answer to HEAD has the fields of a body but no body (RFC 9112, section 6.3).
  func readResponse(to method: String) throws(RawHTTPError) -> RawResponse {
    var interim: [Int] = []
    while true {
      let head = try readHead()
      if (100..<200).contains(head.status) {
        interim.append(head.status)
        continue
      }
      return try readBody(of: head, method: method, interim: interim)
    }
  }

  /// Reads one answer's status line and fields, also of a 1xx answer.
  func readHead() throws(RawHTTPError) -> RawHead {
    while true {
      if let bytes = take(through: [13, 10, 13, 10]) { return try RawHead(parsing: bytes) }
      if try !fill() { throw .closedEarly(received: available) }
    }
  }

  private func readBody(of head: RawHead, method: String, interim: [Int]) throws(RawHTTPError) -> RawResponse {
    var body: [UInt8] = []
    var trailers: [RawField] = []
    var endedByClose = false
    let length = head.value("Content-Length")
    if method == "HEAD" || head.status == 204 || head.status == 304 {
      body = []
    } else if head.value("Transfer-Encoding")?.lowercased() == "chunked" {
      (body, trailers) = try readChunks()
    } else if let length {
      guard let count = Int(length), count >= 0 else { throw .malformed("Content-Length: \(length)") }
      body = try readExactly(count)
    } else {
      while try fill() {}
      body = take(upTo: available)
      endedByClose = true
    }
    return RawResponse(
      version: head.version, status: head.status, reason: head.reason, fields: head.fields, body: body,
      trailers: trailers, interim: interim, endedByClose: endedByClose)
  }

  private func readExactly(_ count: Int) throws(RawHTTPError) -> [UInt8] {
    while available < count {
      if try !fill() { throw .closedEarly(received: available) }
    }
    return take(upTo: count)
  }

  private func readLine() throws(RawHTTPError) -> String {
    while true {
      if let bytes = take(through: [13, 10]) { return String(decoding: bytes.dropLast(2), as: UTF8.self) }
      if try !fill() { throw .closedEarly(received: available) }
    }
  }

  private func readChunks() throws(RawHTTPError) -> (body: [UInt8], trailers: [RawField]) {
    var body: [UInt8] = []
    while true {
      let line = try readLine()
      guard let size = Int(line.prefix { $0 != ";" }, radix: 16), size >= 0 else {
        throw .malformed("chunk size: \(line)")
      }
      if size == 0 { break }
      body += try readExactly(size)
      guard try readExactly(2) == [13, 10] else { throw .malformed("chunk without its end") }
    }
    var trailers: [RawField] = []
    while true {
      let line = try readLine()
      if line.isEmpty { return (body, trailers) }
      trailers.append(try RawHead.field(line))
    }
  }
}

/// Status line and fields of an answer.
struct RawHead {
  let version: String
  let status: Int
  let reason: String
  let fields: [RawField]

  init(parsing bytes: [UInt8]) throws(RawHTTPError) {
    let text = String(decoding: bytes.dropLast(4), as: UTF8.self)
    var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
    guard let first = lines.popFirst() else { throw .malformed("no status line") }
    let parts = first.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let status = Int(parts[1]), parts[1].count == 3 else {
      throw .malformed("status line: \(first)")
    }
    version = String(parts[0])
    self.status = status
    reason = parts.count > 2 ? String(parts[2]) : ""
    var fields: [RawField] = []
    for line in lines { fields.append(try Self.field(String(line))) }
    self.fields = fields
  }

  func value(_ name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  static func field(_ line: String) throws(RawHTTPError) -> RawField {
    guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { throw .malformed("field: \(line)") }
    let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    return RawField(String(line[..<colon]), String(value))
  }
}
