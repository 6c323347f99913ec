import Access
import NIOHTTP1
import OCI
import RegistryCore

/// A cookie of ours: for this host alone, out of reach of scripts, not sent along from elsewhere but for links, and over HTTPS
/// with the prefix that keeps other hosts from setting it.
///
/// Source: RFC 6265bis, section 4.1.
struct SessionCookie {
  let name: String
  let value: String?
  private let isSecure: Bool

  init(request: Request, origin: String, name: String = "berth_session") {
    isSecure = origin.hasPrefix("https://")
    self.name = isSecure ? "__Host-\(name)" : name
    value = Self.value(of: self.name, request.headers)
  }

  func setting(_ value: String, seconds: Int64) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
  }

  private static func value(of name: String, _ headers: HTTPHeaders) -> String? {
    for header in headers["cookie"] {
      for pair in header.split(separator: ";") {
        let trimmed = pair.drop { $0 == " " }
        if trimmed.hasPrefix(name + "=") { return String(trimmed.dropFirst(name.count + 1)) }
      }
    }
    return nil
  }
}

extension RegistryRoutes {
  /// Where a browser's cookie counts. `/v2` and `/token` are for clients, which bring their credential along by themselves.
  func takesCookie(_ request: Request) -> Bool {
    request.path.utf8.starts(with: "/auth/".utf8) || request.path.utf8.starts(with: "/api/".utf8)
  }

  /// Refuses what a page of somebody else makes a browser send along with its cookie.
  func requireSameOrigin(_ request: Request) throws(Refusal) {
    let isSame: Bool
    if let site = request.header("sec-fetch-site") {
      isSame = site == "same-origin" || site == "none"
    } else {
      isSame = request.header("origin") == origin(request)
    }
    guard isSame else {
      throw Refusal(.forbidden, .denied, "this request came from another site's page")
    }
  }
}
