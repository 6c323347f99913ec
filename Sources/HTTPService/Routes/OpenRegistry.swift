import Access
import NIOHTTP1
import OCI

// Where accounts are switched off, no credential proves that whoever asks means it: every page that a browser of this machine
// shows could ask too.
extension RegistryRoutes {
  /// Refuses what somebody else's page makes a browser send to an open registry.
  ///
  /// - Source: Fetch Metadata Request Headers, section 2; RFC 6454, section 7. Clients of registries send neither header.
  func requireIntent(_ request: Request) throws(Refusal) {
    guard access.policy.isOpen else { return }
    guard isAddressed(request) else {
      throw Refusal(
        .misdirectedRequest, .denied,
        "this open registry answers as localhost, by its IP address, or as http.public_url names it")
    }
    guard ![HTTPMethod.GET, .HEAD, .OPTIONS].contains(request.method) else { return }
    let site = request.header("sec-fetch-site") ?? "none"
    guard site == "same-origin" || site == "none", isOwnOrigin(request) else {
      throw Refusal(.forbidden, .denied, "this request came from another site's page")
    }
  }

  private func isOwnOrigin(_ request: Request) -> Bool {
    guard let claimed = request.header("origin") else { return true }
    let host = Self.authority(ofURL: claimed)
    return host != nil && (host == request.header("host") || host == Self.authority(ofURL: origin(request)))
  }

  private static func authority(ofURL url: String) -> String? {
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else { return nil }
    return url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first.map { String($0) }
  }

  /// Whether the request is for this registry by a name that nobody else can make: a page that lets its own name point to this
  /// machine afterwards (DNS rebinding) has that in `Host`.
  func isAddressed(_ request: Request) -> Bool {
    guard settings.refusesForeignHosts, let host = request.header("host") else { return true }
    let known = settings.publicURL.flatMap { Self.authority(ofURL: $0) }
    return host == known || Self.isOfThisMachine(host)
  }

  /// An address, or a name that no public name server gives out: `localhost`, one without a dot, or below `.localhost` and
  /// `.internal`.
  static func isOfThisMachine(_ authority: String) -> Bool {
    if authority.hasPrefix("[") { return true }
    // Most often an address, or `localhost`: bytes tell that, and this is asked with every request.
    let bytes = authority.utf8.prefix { $0 != UInt8(ascii: ":") }
    if bytes.allSatisfy({ $0 == 0x2E || (0x30...0x39).contains($0) }) || !bytes.contains(0x2E) { return true }
    let host = authority.prefix { $0 != ":" }.lowercased()
    return host.hasSuffix(".localhost") || host.hasSuffix(".internal")
  }
}

extension RegistryRoutes {
  /// What the token endpoint gives where nobody needs a token: one that says so, for clients that want one.
  func openToken() -> Response {
    let body: JSONValue = [
      "token": "open", "access_token": "open", "token_type": "Bearer", "expires_in": 300, "scope": "",
    ]
    var response = Response.json(.ok, body.bytes)
    response.headers.append(("cache-control", "no-store"))
    return response
  }
}

extension APIRoute {
  /// Whom an operation makes or changes, or what they hold.
  private static let accountParts: Set<Substring> = [
    "users", "teams", "robots", "tokens", "grants", "trust", "whoami", "signing-keys",
  ]

  /// Whether it changes who there is and what they may: not while everybody may do so.
  var administersAccounts: Bool {
    method != .GET && path.split(separator: "/").contains { Self.accountParts.contains($0) }
  }
}
