/// Takes HTTP/1.1 messages off a socket piece by piece, exactly as they came.
struct MessageReader {
  private let socket: ProxySocket
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ socket: ProxySocket) { self.socket = socket }

  /// The next head with its empty line; nil at the end.
  mutating func head() -> HTTPHead? { line(endingWith: Array("\r\n\r\n".utf8)).map { HTTPHead($0) } }

  /// Takes a body off, and gives its pieces away with the framing of the chunked coding.
  ///
  /// - Parameter take: returns false to stop.
  /// - Returns: whether the body came whole and was taken.
  mutating func body(_ framing: HTTPHead.Framing, _ take: ([UInt8]) -> Bool) -> Bool {
    switch framing {
    case .none: return true
    case .length(let length): return piece(length, take)
    case .untilClose:
      while true {
        let bytes = some(upTo: 65536)
        if bytes.isEmpty { return true }
        guard take(bytes) else { return false }
      }
    case .chunked:
      while true {
        guard let line = line(endingWith: [13, 10]), take(line) else { return false }
        let text = String(decoding: line.dropLast(2), as: UTF8.self).prefix { $0 != ";" }
        guard let size = Int(text, radix: 16) else { return false }
        if size == 0 { break }
        guard piece(size + 2, take) else { return false }
      }
      // Trailers, up to an empty line.
      while let line = line(endingWith: [13, 10]) {
        guard take(line) else { return false }
        if line.count == 2 { return true }
      }
      return false
    }
  }

  private mutating func piece(_ length: Int, _ take: ([UInt8]) -> Bool) -> Bool {
    var left = length
    while left > 0 {
      let bytes = some(upTo: min(left, 65536))
      guard !bytes.isEmpty, take(bytes) else { return false }
      left -= bytes.count
    }
    return true
  }

  private mutating func some(upTo limit: Int) -> [UInt8] {
    if start == buffer.count {
      buffer = socket.receive(upTo: 65536)
      start = 0
    }
    let end = min(buffer.count, start + limit)
    defer { start = end }
    return Array(buffer[start..<end])
  }

  private mutating func line(endingWith end: [UInt8]) -> [UInt8]? {
    var taken: [UInt8] = []
    while taken.count < 256 * 1024 {
      let byte = some(upTo: 1)
      guard !byte.isEmpty else { return nil }
      taken += byte
      if taken.last == end.last, taken.suffix(end.count).elementsEqual(end) { return taken }
    }
    return nil
  }
}
