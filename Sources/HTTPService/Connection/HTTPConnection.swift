import Access
import Ground
import NIOCore
import NIOHTTP1

/// One connection, or one HTTP/2 stream: reads requests, one after the other, and sends their answers in that order.
///
/// Lives on its event loop and never blocks it. It reads only when it wants more: after an answer, and while a body's reader
/// has room.
final class HTTPConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = Never

  enum Mode { case http1(fromKernel: Bool), http2 }

  /// A request that is being received or answered.
  final class Exchange {
    let request: Request
    var isKeepAlive: Bool
    let expectsContinue: Bool
    let isHTTP10: Bool
    let startedAt: Int64
    var bytesIn: Int64 = 0
    var bytesOut: Int64 = 0
    var bodyIsComplete = false
    var handlerHasStarted = false
    var continueWasSent = false
    var answer: Response?
    var transfer: FileTransfer?
    var stream: Task<Void, Never>?
    /// Bytes of the answer's body that were handed to the channel.
    var queuedBytes: Int64 = 0
    let mayHaveBody: Bool
    var isRecorded = false
    /// The answer has left for the channel as a whole.
    var isAnswered = false

    init(
      _ request: Request, isKeepAlive: Bool, expectsContinue: Bool, isHTTP10: Bool, mayHaveBody: Bool, startedAt: Int64
    ) {
      self.mayHaveBody = mayHaveBody
      self.request = request
      self.isKeepAlive = isKeepAlive
      self.expectsContinue = expectsContinue
      self.isHTTP10 = isHTTP10
      self.startedAt = startedAt
    }
  }

  enum Phase {
    /// Waiting for a head since then, in monotonic nanoseconds.
    case waiting(since: Int64)
    case exchanging(Exchange)
    /// The answer is out and the rest of its request is thrown away, until then.
    case lingering(until: Int64)
    /// Everything is said, and the client has until then to take it.
    case closing(until: Int64)
    case closed
  }

  let services: ConnectionServices
  let limits: ConnectionLimits
  let mode: Mode
  let date: HTTPDate
  var phase: Phase
  var isFirstRequest = true
  /// Parts of later requests that came along with this one.
  private var pipelined = CircularBuffer<HTTPServerRequestPart>()
  private(set) var readIsPending = false
  private var isReplaying = false
  /// The decoder has given up: nothing that still comes can be read as HTTP.
  private var inputIsBroken = false
  var isDraining = false
  var pace = Pace()
  private var tick: Scheduled<Void>?
  private var peer: Peer
  private var inputIsClosed = false
  private var isWritable = true
  /// The connection's descriptor, which stays the channel's.
  private(set) var socket: CInt?

  init(services: ConnectionServices, mode: Mode, isTLS: Bool, certificate: ClientCertificate? = nil) {
    self.services = services
    limits = services.limits
    self.mode = mode
    date = HTTPDate(time: services.time)
    phase = .waiting(since: services.time.monotonicNanoseconds)
    peer = Peer(address: nil, isTLS: isTLS, isUnixSocket: false, certificate: certificate)
  }

  // MARK: Life of the connection

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) { begin(context) }

  private func begin(_ context: ChannelHandlerContext) {
    guard tick == nil else { return }
    let channel = context.channel
    peer = Peer(
      address: channel.remoteAddress ?? channel.parent?.remoteAddress, isTLS: peer.isTLS,
      isUnixSocket: (channel.parent?.localAddress ?? channel.localAddress).map { $0.protocol == .unix } ?? false,
      certificate: peer.certificate)
    socket = (try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }) ?? nil
    isDraining = services.connections.add(self, context)
    scheduleTick(context)
    read(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    tick?.cancel()
    socket = nil
    services.connections.remove(self)
    if case .exchanging(let exchange) = phase {
      exchange.request.body.fail(.disconnected)
      exchange.stream?.cancel()
      // An answer that is being sent ends by its failing write.
      if exchange.answer == nil { finish(exchange, wasCutShort: true) }
    }
    phase = .closed
  }

  private func scheduleTick(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    tick = context.eventLoop.scheduleTask(in: TimeAmount(limits.tick)) {
      let (connection, context) = bound.value
      connection.lookAtClocks(context)
      if case .closed = connection.phase { return }
      connection.scheduleTick(context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch phase {
    case .waiting: break
    case .exchanging(let exchange) where error is HTTPParserError && exchange.answer == nil:
      inputIsBroken = true
      exchange.isKeepAlive = false
      exchange.request.body.fail(.malformed)
      if !exchange.handlerHasStarted {
        answer(context, exchange, services.responder.refusal(.badRequest, "the body is not valid HTTP/1.1"))
      }
      return
    case .exchanging where inputIsBroken: return  // Its answer is on the way.
    case .lingering: return  // What is thrown away need not be well-formed.
    case .exchanging, .closing, .closed: return context.close(promise: nil)
    }
    switch error {
    case HTTPParserError.headerOverflow:
      refuse(
        context, HTTPResponseStatus(statusCode: 431, reasonPhrase: "Request Header Fields Too Large"),
        "the head of the request is larger than \(limits.headerBytes) bytes (limits.header_bytes)")
    case HTTPParserError.invalidMethod:
      let guess = peer.isTLS ? "" : " (TLS, perhaps, which this address does not speak)"
      refuse(context, .notImplemented, "this is no request of HTTP/1.1\(guess), or its method is not known here")
    case is HTTPParserError: refuse(context, .badRequest, "the request is not valid HTTP/1.1")
    default: context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, case .inputClosed = event {
      inputIsClosed = true
      switch phase {
      // It still may read the answer, and those of the requests that it sent along.
      case .exchanging(let exchange) where exchange.bodyIsComplete || !exchange.mayHaveBody: break
      case .waiting where !pipelined.isEmpty: break
      case .waiting where !isFirstRequest: endAfterFlush(context)
      case .closing: break
      default: context.close(promise: nil)
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  // MARK: Reading

  private func read(_ context: ChannelHandlerContext) {
    guard !readIsPending else { return }
    readIsPending = true
    context.read()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    readIsPending = false
    if wantsToRead { read(context) }
    context.fireChannelReadComplete()
  }

  private var wantsToRead: Bool {
    switch phase {
    // Who does not read answers gets no further requests read: they would pile up here.
    case .waiting: pipelined.isEmpty && isWritable
    case .exchanging(let exchange):
      !exchange.bodyIsComplete && !inputIsBroken && (exchange.answer != nil || exchange.request.body.wantsMore)
        && (!exchange.expectsContinue || exchange.continueWasSent || exchange.answer != nil)
    case .lingering: true
    case .closing, .closed: false
    }
  }

  /// The reader of the body has room, or waits.
  func bodyIsDemanded(_ context: ChannelHandlerContext, by exchange: Exchange) {
    guard case .exchanging(let current) = phase, current === exchange, exchange.answer == nil else { return }
    if exchange.expectsContinue && !exchange.continueWasSent && !exchange.bodyIsComplete {
      exchange.continueWasSent = true
      sendContinue(context)
    }
    if wantsToRead { read(context) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    // What is kept goes first.
    if !pipelined.isEmpty { return hold(part) }
    if case .waiting = phase, !isWritable { return hold(part) }
    receive(context, part)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isWritable = context.channel.isWritable
    if isWritable, case .waiting = phase {
      replay(context)
      if wantsToRead { read(context) }
    }
    context.fireChannelWritabilityChanged()
  }

  /// Keeps a part of a later request. A client that pipelines more than the limit gets the answers so far and is let go.
  private func hold(_ part: HTTPServerRequestPart) {
    guard pipelined.count < Self.pipelineLimit else {
      isDraining = true
      return
    }
    pipelined.append(part)
  }

  /// Parts of requests that are kept while another one is answered.
  static let pipelineLimit = 1024

  private func receive(_ context: ChannelHandlerContext, _ part: HTTPServerRequestPart) {
    switch (phase, part) {
    case (.waiting, .head(let head)): begin(context, head)
    case (.waiting, _): break
    case (.exchanging(let exchange), _) where exchange.bodyIsComplete:
      hold(part)
    case (.exchanging(let exchange), .body(let chunk)):
      exchange.bytesIn += Int64(chunk.readableBytes)
      pace.moved(chunk.readableBytes)
      if exchange.answer == nil, exchange.mayHaveBody { _ = exchange.request.body.deliver(chunk) }
    case (.exchanging(let exchange), .end):
      exchange.bodyIsComplete = true
      exchange.request.body.finish()
      if exchange.answer == nil {
        if !exchange.handlerHasStarted { start(context, exchange) }
      } else if exchange.isAnswered {
        // The answer went out before the body's end.
        next(context)
      }
    case (.exchanging, .head): break
    case (.lingering, _), (.closing, _), (.closed, _): break
    }
  }

  private func begin(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
    isFirstRequest = false
    pace.restart(at: services.time.monotonicNanoseconds)
    let (path, query) = RequestTarget.split(head.uri)
    let contentLength = head.headers.first(name: "content-length").flatMap { Int64($0) }
    let hasBody = (contentLength ?? 0) > 0 || head.headers.contains(name: "transfer-encoding")
    let isHTTP2: Bool
    if case .http2 = mode { isHTTP2 = true } else { isHTTP2 = false }
    // In HTTP/2 the codec says which requests have a body in the same two headers.
    let mayHaveBody = hasBody
    let box = mayHaveBody ? ExchangeBox() : nil
    let request = Request(
      method: head.method, path: path, queryText: query, headers: head.headers,
      body: box.map { body(context, of: $0) } ?? .none,
      contentLength: contentLength ?? (mayHaveBody ? nil : 0), peer: peer, loop: LoopExecutor(context.eventLoop),
      id: services.nextRequestID())
    let expects = head.headers.first(name: "expect").map { $0.lowercased() == "100-continue" } ?? false
    let exchange = Exchange(
      request, isKeepAlive: head.isKeepAlive && !isDraining,
      expectsContinue: expects && hasBody && head.version != .http1_0,
      isHTTP10: head.version == .http1_0, mayHaveBody: mayHaveBody,
      startedAt: services.time.monotonicNanoseconds)
    box?.exchange = exchange
    phase = .exchanging(exchange)
    if head.method == .CONNECT || head.headers.contains(name: "upgrade") {
      // The decoder takes what follows for another protocol, whether or not we change to it (we never do).
      exchange.isKeepAlive = false
    }
    if let problem = RequestTarget.problem(head, isHTTP2: isHTTP2) {
      exchange.isKeepAlive = false
      return answer(context, exchange, services.responder.refusal(.badRequest, problem))
    }
    if !mayHaveBody, let response = services.responder.answerAtHand(request) {
      // The end of this request is on its way and is taken as such; it has no body.
      return answer(context, exchange, response)
    }
    // A small body is gathered first, so that its handler runs once and without waiting.
    let gathers = !exchange.expectsContinue && (contentLength.map { $0 <= ConnectionLimits.gatherLimitBytes } ?? false)
    if !gathers || !hasBody { start(context, exchange) }
  }

  private func body(_ context: ChannelHandlerContext, of box: ExchangeBox) -> RequestBody {
    let connection = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    return RequestBody {
      connection.eventLoop.execute {
        let (connection, context) = connection.value
        if let exchange = box.exchange { connection.bodyIsDemanded(context, by: exchange) }
      }
    }
  }

  private final class ExchangeBox: @unchecked Sendable {
    // Set once, before the body can be demanded, and read on the same event loop.
    weak var exchange: Exchange?
  }

  private func start(_ context: ChannelHandlerContext, _ exchange: Exchange) {
    exchange.handlerHasStarted = true
    let connection = NIOLoopBound((self, context, exchange), eventLoop: context.eventLoop)
    let request = exchange.request
    let responder = services.responder
    services.inFlight.increment()
    let inFlight = services.inFlight
    Task(executorPreference: services.workers(for: request)) {
      let response = await responder.respond(to: request)
      inFlight.decrement()
      connection.eventLoop.execute {
        let (connection, context, exchange) = connection.value
        connection.answer(context, exchange, response)
      }
    }
  }

  // MARK: After an answer

  /// Goes on with the next request, or ends the connection.
  func next(_ context: ChannelHandlerContext) {
    guard case .exchanging(let exchange) = phase else { return }
    guard !closes(after: exchange), !(inputIsClosed && pipelined.isEmpty) else { return endAfterFlush(context) }
    phase = .waiting(since: services.time.monotonicNanoseconds)
    replay(context)
    if wantsToRead { read(context) }
  }

  /// Takes up the requests that came along with an earlier one.
  private func replay(_ context: ChannelHandlerContext) {
    // An answer from memory comes back here; only the outermost call goes on, or the stack would grow with the pipeline.
    guard !isReplaying else { return }
    isReplaying = true
    defer { isReplaying = false }
    while let part = pipelined.first {
      // A new request waits for room; the rest of one that is begun must not, for nobody would come back to it.
      if case .waiting = phase {
        guard isWritable else { return }
      } else if !wantsPart {
        return
      }
      pipelined.removeFirst()
      receive(context, part)
    }
    if inputIsClosed, case .waiting = phase { endAfterFlush(context) }
  }

  /// Whether the current exchange still waits for parts of its own request.
  private var wantsPart: Bool {
    if case .exchanging(let exchange) = phase { !exchange.bodyIsComplete } else { false }
  }

  func closes(after exchange: Exchange) -> Bool { !exchange.isKeepAlive || isDraining }

  /// Stops taking requests: closes now when idle, else after the answer.
  func drain(_ context: ChannelHandlerContext) {
    isDraining = true
    if case .waiting = phase { endAfterFlush(context) }
  }

  /// Closes when the client has taken what is queued; closing at once would throw that away.
  private func endAfterFlush(_ context: ChannelHandlerContext) {
    phase = .closing(until: services.time.monotonicNanoseconds + limits.bodyStallTimeout.wholeMicroseconds * 1000)
    guard case .http1 = mode else { return context.close(promise: nil) }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
    context.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer())), promise: promise)
  }
}

extension TimeAmount {
  init(_ duration: Duration) { self = .nanoseconds(duration.wholeMicroseconds * 1000) }
}
