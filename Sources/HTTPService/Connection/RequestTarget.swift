import NIOHTTP1

/// What must be right with a head before it is a request, and how its target is taken apart.
enum RequestTarget {
  /// What makes a head unacceptable (RFC 9112, section 3.2), or nil.
  static func problem(_ head: HTTPRequestHead, isHTTP2: Bool) -> String? {
    var hosts = 0
    var codings = 0
    var coding = ""
    for (name, value) in head.headers {
      // Nearly all requests are told apart by the length of the name.
      switch name.utf8.count {
      case 4 where name.lowercased() == "host": hosts += value.utf8.contains(UInt8(ascii: ",")) ? 2 : 1
      case 17 where name.lowercased() == "transfer-encoding":
        codings += 1
        coding = value
      default: break
      }
    }
    if hosts > 1 { return "the request has more than one Host header" }
    if codings > 1 || codings == 1 && coding.lowercased() != "chunked" {
      return "the only transfer coding that is known here is chunked"
    }
    if codings > 0 && head.version == .http1_0 { return "HTTP/1.0 has no transfer codings" }
    if hosts == 0 && head.version == .http1_1 && !isHTTP2 { return "the request has no Host header" }
    return nil
  }

  static func split(_ uri: String) -> (path: String, query: String?) {
    var target = uri[...]
    if !target.utf8.starts(with: [0x2F]), let scheme = target.firstRange(of: "://") {
      // The absolute form, which a client behind a proxy may use (RFC 9112, section 3.2.2).
      let authority = target[scheme.upperBound...]
      target = authority.firstIndex(of: "/").map { authority[$0...] } ?? "/"
    }
    guard let mark = target.utf8.firstIndex(of: 0x3F) else { return (String(target), nil) }
    return (String(target[..<mark]), String(target[target.utf8.index(after: mark)...]))
  }
}
