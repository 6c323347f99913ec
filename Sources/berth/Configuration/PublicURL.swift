/// The address under which clients reach the registry: an origin, and a path when a proxy publishes it below one.
struct PublicURL: Sendable, Hashable, CustomStringConvertible {
  let isSecure: Bool
  /// Lower case; IPv6 in brackets.
  let host: String
  /// Absent when it is the scheme's own.
  let port: UInt16?
  /// Empty, or begins with a slash and does not end with one.
  let pathPrefix: String

  /// Reads `https://registry.example.org`, with an optional port and path. A slash at the end is dropped.
  ///
  /// - Source: RFC 3986, section 3.
  init(parsing text: String) throws(ValueProblem) {
    // First, since no message may repeat a password.
    if text.contains("@") { throw ValueProblem("a URL with a user name or password is not accepted") }
    let lower = text.lowercased()
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), text.utf8.count <= 2048 else {
      throw ValueProblem("\(quoted(text)) is not a URL; it may hold ASCII letters, digits and punctuation only")
    }
    guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else {
      throw ValueProblem("\(quoted(text)) does not begin with https:// or http://")
    }
    isSecure = lower.hasPrefix("https://")
    let rest = text.dropFirst(isSecure ? 8 : 7)
    if rest.contains(where: { "?#".contains($0) }) {
      throw ValueProblem("\(quoted(text)) must end after the path, without ? or #")
    }
    let authority = rest.prefix { $0 != "/" }
    (host, port) = try Self.hostAndPort(authority.lowercased(), isSecure: isSecure, in: text)
    var path = rest.dropFirst(authority.count)
    if path.hasSuffix("/") { path = path.dropLast() }
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard segments.allSatisfy(Self.isPathSegment) else {
      throw ValueProblem(
        "\(quoted(text)): parts of the path may hold letters, digits and - . _ ~ only, and may not be \".\" or \"..\""
      )
    }
    pathPrefix = String(path)
  }

  /// Scheme, host and port: `https://registry.example.org:8443`.
  var origin: String { (isSecure ? "https://" : "http://") + authority }

  /// Host and port as clients write them in an image's name.
  var authority: String { host + (port.map { ":\($0)" } ?? "") }

  var description: String { origin + pathPrefix }

  private static func hostAndPort(
    _ authority: String, isSecure: Bool, in text: String
  ) throws(ValueProblem) -> (String, UInt16?) {
    var host = authority[...]
    var port: UInt16?
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      let digits = authority[authority.index(after: colon)...]
      guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit), let number = UInt16(digits), number > 0 else {
        throw ValueProblem("\(quoted(text)): the port must be 1 to 65535")
      }
      port = number == (isSecure ? 443 : 80) ? nil : number
      host = authority[..<colon]
    }
    if host.hasPrefix("[") && host.hasSuffix("]") {
      guard let address = IPAddress(String(host.dropFirst().dropLast())), address.bytes.count == 16 else {
        throw ValueProblem("\(quoted(text)) holds an IPv6 address that is not valid")
      }
      return ("[\(address)]", port)
    }
    guard host.utf8.count <= 253, host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isLabel)
    else {
      throw ValueProblem("\(quoted(text)) has no valid host name")
    }
    return (String(host), port)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
      && label.utf8.allSatisfy { isDigit($0) || "abcdefghijklmnopqrstuvwxyz-_".utf8.contains($0) }
  }

  private static func isPathSegment(_ segment: Substring) -> Bool {
    !segment.isEmpty && segment != "." && segment != ".."
      && segment.lowercased().utf8.allSatisfy { isDigit($0) || "abcdefghijklmnopqrstuvwxyz-._~".utf8.contains($0) }
  }
}
