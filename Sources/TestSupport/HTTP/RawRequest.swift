/// The body of a request, and how it is framed.
public enum RawBody: Sendable {
  /// No body; methods that usually have one say `Content-Length: 0`.
  case none
  /// Framed by `Content-Length`.
  case bytes([UInt8])
  /// Framed by the chunked coding, one chunk for each element. Empty elements are left out.
  case chunks([[UInt8]])

  public static func text(_ text: String) -> RawBody { .bytes(Array(text.utf8)) }
}

/// A request before it becomes bytes.
public struct RawRequest: Sendable {
  public var method: String
  public var target: String
  public var fields: [RawField]
  public var body: RawBody

  public init(_ method: String, _ target: String, _ fields: [RawField] = [], body: RawBody = .none) {
    self.method = method
    self.target = target
    self.fields = fields
    self.body = body
  }

  /// The request on the wire. `Host` and the framing fields are added unless `fields` already has them.
  public func bytes(host: String) -> [UInt8] {
    var text = "\(method) \(target) HTTP/1.1\r\n"
    func has(_ name: String) -> Bool { fields.contains { $0.name.lowercased() == name.lowercased() } }
    if !has("Host") { text += "Host: \(host)\r\n" }
    for field in fields { text += "\(field.name): \(field.value)\r\n" }
    var payload: [UInt8] = []
    switch body {
    case .none:
      if ["POST", "PUT", "PATCH"].contains(method), !has("Content-Length") { text += "Content-Length: 0\r\n" }
    case .bytes(let bytes):
      if !has("Content-Length") { text += "Content-Length: \(bytes.count)\r\n" }
      payload = bytes
    case .chunks(let chunks):
      if !has("Transfer-Encoding") { text += "Transfer-Encoding: chunked\r\n" }
      for chunk in chunks where !chunk.isEmpty {
        payload += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
      }
      payload += Array("0\r\n\r\n".utf8)
    }
    return Array((text + "\r\n").utf8) + payload
  }
}
