/// The first line and the fields of an HTTP/1.1 message, and how its body is framed; the bytes are kept as they came.
struct HTTPHead {
  enum Framing: Equatable {
    case none
    case length(Int)
    case chunked
    case untilClose
  }

  let bytes: [UInt8]
  let words: [Substring]
  private let fields: [(name: String, value: String)]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
    words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
    fields = lines.dropFirst().compactMap { line in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (line[..<colon].lowercased(), String(value))
    }
  }

  func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  /// Of a request.
  var method: String { words.first.map { String($0) } ?? "" }
  /// Of a request.
  var target: String { words.count > 1 ? String(words[1]) : "" }

  var requestFraming: Framing {
    if first("transfer-encoding")?.lowercased() == "chunked" { return .chunked }
    return first("content-length").flatMap { Int($0) }.map { .length($0) } ?? .none
  }

  func answerFraming(to method: String) -> Framing {
    if method == "HEAD" || status == 204 || status == 304 || status < 200 { return .none }
    let framing = requestFraming
    return framing == .none ? .untilClose : framing
  }

  /// Whether no further answer comes after one with this head.
  func endsConnection(after framing: Framing) -> Bool {
    framing == .untilClose || first("connection")?.lowercased() == "close"
  }

  var status: Int { words.count > 1 ? Int(words[1]) ?? 0 : 0 }
}
