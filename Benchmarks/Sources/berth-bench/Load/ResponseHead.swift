import Glibc

/// The parts of a response's head that the load needs.
struct ResponseHead: Sendable {
  var status = 0
  var contentLength: Int?
  var isChunked = false
  var closesConnection = false
  var location: String?
  var link: String?

  /// Parses a head.
  ///
  /// - Returns: the head and its length including the empty line, or nil while that line has not arrived.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws -> (head: ResponseHead, length: Int)? {
    guard let start = bytes.baseAddress, let length = lengthWithoutEmptyLine(bytes) else { return nil }
    var head = ResponseHead()
    guard length >= 12, memcmp(start, "HTTP/1.", 7) == 0 else { throw BenchError("not an HTTP/1 response") }
    head.status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1) - 48 }
    var position = 0
    while position < length {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[position..<length])
      let lineEnd = memchr(start + position, 13, rest.count).map { UnsafeRawPointer($0) - start } ?? length
      head.take(UnsafeRawBufferPointer(rebasing: bytes[position..<lineEnd]))
      position = lineEnd + 2
    }
    return (head, length + 4)
  }

  private static func lengthWithoutEmptyLine(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 3
    while index < bytes.count {
      if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13 { return index - 3 }
      index += 1
    }
    return nil
  }

  private mutating func take(_ line: UnsafeRawBufferPointer) {
    guard let value = Self.value(of: "content-length:", in: line) else {
      if let value = Self.value(of: "location:", in: line) {
        location = value
      } else if let value = Self.value(of: "connection:", in: line) {
        closesConnection = value.lowercased() == "close"
      } else if let value = Self.value(of: "transfer-encoding:", in: line) {
        isChunked = value.lowercased() == "chunked"
      } else if let value = Self.value(of: "link:", in: line) {
        link = value
      }
      return
    }
    contentLength = Int(value)
  }

  private static func value(of name: StaticString, in line: UnsafeRawBufferPointer) -> String? {
    guard line.count > name.utf8CodeUnitCount, let start = line.baseAddress,
      strncasecmp(start.assumingMemoryBound(to: CChar.self), name.utf8Start, name.utf8CodeUnitCount) == 0
    else { return nil }
    let value = line[name.utf8CodeUnitCount...].drop { $0 == 32 }
    return String(decoding: value, as: UTF8.self)
  }
}

extension ResponseHead {
  /// The path and query of `Location` or of `Link`'s first target, without scheme and host.
  static func target(_ field: String) -> String {
    var text = Substring(field)
    if let open = text.firstIndex(of: "<"), let close = text.firstIndex(of: ">") {
      text = text[text.index(after: open)..<close]
    }
    guard text.hasPrefix("http://") || text.hasPrefix("https://") else { return String(text) }
    let afterScheme = text.dropFirst(text.hasPrefix("https") ? 8 : 7)
    return afterScheme.firstIndex(of: "/").map { String(afterScheme[$0...]) } ?? "/"
  }
}
