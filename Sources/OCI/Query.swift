/// The parameters of a request target, decoded, in their order.
///
/// A `+` stays a `+`. Only HTML forms use it for a space, no client of a registry sends one; but media types such as
/// `application/vnd.example+json` do arrive unescaped in `artifactType`.
///
/// Source: RFC 3986, sections 2.1 and 3.4.
public struct Query: Sendable, Hashable {
  /// One `name=value`; without `=`, the value is empty.
  public struct Parameter: Sendable, Hashable {
    public let name: String
    public let value: String
  }

  /// No endpoint has ten parameters; more than this is not a client but an attack.
  public static let parameterLimit = 128
  /// The longest query in bytes. A mount with a sha512 digest and the longest name needs less than a tenth.
  public static let lengthLimitBytes = 24 * 1024

  public let parameters: [Parameter]

  /// No parameters.
  public init() { parameters = [] }

  /// Reads what follows the `?`; the empty text gives no parameters.
  ///
  /// - Throws: kind `.parameter`: past a limit, an escape that is none, bytes that are not UTF-8, or NUL.
  public init(parsing text: some StringProtocol) throws(ParseError) {
    parameters = try text.withUTF8Bytes { Self.parse($0) }.get()
  }

  /// The value of the first parameter of this name.
  public func first(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

  /// The values of all parameters of this name, in their order.
  public func all(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }

  private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<[Parameter], ParseError> {
    guard bytes.count <= lengthLimitBytes else {
      return .failure(ParseError(.parameter, "The query is longer than \(lengthLimitBytes) bytes."))
    }
    var parameters: [Parameter] = []
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "&") { end += 1 }
      defer { start = end + 1 }
      if end == start { continue }
      guard parameters.count < parameterLimit else {
        return .failure(ParseError(.parameter, "The query has more than \(parameterLimit) parameters."))
      }
      let pair = bytes.part(start..<end)
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.count
      guard let name = decode(pair.part(0..<equals)),
        let value = decode(pair.part(min(equals + 1, pair.count)..<pair.count))
      else {
        return .failure(
          ParseError(
            .parameter, "The parameter \(quoted(pair)) cannot be decoded: expected percent-encoded UTF-8 without NUL."))
      }
      parameters.append(Parameter(name: name, value: value))
    }
    return .success(parameters)
  }

  private static func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    if !bytes.contains(UInt8(ascii: "%")) {
      return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      var byte = bytes[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < bytes.count, let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
        else {
          return nil
        }
        byte = high << 4 | low
        index += 2
      }
      guard byte != 0 else { return nil }
      decoded.append(byte)
      index += 1
    }
    return String(validating: decoded, as: UTF8.self)
  }
}

/// The value of a hexadecimal digit of either case.
func hexValue(_ byte: UInt8) -> UInt8? {
  if byte.isDigit { return byte - 0x30 }
  let lower = byte | 0x20
  return lower &- 0x61 < 6 ? lower - 0x57 : nil
}
