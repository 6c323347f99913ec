import Access
import Ground
import Logging
import Metadata
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

/// Turns requests into calls of the registry.
///
/// `answerAtHand` is the quick path for reads that memory can answer; whatever it does not know goes through `respond`.
/// Both take a permit before anything else (invariant I7).
final class RegistryRoutes: Responder {
  let registry: Registry
  let access: AccessControl
  private let liveSettings: Live<HTTPServiceSettings>
  let health: Health
  let rates: RateLimiter
  let figures: RequestFigures
  let log: RequestLog?
  let logger: Logger
  let metrics: Metrics
  /// For answers whose bytes come from elsewhere while they are sent, and may have to be kept on disk too.
  let streamWorkers: WorkerPool

  init(
    registry: Registry, access: AccessControl, settings: Live<HTTPServiceSettings>, health: Health, metrics: Metrics,
    log: RequestLog?, streamWorkers: WorkerPool, logger: Logger
  ) {
    self.streamWorkers = streamWorkers
    self.registry = registry
    self.access = access
    liveSettings = settings
    self.health = health
    rates = RateLimiter(time: SystemTime())
    self.metrics = metrics
    figures = RequestFigures(metrics)
    self.log = log
    self.logger = logger
  }

  var settings: HTTPServiceSettings { liveSettings.value }

  func answerAtHand(_ request: Request) -> Response? {
    guard request.method == .GET || request.method == .HEAD, request.queryText == nil else { return nil }
    guard case .endpoint(let endpoint) = Endpoint.parse(path: request.path) else { return nil }
    guard isAddressed(request), let caller = callerAtHand(request) else { return nil }
    let answer: Response?
    switch endpoint {
    case .base: answer = caller.showedSomething ? base() : nil
    case .manifest(let name, let reference): answer = manifestAtHand(request, caller, name, reference)
    case .blob(let name, let digest): answer = blobAtHand(request, caller, name, digest)
    case .catalog, .uploads, .upload, .tags, .referrers: answer = nil
    }
    guard answer != nil, let delay = overRate(request, caller) else { return answer }
    return tooMany(delay)
  }

  func respond(to request: Request) async -> Response {
    var request = request
    do {
      if let delay = overRate(address: request) { return tooMany(delay) }
      try requireKnownMethod(request)
      try requireIntent(request)
      let provisional = provisionalReader(request)
      request.caller = provisional
      if provisional != nil, let answer = try await provisionalAnswer(request) { return answer }
      request.caller = nil
      request.caller = try await caller(request)
      // A request counts once for its account, also when rights have changed while it was answered.
      if request.caller?.origin.actor != provisional?.origin.actor, let delay = overRate(caller: request.caller) {
        return tooMany(delay)
      }
      return try await route(request)
    } catch {
      let response = failure(error, request)
      return request.path.utf8.starts(with: "/api/".utf8) ? asProblem(response, request) : response
    }
  }

  /// Who reads content, of those whom memory knows, though not freshly, and whose rate lets this request through; nil: who asks
  /// is to be found out first.
  private func provisionalReader(_ request: Request) -> Caller? {
    guard request.method == .GET || request.method == .HEAD, let caller = provisionalCaller(request),
      case .endpoint(let endpoint) = Endpoint.parse(path: request.path), endpoint.repository != nil,
      overRate(caller: caller) == nil
    else { return nil }
    return caller
  }

  /// The answer to a provisional caller: whether rights have changed is asked along with what is read, and nothing is given out
  /// before that is answered.
  ///
  /// - Returns: nil when they have: then who asks is found out first.
  private func provisionalAnswer(_ request: Request) async throws -> Response? {
    guard let caller = request.caller else { return nil }
    do {
      let answer = try await route(request)
      if try await access.authenticator.isConfirmed(caller) { return answer }
    } catch {
      // Who cannot be asked here cannot be asked about rights.
      if case DatabaseError.unavailable = error { throw error }
      if try await access.authenticator.isConfirmed(caller) { throw error }
    }
    return nil
  }

  /// Refuses what no path takes (RFC 9110, section 15.6.2): all but the methods of RFC 9110 and 5789.
  private func requireKnownMethod(_ request: Request) throws(Refusal) {
    switch request.method {
    case .GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS, .TRACE, .CONNECT: return
    default: throw Refusal(.notImplemented, .unsupported, "this method is not known here")
    }
  }

  /// For a path that is only read.
  func requireRead(_ request: Request) throws(Refusal) {
    guard request.method == .GET || request.method == .HEAD else { throw Self.otherMethod(allowed: "GET, HEAD") }
  }

  static func otherMethod(allowed: String) -> Refusal {
    Refusal(
      .methodNotAllowed, .unsupported, "this path does not take this method", headers: [("allow", allowed)])
  }

  /// What is not `/v2`.
  private func otherRoute(_ request: Request) async throws -> Response {
    switch request.path {
    case "/token": return try await tokenEndpoint(request)
    case "/.well-known/jwks.json":
      try requireRead(request)
      return .json(.ok, access.publishedKeys.bytes)
    case let path where path.utf8.starts(with: "/api/".utf8): return try await api(request)
    case let path where path.utf8.starts(with: "/auth/".utf8): return try await loginPages(request)
    default: return try await pages(request)
    }
  }

  private func route(_ request: Request) async throws -> Response {
    guard request.path.utf8.starts(with: "/v2".utf8) else { return try await otherRoute(request) }
    switch Endpoint.parse(path: request.path) {
    case .endpoint(let endpoint): return try await route(request, endpoint)
    case .invalid(let code, let message):
      // Who may do nothing here is not told more than that.
      guard request.caller?.showedSomething ?? false else { throw AccessDenied.unauthenticated }
      // A name that cannot exist is a name that is not there; only a push is told what is wrong with it.
      let isRead = request.method == .GET || request.method == .HEAD
      if code == .tagInvalid && isRead { throw RegistryError(.manifestUnknown, message) }
      throw RegistryError(code, message)
    case .notFound: throw Refusal(.notFound, .unsupported, "there is nothing at this path; the API is at /v2/")
    }
  }

  private func route(_ request: Request, _ endpoint: Endpoint) async throws -> Response {
    switch (endpoint, request.method) {
    case (.base, .GET), (.base, .HEAD):
      guard request.caller?.showedSomething ?? false else { throw AccessDenied.unauthenticated }
      return base()
    case (.catalog, .GET), (.catalog, .HEAD): return try await catalog(request)
    case (.manifest(let name, let reference), .GET), (.manifest(let name, let reference), .HEAD):
      return try await getManifest(request, name, reference)
    case (.manifest(let name, let reference), .PUT): return try await putManifest(request, name, reference)
    case (.manifest(let name, let reference), .DELETE): return try await deleteManifest(request, name, reference)
    case (.blob(let name, let digest), .GET): return try await getBlob(request, name, digest)
    case (.blob(let name, let digest), .HEAD): return try await headBlob(request, name, digest)
    case (.blob(let name, let digest), .DELETE): return try await deleteBlob(request, name, digest)
    case (.uploads(let name), .POST): return try await postUpload(request, name)
    case (.upload(let name, let session), .GET), (.upload(let name, let session), .HEAD):
      return try await getUpload(request, name, session)
    case (.upload(let name, let session), .PATCH): return try await patchUpload(request, name, session)
    case (.upload(let name, let session), .PUT): return try await putUpload(request, name, session)
    case (.upload(let name, let session), .DELETE): return try await deleteUpload(request, name, session)
    case (.tags(let name), .GET), (.tags(let name), .HEAD): return try await tags(request, name)
    case (.referrers(let name, let digest), .GET), (.referrers(let name, let digest), .HEAD):
      return try await referrers(request, name, digest)
    case (.base, _), (.catalog, _), (.manifest, _), (.blob, _), (.uploads, _), (.upload, _), (.tags, _),
      (.referrers, _):
      throw Self.otherMethod(allowed: Self.allowedMethods(endpoint))
    }
  }

  private static func allowedMethods(_ endpoint: Endpoint) -> String {
    switch endpoint {
    case .base, .catalog, .tags, .referrers: "GET, HEAD"
    case .manifest: "GET, HEAD, PUT, DELETE"
    case .blob: "GET, HEAD, DELETE"
    case .uploads: "POST"
    case .upload: "GET, HEAD, PATCH, PUT, DELETE"
    }
  }

  /// `GET /v2/`, end-1.
  private func base() -> Response {
    var response = Response.json(.ok, Array("{}".utf8))
    response.headers.append(Self.apiVersion)
    return response
  }

  static let apiVersion = (name: "docker-distribution-api-version", value: "registry/2.0")

  // MARK: Parameters

  func query(_ request: Request) throws(Refusal) -> Query {
    guard let text = request.queryText else { return Query() }
    do throws(ParseError) {
      return try Query(parsing: text)
    } catch {
      let isTooLong =
        text.utf8.count > Query.lengthLimitBytes
        || text.utf8.count(where: { $0 == UInt8(ascii: "&") }) >= Query.parameterLimit
      throw Refusal(isTooLong ? .uriTooLong : .badRequest, .unsupported, error.message)
    }
  }

  func digest(_ text: String) throws(RegistryError) -> Digest {
    do throws(ParseError) {
      return try Digest(parsing: text)
    } catch {
      throw RegistryError(error, as: .digestInvalid)
    }
  }

  func didFinish(_ record: RequestRecord) {
    figures.count(record)
    if settings.logsRequests { log?.write(record) }
  }
}
