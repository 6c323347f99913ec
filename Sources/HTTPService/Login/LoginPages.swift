import Access
import Ground
import Metadata
import NIOCore
import NIOHTTP1
import OCI

// `/auth/`: logging in with a browser, making a token for docker, confirming a login that a terminal waits for. Works without
// JavaScript, and needs none.
extension RegistryRoutes {
  func loginPages(_ request: Request) async throws -> Response {
    guard !access.policy.isOpen else {
      return page(.ok, "Accounts are off", "<p>This registry is open: everybody may do everything.</p>")
    }
    do {
      switch (request.method, request.path) {
      case (.GET, "/auth/"), (.HEAD, "/auth/"): return try await accountPage(request)
      case (.POST, "/auth/login"): return try await passwordLogin(request)
      case (.GET, "/auth/sign-on"): return try await beginSignOn(request)
      case (.GET, "/auth/callback"): return try await finishSignOn(request)
      case (.POST, "/auth/logout"): return try await logout(request)
      case (.POST, "/auth/token"): return try await makeToken(request)
      case (.POST, "/auth/device/code"): return try await deviceCode(request)
      case (.GET, "/auth/device"): return try await devicePage(request)
      case (.POST, "/auth/device"): return try await answerDevice(request)
      default:
        if let allowed = Self.allowedMethods[request.path] { throw Self.otherMethod(allowed: allowed) }
        throw Refusal(.notFound, .unsupported, "there is nothing at this path; log in at /auth/")
      }
    } catch let error as SignOnFailure {
      try await access.noteRefusal(error, address: clientAddress(request) ?? "unix", requestID: request.id)
      return complaint(.forbidden, error.description, note: "sign-on refused: \(error.cause)")
    } catch let error as AuthenticationFailure {
      let waiting: HTTPResponseStatus = error.isUndecided ? .serviceUnavailable : .tooManyRequests
      return complaint(
        error.retryAfter == nil ? .unauthorized : waiting, error.message, note: "login refused: \(error.rule)")
    } catch let error as AdministrationError {
      if error.kind == .denied { noteRefusal(error.message, request) }
      return complaint(error.kind == .invalid ? .badRequest : .forbidden, error.message, note: error.message)
    }
  }

  private static let allowedMethods = [
    "/auth/": "GET, HEAD", "/auth/login": "POST", "/auth/sign-on": "GET", "/auth/callback": "GET",
    "/auth/logout": "POST", "/auth/token": "POST", "/auth/device/code": "POST", "/auth/device": "GET, POST",
  ]

  // MARK: Pages

  private static let protection: [(name: String, value: String)] = [
    ("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"), ("x-frame-options", "DENY"),
    ("content-security-policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"),
  ]

  private func page(_ status: HTTPResponseStatus, _ title: String, _ body: HTML) -> Response {
    let document: HTML = """
      <!doctype html>
      <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>\(title) · Berth</title>
      <main><h1>\(title)</h1>
      \(body)
      </main></html>

      """
    return Response(status, headers: Self.protection, body: .bytes(ByteBuffer(string: document.text)))
  }

  private func complaint(_ status: HTTPResponseStatus, _ message: String, note: String) -> Response {
    var response = page(status, "That did not work", "<p>\(message)</p><p><a href=\"/auth/\">Back</a></p>")
    response.note = note
    return response
  }

  private func redirect(_ url: String, _ cookies: [String] = []) -> Response {
    Response(
      .seeOther,
      headers: [(name: "location", value: url), (name: "cache-control", value: "no-store")]
        + cookies.map { (name: "set-cookie", value: $0) })
  }

  private func accountPage(_ request: Request) async throws -> Response {
    let returnTo = Self.localPath(try query(request).first("return"))
    guard let caller = request.caller, caller.isAuthenticated else { return loginPage(returnTo) }
    if returnTo != "/auth/" { return redirect(location(request, returnTo)) }
    return page(
      .ok, "Logged in as \(caller.origin.actor)",
      """
      <h2>A token for docker</h2>
      <form method="post" action="/auth/token">
      <p><label>What it is for <input name="name" required maxlength="100"></label>
      <label>Days it lasts <input name="days" type="number" min="1" max="3650" value="90" required></label>
      <button>Make a token</button></p></form>
      <h2>A login that a terminal waits for</h2>
      <form method="get" action="/auth/device">
      <p><label>Code <input name="user_code" required autocomplete="off" maxlength="9"></label> <button>Look</button></p></form>
      <form method="post" action="/auth/logout"><p><button>Log out</button></p></form>
      """)
  }

  private func loginPage(_ returnTo: String) -> Response {
    let providers = access.settings.providers.map { provider -> HTML in
      let link = "/auth/sign-on?provider=\(provider.name)&return=\(PercentCoding.encoded(returnTo))"
      return "<p><a href=\"\(link)\">Log in with \(provider.name)</a></p>"
    }
    return page(
      .ok, "Log in",
      """
      \(HTML.joined(providers))
      <form method="post" action="/auth/login">
      <input type="hidden" name="return" value="\(returnTo)">
      <p><label>User <input name="user" required autocomplete="username"></label>
      <label>Password <input name="password" type="password" required autocomplete="current-password"></label>
      <button>Log in</button></p></form>
      """)
  }

  /// A path of ours; anything else would let a link send people elsewhere once they have logged in.
  static func localPath(_ text: String?) -> String {
    guard let text, text.hasPrefix("/auth/"), text.utf8.count <= 512,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C && $0 != 0x22 })
    else { return "/auth/" }
    return text
  }

  // MARK: Logging in and out

  private func passwordLogin(_ request: Request) async throws -> Response {
    try requireSameOrigin(request)
    let form = try await form(request)
    let presented = Presented.basic(user: form.first("user") ?? "", password: form.first("password") ?? "")
    let caller = try await access.authenticator.caller(
      presented, address: clientAddress(request) ?? "unix", requestID: request.id)
    let session = try await access.session(for: caller, returnTo: Self.localPath(form.first("return")))
    access.noteLogin(caller)
    return begin(session, request)
  }

  private func begin(_ session: BrowserSession, _ request: Request, clearing: [String] = []) -> Response {
    let seconds = session.lifetime.components.seconds
    let cookie = SessionCookie(request: request, origin: origin(request))
    return redirect(location(request, session.returnTo), [cookie.setting(session.secret, seconds: seconds)] + clearing)
  }

  private func logout(_ request: Request) async throws -> Response {
    try requireSameOrigin(request)
    let cookie = SessionCookie(request: request, origin: origin(request))
    if let secret = cookie.value {
      try await access.endSession(secret, address: clientAddress(request) ?? "unix", requestID: request.id)
    }
    return redirect(location(request, "/auth/"), [cookie.setting("", seconds: 0)])
  }

  private func callback(_ request: Request) -> String {
    (access.settings.publicURL ?? origin(request)) + "/auth/callback"
  }

  private func beginSignOn(_ request: Request) async throws -> Response {
    let query = try query(request)
    let start = try await access.beginSignOn(
      with: query.first("provider") ?? "", callback: callback(request),
      returnTo: Self.localPath(query.first("return")))
    let cookie = SessionCookie(request: request, origin: origin(request), name: "berth_sign_on")
    return redirect(start.url, [cookie.setting(start.ticket, seconds: 600)])
  }

  private func finishSignOn(_ request: Request) async throws -> Response {
    let query = try query(request)
    let cookie = SessionCookie(request: request, origin: origin(request), name: "berth_sign_on")
    let answer = AccessControl.SignOnAnswer(
      state: query.first("state") ?? "", code: query.first("code") ?? "", issuer: query.first("iss"),
      error: query.first("error"))
    let session = try await access.finishSignOn(
      answer, ticket: cookie.value ?? "", callback: callback(request), address: clientAddress(request) ?? "unix",
      requestID: request.id)
    return begin(session, request, clearing: [cookie.setting("", seconds: 0)])
  }

  // MARK: What one does once logged in

  private func makeToken(_ request: Request) async throws -> Response {
    try requireSameOrigin(request)
    let form = try await form(request)
    guard let days = form.first("days").flatMap({ Int64($0) }), (1...3650).contains(days) else {
      throw AdministrationError(.invalid, "a token made here lasts from a day to ten years")
    }
    let caller = try caller(of: request)
    let wanted = Duration.seconds(days * 86_400)
    let made = try await access.administration.makeToken(
      form.first("name") ?? "", for: .own, scope: nil, lifetime: min(wanted, access.settings.longestToken ?? wanted),
      by: caller)
    let host = origin(request).split(separator: "/").dropFirst().first.map { String($0) } ?? ""
    return page(
      .ok, "A new token",
      """
      <p>Shown this once. It is the password for the user \(caller.origin.actor):</p>
      <p><code>\(made.secret)</code></p>
      <p><code>docker login \(host) -u \(caller.origin.actor)</code></p>
      <p><a href="/auth/">Back</a></p>
      """)
  }

  private func deviceCode(_ request: Request) async throws -> Response {
    let form = try await form(request)
    if let delay = rates.take("device \(LoginNetwork.of(clientAddress(request) ?? "unix"))", rate: 1) {
      return tooMany(delay)
    }
    let start = try await access.beginDeviceLogin(client: form.first("client_id") ?? "")
    let page = (access.settings.publicURL ?? origin(request)) + "/auth/device"
    let body: JSONValue = [
      "device_code": .string(start.deviceCode), "user_code": .string(start.userCode), "verification_uri": .string(page),
      "verification_uri_complete": .string("\(page)?user_code=\(start.userCode)"),
      "expires_in": .integer(start.lifetime.components.seconds),
      "interval": .integer(start.interval.components.seconds),
    ]
    var response = Response.json(.ok, body.bytes)
    response.headers.append(("cache-control", "no-store"))
    return response
  }

  private func devicePage(_ request: Request) async throws -> Response {
    let code = try query(request).first("user_code") ?? ""
    guard let caller = request.caller, caller.isAuthenticated else {
      let back = "/auth/device?user_code=\(PercentCoding.encoded(code))"
      return redirect(location(request, "/auth/?return=\(PercentCoding.encoded(back))"))
    }
    guard let login = try await access.waitingDeviceLogin(code) else {
      return complaint(.notFound, "no login waits for the code \(code.prefix(20))", note: "unknown device code")
    }
    return page(
      .ok, "Confirm a login",
      """
      <p>A program that calls itself “\(login.client)” wants to use this registry as \(caller.origin.actor).</p>
      <p>Say yes only if you started it yourself, just now, and it shows this code: <strong>\(login.userCode)</strong></p>
      <form method="post" action="/auth/device"><input type="hidden" name="user_code" value="\(login.userCode)">
      <p><button name="answer" value="yes">Yes, log it in</button> <button name="answer" value="no">No</button></p></form>
      """)
  }

  private func answerDevice(_ request: Request) async throws -> Response {
    try requireSameOrigin(request)
    let form = try await form(request)
    let yes = form.first("answer") == "yes"
    let isAnswered = try await access.answerDeviceLogin(
      form.first("user_code") ?? "", yes: yes, by: caller(of: request))
    guard isAnswered else { return complaint(.notFound, "no login waits for this code", note: "unknown device code") }
    return page(.ok, yes ? "Logged in" : "Refused", "<p>You can close this page and go back to the terminal.</p>")
  }

  /// A login that a program began (RFC 8628, section 3.5).
  func pollDevice(_ form: Query, _ request: Request) async throws -> Response {
    let state = try await access.pollDeviceLogin(
      form.first("device_code") ?? "", address: clientAddress(request) ?? "unix", requestID: request.id)
    switch state {
    case .pending: return oauthError(.badRequest, "authorization_pending", "nobody has confirmed this login yet")
    case .tooSoon: return oauthError(.badRequest, "slow_down", "ask less often")
    case .denied: return oauthError(.badRequest, "access_denied", "the login was refused")
    case .expired: return oauthError(.badRequest, "expired_token", "this login has ended; begin again")
    case .granted(let token, let user):
      let body: JSONValue = [
        "access_token": .string(token.secret), "token_type": "Bearer", "user": .string(user),
        "expires_in": .integer(Int64((token.record.expiresAt.map { $0 - token.record.createdAt } ?? .zero).inSeconds)),
      ]
      var response = Response.json(.ok, body.bytes)
      response.headers.append(("cache-control", "no-store"))
      return response
    }
  }
}
