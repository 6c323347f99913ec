import Access
import Ground
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/token`: where clients get the tokens that `/v2` asks for.
//
// Source: the Docker token specification (GET), its OAuth2 form (POST, RFC 6749), RFC 8693 for the exchange.
extension RegistryRoutes {
  /// Forms are small; a token of a CI service has some kilobytes.
  static let formLimitBytes = 64 * 1024

  func tokenEndpoint(_ request: Request) async throws -> Response {
    let isOpen = access.policy.isOpen
    switch request.method {
    case .GET where isOpen, .HEAD where isOpen, .POST where isOpen: return openToken()
    case .GET, .HEAD: return try await getToken(request)
    case .POST: return try await postToken(request)
    default:
      throw Self.otherMethod(allowed: "GET, HEAD, POST")
    }
  }

  private func getToken(_ request: Request) async throws -> Response {
    let query = try query(request)
    let caller = try caller(of: request)
    access.noteLogin(caller)
    let grant = try await access.grant(
      query.all("scope"), to: caller, wantsRefresh: query.first("offline_token") == "true",
      client: query.first("client_id") ?? "")
    return answer(grant, type: nil)
  }

  private func postToken(_ request: Request) async throws -> Response {
    let form = try await form(request)
    let address = clientAddress(request) ?? "unix"
    do {
      switch form.first("grant_type") {
      case "password":
        let presented = Presented.basic(
          user: form.first("username") ?? "", password: form.first("password") ?? "")
        let caller = try await access.authenticator.caller(presented, address: address, requestID: request.id)
        access.noteLogin(caller)
        return try await grant(form, caller, wantsRefresh: form.first("access_type") == "offline")
      case "refresh_token":
        let text = form.first("refresh_token") ?? ""
        let caller = try await access.caller(refreshToken: text, address: address, requestID: request.id)
        let response = try await grant(form, caller, wantsRefresh: false, keeping: text)
        return response
      case Self.exchangeGrant: return try await exchange(form, request, address)
      case "urn:ietf:params:oauth:grant-type:device_code": return try await pollDevice(form, request)
      case let other:
        return oauthError(.badRequest, "unsupported_grant_type", "there is no grant type \(other ?? "given")")
      }
    } catch let error as AuthenticationFailure where error.retryAfter == nil {
      var response = oauthError(.unauthorized, "invalid_grant", error.message)
      response.note = "login refused: \(error.rule)"
      return response
    }
  }

  static let exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
  private static let exchangeable: Set = [
    "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token",
  ]
  private static let accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

  private func exchange(_ form: Query, _ request: Request, _ address: String) async throws -> Response {
    guard let text = form.first("subject_token"), let type = form.first("subject_token_type"),
      Self.exchangeable.contains(type)
    else {
      return oauthError(
        .badRequest, "invalid_request",
        "name subject_token, and as subject_token_type urn:ietf:params:oauth:token-type:jwt or :id_token")
    }
    if let wanted = form.first("requested_token_type"), wanted != Self.accessTokenType {
      return oauthError(.badRequest, "invalid_request", "only \(Self.accessTokenType) is given out")
    }
    if form.first("actor_token") != nil || form.first("actor_token_type") != nil {
      return oauthError(.badRequest, "invalid_request", "nobody acts for a job here: leave actor_token out")
    }
    let known = [access.settings.service, origin(request), origin(request) + "/"]
    guard (form.all("audience") + form.all("resource")).allSatisfy(known.contains) else {
      return oauthError(.badRequest, "invalid_target", "tokens are for \(access.settings.service) alone")
    }
    var scopes: [RequestedScope]?
    if form.all("scope").contains(where: { !$0.isEmpty }) {
      let wanted = RequestedScope.parse(form.all("scope"))
      guard wanted.contains(where: { $0 != .catalogue }) else {
        return oauthError(
          .badRequest, "invalid_scope", "a scope is repository:NAME:ACTIONS, such as repository:acme/api:push")
      }
      scopes = wanted
    }
    let grant = try await access.exchange(text, for: scopes, address: address, requestID: request.id)
    return answer(grant, type: Self.accessTokenType)
  }

  private func grant(
    _ form: Query, _ caller: Caller, wantsRefresh: Bool, keeping refresh: String? = nil
  ) async throws -> Response {
    let grant = try await access.grant(
      form.all("scope"), to: caller, wantsRefresh: wantsRefresh, client: form.first("client_id") ?? "")
    return answer(grant, type: nil, refresh: refresh)
  }

  private func answer(_ grant: TokenGrant, type: String?, refresh: String? = nil) -> Response {
    var body: JSONObject = [
      "token": .string(grant.token), "access_token": .string(grant.token), "token_type": "Bearer",
      "expires_in": .integer(grant.lifetime.components.seconds), "issued_at": .string(grant.issuedAt.description),
      "scope": .string(grant.scope),
    ]
    if let refresh = grant.refreshToken ?? refresh { body.append("refresh_token", .string(refresh)) }
    if let type { body.append("issued_token_type", .string(type)) }
    var response = Response.json(.ok, JSONValue.object(body).bytes)
    response.headers.append(("cache-control", "no-store"))
    return response
  }

  /// RFC 6749, section 5.2, and beside it the envelope that registry clients read.
  func oauthError(_ status: HTTPResponseStatus, _ error: String, _ message: String) -> Response {
    let code: ErrorCode = status == .unauthorized ? .unauthorized : .unsupported
    let body: JSONValue = [
      "error": .string(error), "error_description": .string(message),
      "errors": [["code": .string(code.rawValue), "message": .string(message)]],
    ]
    var response = Response.json(status, body.bytes)
    response.headers.append(("cache-control", "no-store"))
    response.note = "\(error): \(message)"
    return response
  }

  /// A body of `application/x-www-form-urlencoded`.
  func form(_ request: Request) async throws -> Query {
    let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased() ?? ""
    guard type == "application/x-www-form-urlencoded" else {
      throw Refusal(
        .unsupportedMediaType, .unsupported, "send a form: Content-Type: application/x-www-form-urlencoded")
    }
    guard let body = try await request.body.collect(limit: Self.formLimitBytes) else {
      throw Refusal(.payloadTooLarge, .sizeInvalid, "a form has at most \(Self.formLimitBytes) bytes")
    }
    // In forms, and only there, a plus is a space.
    let bytes = body.readableBytesView.flatMap { $0 == UInt8(ascii: "+") ? Array("%20".utf8) : [$0] }
    do throws(ParseError) {
      return try Query(parsing: String(decoding: bytes, as: UTF8.self))
    } catch {
      throw Refusal(.badRequest, .unsupported, error.message)
    }
  }
}
