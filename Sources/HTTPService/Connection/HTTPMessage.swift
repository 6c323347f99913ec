import Access
import BlobStorage
import NIOCore
import NIOHTTP1
import OCI

/// A request, as handlers see it.
struct Request: Sendable {
  let method: HTTPMethod
  /// As it came, before any percent-decoding.
  let path: String
  /// What follows the question mark, as it came; nil without one.
  let queryText: String?
  let headers: HTTPHeaders
  let body: RequestBody
  /// From `Content-Length`; nil for a body of unknown length.
  let contentLength: Int64?
  let peer: Peer
  /// The event loop of its connection: for tasks that never block.
  let loop: LoopExecutor
  /// Identifies the request in the log and in `X-Request-ID`.
  let id: String
  /// Who asks; nil until that was found out.
  var caller: Caller?

  func header(_ name: String) -> String? { headers.first(name: name) }
}

/// Where a request came from.
struct Peer: Sendable {
  let isTLS: Bool
  let isUnixSocket: Bool
  /// What the client has shown of itself in the handshake, and our authority has signed.
  let certificate: ClientCertificate?
  /// The address without the port; `unix` for a unix socket.
  let text: String

  init(address: SocketAddress?, isTLS: Bool, isUnixSocket: Bool, certificate: ClientCertificate?) {
    self.isTLS = isTLS
    self.isUnixSocket = isUnixSocket
    self.certificate = certificate
    text = isUnixSocket ? "unix" : address?.ipAddress ?? "?"
  }
}

/// An answer: a status, headers, and a body whose length is known before it is sent.
struct Response: Sendable {
  enum Body: Sendable {
    case none
    case bytes(ByteBuffer)
    case file(BlobFile, ByteRange)
    /// Bytes that come from elsewhere; exactly so many, or the sequence throws.
    case stream(BlobChunks, length: Int64, on: any TaskExecutor)
  }

  var status: HTTPResponseStatus
  var headers: [(name: String, value: String)]
  var body: Body
  /// What `Content-Length` says for a `HEAD`, whose body is not sent.
  var lengthOfUnsentBody: Int64?
  /// What the log says of a request that was refused.
  var note: String?
  /// What a person is told of a failure, for APIs that tell it in a form of their own.
  var message: String?
  /// What such an API tells besides (RFC 9457, extension members).
  var problemMembers = JSONObject()

  init(_ status: HTTPResponseStatus, headers: [(name: String, value: String)] = [], body: Body = .none) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  static func json(_ status: HTTPResponseStatus, _ bytes: [UInt8], type: String = "application/json") -> Response {
    Response(status, headers: [("content-type", type)], body: .bytes(ByteBuffer(bytes: bytes)))
  }

  static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
    Response(status, headers: [("content-type", "text/plain; charset=utf-8")], body: .bytes(ByteBuffer(string: text)))
  }

  var contentLength: Int64 {
    switch body {
    case .none: lengthOfUnsentBody ?? 0
    case .bytes(let bytes): Int64(bytes.readableBytes)
    case .file(_, let range): range.count
    case .stream(_, let length, _): length
    }
  }

  /// The same answer without its body, as `HEAD` wants it.
  func withoutBody() -> Response {
    var answer = self
    if status != .notModified { answer.lengthOfUnsentBody = contentLength }
    answer.body = .none
    return answer
  }
}

/// Answers requests.
protocol Responder: Sendable {
  /// An answer from memory; nil when it takes waiting. Called on an event loop: must not block.
  func answerAtHand(_ request: Request) -> Response?
  /// Called on a worker thread; may block and may read the body.
  func respond(to request: Request) async -> Response
  /// The answer to a request that never became one.
  func refusal(_ status: HTTPResponseStatus, _ message: String) -> Response
  /// Told once for each answer, when it has been sent or its connection is gone.
  func didFinish(_ record: RequestRecord)
}

/// What is known of a request when it is over.
struct RequestRecord: Sendable {
  let request: Request?
  let route: Route
  let status: Int
  let bytesIn: Int64
  let bytesOut: Int64
  let nanoseconds: Int64
  /// The client went away, or stalled, before all was sent.
  let wasCutShort: Bool
  let note: String?

  init(
    request: Request?, status: Int, bytesIn: Int64, bytesOut: Int64, nanoseconds: Int64, wasCutShort: Bool,
    note: String?
  ) {
    self.request = request
    route = request.map { Route(path: $0.path) } ?? .other
    self.status = status
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
    self.nanoseconds = nanoseconds
    self.wasCutShort = wasCutShort
    self.note = note
  }
}
