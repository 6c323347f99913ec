import NIOCore
import NIOHTTP1

/// Writes the head of an HTTP/1.1 answer straight into a buffer: on the paths that are measured this is a good part of the work.
enum ResponseHead {
  /// `Date` is kept for a second by each connection's loop.
  static func write(
    _ response: Response, closes: Bool, keepsAliveExplicitly: Bool, date: String, into buffer: inout ByteBuffer
  ) {
    buffer.writeStaticString("HTTP/1.1 ")
    buffer.writeString(String(response.status.code))
    buffer.writeStaticString(" ")
    buffer.writeString(response.status.reasonPhrase)
    buffer.writeStaticString("\r\ndate: ")
    buffer.writeString(date)
    if hasLength(response) {
      buffer.writeStaticString("\r\ncontent-length: ")
      buffer.writeString(String(response.contentLength))
    }
    for (name, value) in response.headers {
      buffer.writeStaticString("\r\n")
      buffer.writeString(name)
      buffer.writeStaticString(": ")
      buffer.writeString(isPlain(value) ? value : cleaned(value))
    }
    if closes {
      buffer.writeStaticString("\r\nconnection: close")
    } else if keepsAliveExplicitly {
      buffer.writeStaticString("\r\nconnection: keep-alive")
    }
    buffer.writeStaticString("\r\n\r\n")
  }

  /// RFC 9110, section 8.6: no `Content-Length` with 1xx and 204, and with 304 only that of the 200 it stands for.
  static func hasLength(_ response: Response) -> Bool {
    switch response.status.code {
    case ..<200, 204: false
    case 304: response.lengthOfUnsentBody != nil
    default: true
    }
  }

  /// What a client's text could smuggle into a header ends here.
  private static func isPlain(_ value: String) -> Bool { value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }

  static func cleaned(_ value: String) -> String {
    String(decoding: value.utf8.map { $0 >= 0x20 && $0 != 0x7F ? $0 : 0x20 }, as: UTF8.self)
  }

  /// For HTTP/2, whose codec takes heads as values.
  static func http2(_ response: Response, date: String) -> HTTPResponseHead {
    var headers = HTTPHeaders()
    headers.reserveCapacity(response.headers.count + 2)
    headers.add(name: "date", value: date)
    if hasLength(response) { headers.add(name: "content-length", value: String(response.contentLength)) }
    for (name, value) in response.headers { headers.add(name: name, value: isPlain(value) ? value : cleaned(value)) }
    return HTTPResponseHead(version: .http2, status: response.status, headers: headers)
  }
}
