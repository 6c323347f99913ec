import Access
import Ground
import Metadata
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// Who asks, and what those are told who may not.
extension RegistryRoutes {
  private func presented(_ request: Request) -> Presented {
    // Two would be two callers: a proxy may have looked at the other one.
    if request.headers["authorization"].count > 1 { return .unreadable("there are two Authorization headers") }
    let header = Presented(authorization: request.header("authorization"))
    guard case .nothing = header else { return header }
    if let certificate = request.peer.certificate { return .certificate(certificate) }
    if takesCookie(request), let secret = SessionCookie(request: request, origin: origin(request)).value,
      !secret.isEmpty
    {
      return .session(secret)
    }
    return header
  }

  func callerAtHand(_ request: Request) -> Caller? {
    access.authenticator.callerAtHand(
      presented(request), address: clientAddress(request) ?? "unix", requestID: request.id)
  }

  /// See ``Authenticator/provisionalCaller(_:address:requestID:)``.
  func provisionalCaller(_ request: Request) -> Caller? {
    access.authenticator.provisionalCaller(
      presented(request), address: clientAddress(request) ?? "unix", requestID: request.id)
  }

  /// - Throws: ``AuthenticationFailure``. Pages of operators need nobody.
  func caller(_ request: Request) async throws -> Caller? {
    if Self.operatorPaths.contains(request.path) { return nil }
    let presented = presented(request)
    if request.headers["authorization"].count > 1 {
      throw Refusal(.badRequest, .unsupported, "send one Authorization header; there are two")
    }
    if takesCookie(request), request.method != .GET && request.method != .HEAD {
      // A browser sends along a cookie, and a password that it was asked for, wherever the request comes from.
      let site = request.header("sec-fetch-site")
      if case .session = presented { try requireSameOrigin(request) }
      if site == "cross-site" || site == "same-site" { try requireSameOrigin(request) }
    }
    return try await access.authenticator.caller(
      presented, address: clientAddress(request) ?? "unix", requestID: request.id)
  }

  /// The request with who asks found out again, for what takes time between the head and the deed.
  func renewed(_ request: Request) async throws -> Request {
    var request = request
    request.caller = try await caller(request)
    return request
  }

  func caller(of request: Request) throws -> Caller {
    guard let caller = request.caller else { throw AccessDenied.unauthenticated }
    return caller
  }

  /// The one way to a permit (invariant I7).
  func permit<A>(_ action: A.Type, _ name: RepositoryName, _ request: Request) async throws -> Permit<A> {
    try await access.policy.permit(action, on: name, for: caller(of: request))
  }

  /// For what is done only if one may.
  func permitOrNil<A>(_ action: A.Type, _ name: RepositoryName, _ request: Request) async throws -> Permit<A>? {
    do { return try await permit(action, name, request) } catch is AccessDenied { return nil }
  }

  // MARK: Refusals

  /// What the policy refused: 401 with where to get a token, 403, or as if there were nothing.
  func denied(_ error: AccessDenied, _ request: Request) -> Response {
    if let caller = request.caller { access.noteRefusal(error, caller) }
    let scope = Self.scope(error, request)
    var response: Response
    switch error.answer {
    case .authenticate:
      response = envelope(
        .unauthorized, .unauthorized, "log in to do this", [], headers: [challenge(request, scope: scope)])
    case .insufficientScope:
      response = envelope(
        .unauthorized, .unauthorized, "this token was not asked for this; ask for one with \(scope ?? "its scope")", [],
        headers: [challenge(request, scope: scope, error: "insufficient_scope")])
    case .denied:
      response = envelope(.forbidden, .denied, Self.denial(error), [])
    case .hidden:
      let name = error.repository?.text ?? ""
      response = envelope(
        .notFound, .nameUnknown, "there is no repository \(name), or you may not see it", [["name": .string(name)]])
    }
    response.note = "\(error.action.rawValue) refused: \(error.rule)"
    return response
  }

  /// Records what was refused for another reason than a permit that is lacking.
  ///
  /// - Parameter tag: the tag of the request's repository that a rule keeps.
  func noteRefusal(_ reason: String, rules: [String] = [], of tag: Tag? = nil, _ request: Request) {
    guard let caller = request.caller else { return }
    let subject = Self.subject(request.path)
    let target = tag.map { "\(subject.target):\($0)" } ?? subject.target
    access.noteRefusal(reason, rules: rules, namespace: subject.namespace, target: target, caller)
  }

  /// What a path is about: a repository, or else the path itself, and the namespace that it is in.
  private static func subject(_ path: String) -> (namespace: String?, target: String) {
    if case .endpoint(let endpoint) = Endpoint.parse(path: path), let repository = endpoint.repository {
      return (repository.namespace, repository.text)
    }
    let parts = path.split(separator: "/")
    guard parts.count > 3, parts[0] == "api" else { return (nil, path) }
    switch parts[2] {
    case "namespaces": return (name(parts[3...3])?.text, path)
    case "repositories":
      guard let repository = name(parts[3...].prefix { $0 != "-" }) else { return (nil, path) }
      return (repository.namespace, repository.text)
    default: return (nil, path)
    }
  }

  private static func name(_ parts: ArraySlice<Substring>) -> RepositoryName? {
    do { return try RepositoryName(parsing: parts.joined(separator: "/")) } catch { return nil }
  }

  private static func denial(_ error: AccessDenied) -> String {
    let name = error.repository?.text ?? "this registry"
    switch error.action {
    case .pull: return "you may not pull from \(name)"
    case .push: return "you may not push to \(name)"
    case .delete: return "you may not delete from \(name)"
    }
  }

  /// What the token endpoint is to be asked for.
  private static func scope(_ error: AccessDenied, _ request: Request) -> String? {
    guard let repository = error.repository else { return request.path == "/v2/_catalog" ? "registry:catalog:*" : nil }
    switch error.action {
    case .pull: return "repository:\(repository):pull"
    // Who pushes looks first.
    case .push: return "repository:\(repository):pull,push"
    case .delete: return "repository:\(repository):delete"
    }
  }

  /// RFC 6750, section 3; the Docker token specification.
  private func challenge(_ request: Request, scope: String?, error: String? = nil) -> (name: String, value: String) {
    var value = "Bearer realm=\"\(origin(request))/token\",service=\"\(access.settings.service)\""
    if let scope { value += ",scope=\"\(scope)\"" }
    if let error { value += ",error=\"\(error)\"" }
    return ("www-authenticate", value)
  }

  /// A credential that is not good.
  func unauthenticated(_ error: AuthenticationFailure, _ request: Request) -> Response {
    var response: Response
    if let delay = error.retryAfter {
      response = wait(delay, error.isUndecided ? .unavailable : .tooManyRequests, error.message)
    } else {
      response = envelope(
        .unauthorized, .unauthorized, error.message, [],
        headers: [challenge(request, scope: Self.scope(ofPath: request), error: Self.bearerError(request))])
    }
    response.note = "login refused: \(error.rule)"
    return response
  }

  private static func bearerError(_ request: Request) -> String? {
    request.header("authorization").map { $0.lowercased().hasPrefix("bearer ") } ?? false ? "invalid_token" : nil
  }

  /// Clients get their next token for what the challenge names.
  private static func scope(ofPath request: Request) -> String? {
    guard case .endpoint(let endpoint) = Endpoint.parse(path: request.path) else { return nil }
    guard let repository = endpoint.repository else { return endpoint == .catalog ? "registry:catalog:*" : nil }
    switch request.method {
    case .GET, .HEAD: return "repository:\(repository):pull"
    case .DELETE: return "repository:\(repository):delete"
    default: return "repository:\(repository):pull,push"
    }
  }

  // MARK: Rates

  func overRate(_ request: Request, _ caller: Caller) -> Duration? {
    overRate(address: request) ?? overRate(caller: caller)
  }

  func overRate(address request: Request) -> Duration? {
    guard settings.addressRate > 0, !Self.operatorPaths.contains(request.path), let address = clientAddress(request)
    else { return nil }
    return rates.take("address \(LoginNetwork.of(address))", rate: settings.addressRate)
  }

  func overRate(caller: Caller?) -> Duration? {
    guard settings.accountRate > 0, let caller, caller.isAuthenticated, !access.policy.isOpen else { return nil }
    return rates.take("account \(caller.origin.actor)", rate: settings.accountRate)
  }

  /// Says for how long in words too: clients show their users the message, and no header.
  func tooMany(_ delay: Duration) -> Response {
    wait(delay, .tooManyRequests, "too many requests; try again in \(Self.wholeSeconds(delay)) s")
  }

  /// An answer that tells the client when to come again.
  func wait(_ delay: Duration, _ code: ErrorCode, _ message: String) -> Response {
    var response = envelope(Self.status(code), code, message, [])
    response.headers.removeAll { $0.name == "retry-after" }
    response.headers.append(("retry-after", String(Self.wholeSeconds(delay))))
    return response
  }

  private static func wholeSeconds(_ delay: Duration) -> Int64 { max(1, Int64(delay.inSeconds.rounded(.up))) }
}
