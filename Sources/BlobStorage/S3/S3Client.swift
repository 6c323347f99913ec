internal import AsyncHTTPClient
public import Ground
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import OCI
import Synchronization

/// Speaks to an S3-compatible store: signs, retries, and tells what failed in words.
public final class S3Client: Sendable {
  /// Between two tries at the least and at the most; the pause is a random part of a limit that doubles.
  private static let firstPause: Duration = .milliseconds(50)
  private static let longestPause: Duration = .seconds(5)
  private static let connectTimeout: TimeAmount = .seconds(5)
  static let errorBodyLimit = 1 << 20

  let settings: S3Settings
  private let http: HTTPClient
  private let credentials: S3CredentialsCache
  let time: any TimeSource
  private let random: any RandomSource
  /// What to add to this machine's clock, in microseconds: signatures are refused when clocks differ by minutes.
  private let clockOffset = Atomic<Int64>(0)
  private let counted = Mutex(S3Figures())

  /// - Throws: what is wrong with the file of authorities.
  public init(
    _ settings: S3Settings, credentials: any S3CredentialsSource, time: any TimeSource = SystemTime(),
    random: any RandomSource = SystemRandom()
  ) throws {
    self.settings = settings
    self.time = time
    self.random = random
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.httpVersion = .http1Only
    configuration.timeout = .init(
      connect: Self.connectTimeout, read: TimeAmount(settings.requestTimeout),
      write: TimeAmount(settings.requestTimeout))
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connections
    // A body comes in pieces of what is read at once: fewer, larger pieces cost less than the standard 64 KiB.
    configuration.http1_1ConnectionDebugInitializer = { channel in
      try? channel.syncOptions?.setOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 16_384, maximum: 524_288))
      // Nothing may be waited for here: a connection that is lost meanwhile is told of twice, and the client's pool (1.37) ends
      // the process.
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    if let file = settings.location.caFile {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
      configuration.tlsConfiguration = tls
    }
    configuration.dnsOverride = settings.addresses
    http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    self.credentials = S3CredentialsCache(credentials, http: http, time: time)
  }

  /// Closes all connections. Must be called before the last reference goes.
  public func shutdown() async throws { try await http.shutdown() }

  public var figures: S3Figures { counted.withLock { $0 } }

  func count(_ change: (inout S3Figures) -> Void) { counted.withLock { change(&$0) } }

  // MARK: Requests

  /// Sends a request until it succeeds or cannot; its body has not been read on return.
  ///
  /// - Throws: ``ObjectStoreError``.
  func send(_ request: S3Request) async throws -> HTTPClientResponse { try await send(request) { $0 } }

  /// Sends a request until it succeeds or cannot, and what it answers has been read: an answer that breaks off has failed.
  ///
  /// - Parameter read: may throw a ``Failure``, for an answer that only looks like success.
  /// - Throws: ``ObjectStoreError``.
  func send<Value>(
    _ request: S3Request, reading read: (HTTPClientResponse) async throws -> Value
  ) async throws -> Value {
    let start = time.monotonicNanoseconds
    var limit = Self.firstPause
    var mended: Set<String> = []
    var guess: ClockGuess?
    while true {
      let signedWith = clockOffset.load(ordering: .relaxed)
      count { $0.requests[request.operation, default: 0] += 1 }
      let failure: Failure
      switch try await attempt(request, read) {
      case .success(let value): return value
      case .failure(let found): failure = found
      }
      // Each of these is put right once, and at once.
      if await mend(failure), mended.insert(failure.code).inserted { continue }
      if let wrong = guess {
        if failure.isUnexplained { takeBack(wrong) }
      } else if let made = guessClock(failure, request, signedWith) {
        guess = made
        continue
      }
      let elapsed = Duration.nanoseconds(time.monotonicNanoseconds - start)
      guard failure.mayPass, elapsed + limit < settings.retryTimeout else {
        // That there is no such object is an answer.
        if failure.error != .noSuchKey { count { $0.failures += 1 } }
        throw failure.error
      }
      count { $0.retries += 1 }
      try await time.sleep(for: limit * Double(random.next() % 1000) / 1000)
      limit = min(limit * 2, Self.longestPause)
    }
  }

  private func attempt<Value>(
    _ request: S3Request, _ read: (HTTPClientResponse) async throws -> Value
  ) async throws -> Result<Value, Failure> {
    do {
      let response = try await execute(request)
      guard (200..<300).contains(response.status.code) else { return .failure(await Failure(response, request)) }
      return .success(try await read(response))
    } catch let error as CancellationError {
      throw error
    } catch let failure as Failure {
      return .failure(failure)
    } catch {
      if Task.isCancelled { throw CancellationError() }
      return .failure(Failure(connection: error))
    }
  }

  /// As ``send(_:)``, with the whole answer.
  func answer(_ request: S3Request) async throws -> [UInt8] {
    try await send(request) { Array(buffer: try await $0.body.collect(upTo: 16 << 20)) }
  }

  private func execute(_ request: S3Request) async throws -> HTTPClientResponse {
    let location = settings.location
    let path = location.path(request.key)
    let hash =
      request.bodyHash
      ?? request.body.map { body in body.withUnsafeReadableBytes { Digest.computing(.sha256, over: $0).hex } }
      ?? S3Signer.hash([])
    let signer = S3Signer(credentials: try await credentials.current(), region: location.region)
    let own = request.headers + [("host", location.host)]
    let signed = signer.headers(
      method: request.method.rawValue, path: path, query: request.query, headers: own, payloadHash: hash, at: now)
    let scheme = location.isSecure ? "https" : "http"
    let query = request.query.isEmpty ? "" : "?" + S3Signer.canonical(request.query)
    var message = HTTPClientRequest(url: "\(scheme)://\(location.host)\(path)\(query)")
    message.method = request.method
    for (name, value) in own + signed { message.headers.add(name: name, value: value) }
    if let body = request.body {
      message.body = .bytes(body)
      count { $0.bytesSent += Int64(body.readableBytes) }
    }
    return try await http.execute(message, deadline: .distantFuture)
  }

  /// Puts right what made a request fail, if that can be done from here.
  private func mend(_ failure: Failure) async -> Bool {
    switch failure.code {
    case "RequestTimeTooSkewed":
      guard let server = failure.serverTime else { return false }
      clockOffset.store(server.microseconds - time.now.microseconds, ordering: .relaxed)
      return true
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
      await credentials.forget()
      return true
    case "BadDigest", "XAmzContentSHA256Mismatch":
      // The bytes were spoilt on the way, unless their hash was wrong from the beginning: that is so the second time too.
      return true
    default: return false
    }
  }

  /// From so much on a difference of clocks may be why a request was refused. Stores allow 15 minutes.
  private static let skewLimit: Duration = .seconds(300)

  /// The difference of clocks that a request was tried with, and the one before.
  private struct ClockGuess {
    let offset, before: Int64
  }

  /// An answer to `HEAD` has no body, so that one that is refused is not told why. Where the `Date` of the answer is far from the
  /// time that was signed, that is likely the reason, and the request is worth one more with the store's time.
  private func guessClock(_ failure: Failure, _ request: S3Request, _ signedWith: Int64) -> ClockGuess? {
    guard request.method == .HEAD, failure.isUnexplained, let server = failure.serverTime else { return nil }
    let offset = server.microseconds - time.now.microseconds
    guard
      Duration.microseconds(offset - signedWith) > Self.skewLimit
        || Duration.microseconds(signedWith - offset) > Self.skewLimit
    else { return nil }
    _ = clockOffset.compareExchange(expected: signedWith, desired: offset, ordering: .relaxed)
    return ClockGuess(offset: offset, before: signedWith)
  }

  /// It was not the clock: what stands between us and the store may tell a time that is not the store's.
  private func takeBack(_ guess: ClockGuess) {
    _ = clockOffset.compareExchange(expected: guess.offset, desired: guess.before, ordering: .relaxed)
  }

  private var now: Timestamp { time.now + .microseconds(clockOffset.load(ordering: .relaxed)) }

  func presignedURL(_ key: String, lifetime: Duration) async throws -> String {
    let location = settings.location
    let signer = S3Signer(credentials: try await credentials.current(), region: location.region)
    let path = location.path(key)
    let query = signer.presignedQuery(
      method: "GET", host: location.host, path: path,
      query: [("response-content-type", "application/octet-stream")],
      lifetimeSeconds: max(1, lifetime.wholeMicroseconds / 1_000_000), at: now)
    return "\(location.isSecure ? "https" : "http")://\(location.host)\(path)?\(query)"
  }
}

extension S3Client {
  /// Why a request failed.
  struct Failure: Error {
    let error: ObjectStoreError
    let mayPass: Bool
    var code = ""
    var serverTime: Timestamp?
    /// It was refused, and not told why.
    var isUnexplained = false

    /// The connection could not be made, broke, or stood still.
    init(connection error: any Error) {
      if let known = error as? S3CredentialsError {
        self.error = .refused(status: 0, code: "NoCredentials", message: known.description)
        mayPass = false
        return
      }
      self.error = .unavailable("\(error)")
      mayPass = true
    }

    init(_ response: HTTPClientResponse, _ request: S3Request) async {
      let status = Int(response.status.code)
      let bytes = (try? await response.body.collect(upTo: S3Client.errorBodyLimit)).map { Array(buffer: $0) } ?? []
      self.init(status: status, document: S3XML.parse(bytes), isOfKey: request.key != nil)
      serverTime = serverTime ?? response.headers.first(name: "date").flatMap { Timestamp(httpDate: $0) }
    }

    init(status: Int, document: S3XML?, isOfKey: Bool) {
      let answer = document?.find("Error")
      code = answer?["Code"] ?? ""
      serverTime = answer?["ServerTime"].flatMap { Timestamp(parsing: $0) }
      let passing = ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted"]
      mayPass = [429, 500, 502, 503, 504].contains(status) || passing.contains(code)
      isUnexplained = status == 403 && code.isEmpty
      let region = answer?["Region"].map { "; its region is \($0)" } ?? ""
      let message = (answer?["Message"] ?? "status \(status)") + region
      if code == "NoSuchUpload" {
        error = .noSuchUpload
      } else if code == "NoSuchKey" || (status == 404 && code.isEmpty && isOfKey) {
        error = .noSuchKey
      } else if mayPass {
        error = .unavailable("\(status) \(code): \(message)")
      } else {
        error = .refused(status: status, code: code, message: message)
      }
    }
  }
}
