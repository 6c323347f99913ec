/// One header line, as it was on the wire.
public struct RawField: Sendable, Hashable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// An answer as the server sent it: fields in their order, nothing merged, nothing decoded except the chunked coding.
public struct RawResponse: Sendable, CustomStringConvertible {
  /// `HTTP/1.1` or `HTTP/1.0`.
  public let version: String
  public let status: Int
  public let reason: String
  public let fields: [RawField]
  public let body: [UInt8]
  /// Fields after the last chunk.
  public let trailers: [RawField]
  /// Status codes of the 1xx answers that came before this one.
  public let interim: [Int]
  /// Whether the body ended because the server closed the connection.
  public let endedByClose: Bool

  /// The first value of a field, whatever the case of its name.
  public func first(_ name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// All values of a field, one for each line.
  public func all(_ name: String) -> [String] {
    fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
  }

  /// The body as text; bytes that are not UTF-8 are replaced.
  public var text: String { String(decoding: body, as: UTF8.self) }

  /// Whether the connection may carry another request (RFC 9112, section 9.3).
  public var keepsConnection: Bool {
    if endedByClose { return false }
    let options = all("Connection").joined(separator: ",").lowercased()
    if options.contains("close") { return false }
    return version == "HTTP/1.1" || options.contains("keep-alive")
  }

  public var description: String {
    let lines = fields.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
    let excerpt = body.count > 600 ? "(\(body.count) bytes)" : text
    return "\(version) \(status) \(reason)\n\(lines)\n\n\(excerpt)"
  }
}
