import NIOCore
import NIOHTTP1

// `Location` and `Link` as the client must see them: behind a proxy that ends TLS or strips a path prefix, the path alone would
// be wrong, and so would our own host.
extension RegistryRoutes {
  /// The address of one of our paths. Relative unless somebody told us what we are called.
  func location(_ request: Request, _ path: String) -> String {
    if let publicURL = settings.publicURL { return publicURL + path }
    guard settings.trustsForwarded(request.peer.isUnixSocket ? nil : request.peer.text) else { return path }
    return ForwardedOrigin(request.headers).map { $0.text + path } ?? path
  }
}

extension RegistryRoutes {
  /// Who asks: the peer, or whom the last proxy that is not ours has seen. Nil is a unix socket.
  func clientAddress(_ request: Request) -> String? {
    let peer = request.peer.isUnixSocket ? nil : request.peer.text
    guard settings.trustsForwarded(peer) else { return peer }
    let told = ForwardedClients.told(request.headers).map { clients -> String? in
      // Anything may stand there; only an address is taken for one.
      let addresses = clients.addresses.filter { text in
        (1...45).contains(text.utf8.count) && text.allSatisfy { $0.isHexDigit || $0 == "." || $0 == ":" }
      }
      return addresses.last { !settings.trustsForwarded($0) } ?? addresses.first
    }
    // Most proxies set one of the two headers, and pass on the other as the client made it up: which one, nobody knows here.
    guard let first = told.first, told.allSatisfy({ $0 == first }) else { return peer }
    return first ?? peer
  }
}

/// The addresses that proxies have seen, the client's own first.
///
/// Source: RFC 7239 for `Forwarded`, and `X-Forwarded-For` as proxies send it.
struct ForwardedClients: Equatable {
  let addresses: [String]

  /// What each of the two headers says, where it says anything.
  static func told(_ headers: HTTPHeaders) -> [ForwardedClients] {
    let standard = headers["forwarded"].flatMap { $0.split(separator: ",") }.compactMap { element in
      element.split(separator: ";").lazy.map { $0.split(separator: "=", maxSplits: 1) }
        .first { $0.count == 2 && trimmed($0[0]).lowercased() == "for" }.map { address($0[1]) }
    }
    let traditional = headers["x-forwarded-for"].flatMap { $0.split(separator: ",") }.map { address($0) }
    return [standard, traditional].filter { !$0.isEmpty }.map { ForwardedClients(addresses: $0) }
  }

  /// Without quotes, brackets and port.
  private static func address(_ text: Substring) -> String {
    let text = trimmed(text)
    if text.hasPrefix("[") { return String(text.dropFirst().prefix { $0 != "]" }) }
    return text.count { $0 == ":" } == 1 ? String(text.prefix { $0 != ":" }) : text
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while let first = text.first, " \t\"".contains(first) { text.removeFirst() }
    while let last = text.last, " \t\"".contains(last) { text.removeLast() }
    return String(text)
  }
}

/// What proxies say of the request that they got.
///
/// Source: RFC 7239 for `Forwarded`; the `X-Forwarded-…` headers as Traefik, nginx and others send them.
struct ForwardedOrigin: Equatable {
  /// What comes before our path; may be empty, a prefix, or an origin with a prefix.
  let text: String

  /// Nil when no proxy says anything that is usable.
  init?(_ headers: HTTPHeaders) {
    let prefix = headers.first(name: "x-forwarded-prefix").flatMap(Self.validPrefix) ?? ""
    let (host, scheme) = Self.fromStandardHeader(headers) ?? Self.fromTraditionalHeaders(headers)
    if let host {
      text = "\(scheme ?? "http")://\(host)\(prefix)"
    } else if !prefix.isEmpty {
      text = prefix
    } else {
      return nil
    }
  }

  private static func fromStandardHeader(_ headers: HTTPHeaders) -> (host: String?, scheme: String?)? {
    guard let header = headers.first(name: "forwarded"), let element = header.split(separator: ",").first else {
      return nil
    }
    var host: String?
    var scheme: String?
    for pair in element.split(separator: ";") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = trimmed(parts[1], alsoQuotes: true)
      switch trimmed(parts[0], alsoQuotes: false).lowercased() {
      case "host": host = validHost(value)
      case "proto": scheme = validScheme(value)
      default: break
      }
    }
    return (host, scheme)
  }

  private static func fromTraditionalHeaders(_ headers: HTTPHeaders) -> (host: String?, scheme: String?) {
    let scheme = headers.first(name: "x-forwarded-proto").flatMap { validScheme(firstItem($0)) }
    if let host = headers.first(name: "x-forwarded-host").flatMap({ validHost(firstItem($0)) }) {
      return (host, scheme)
    }
    // A proxy that tells only the scheme passes the host on as it got it.
    return (scheme == nil ? nil : headers.first(name: "host").flatMap(validHost), scheme)
  }

  private static func firstItem(_ header: String) -> String {
    header.split(separator: ",").first.map { trimmed($0, alsoQuotes: false) } ?? ""
  }

  private static func trimmed(_ text: Substring, alsoQuotes: Bool) -> String {
    var text = text
    while let first = text.first, first == " " || first == "\t" || (alsoQuotes && first == "\"") { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" || (alsoQuotes && last == "\"") { text.removeLast() }
    return String(text)
  }

  /// A host name or address with an optional port: nothing that could end the authority or the header.
  static func validHost(_ text: String) -> String? {
    let isPlain = text.utf8.allSatisfy { byte in
      (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39)
        || byte == 0x2D || byte == 0x2E || byte == 0x3A || byte == 0x5B || byte == 0x5D || byte == 0x5F
    }
    return isPlain && (1...255).contains(text.utf8.count) ? text : nil
  }

  private static func validScheme(_ text: String) -> String? {
    let scheme = text.lowercased()
    return scheme == "http" || scheme == "https" ? scheme : nil
  }

  private static func validPrefix(_ text: String) -> String? {
    var prefix = text[...]
    while prefix.last == "/" { prefix.removeLast() }
    let isPlain = prefix.utf8.allSatisfy { byte in
      (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39)
        || byte == 0x2D || byte == 0x2E || byte == 0x2F || byte == 0x5F || byte == 0x7E
    }
    guard prefix.first == "/", isPlain, prefix.utf8.count <= 1024, !prefix.contains("//"),
      !prefix.split(separator: "/").contains(where: { $0 == "." || $0 == ".." })
    else { return nil }
    return String(prefix)
  }
}

extension RegistryRoutes {
  /// The address by which the client knows this registry, with scheme and host: where tokens and pages must name a whole one.
  func origin(_ request: Request) -> String {
    let known = location(request, "")
    if known.contains("://") { return known }
    let host = request.header("host").flatMap { ForwardedOrigin.validHost($0) } ?? "localhost"
    return "\(request.peer.isTLS ? "https" : "http")://\(host)\(known)"
  }
}
