import BlobStorage
import Glibc
import Ground
import NIOCore
import NIOHTTP1

// How an answer is sent.
extension HTTPConnection {
  /// Small bodies go out in one write with their head.
  private static let joinLimitBytes = 64 * 1024

  func sendContinue(_ context: ChannelHandlerContext) {
    switch mode {
    case .http1:
      context.writeAndFlush(
        NIOAny(IOData.byteBuffer(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))), promise: nil)
    case .http2:
      let head = HTTPResponseHead(version: .http2, status: .continue)
      context.writeAndFlush(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
    }
  }

  /// Answers a request that never became one, and closes.
  func refuse(_ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ message: String) {
    guard case .http1 = mode else { return context.close(promise: nil) }
    let response = services.responder.refusal(status, message)
    var buffer = context.channel.allocator.buffer(capacity: 512)
    ResponseHead.write(response, closes: true, keepsAliveExplicitly: false, date: date.current(), into: &buffer)
    if case .bytes(let bytes) = response.body { buffer.writeImmutableBuffer(bytes) }
    context.writeAndFlush(NIOAny(IOData.byteBuffer(buffer)), promise: nil)
    services.responder.didFinish(
      RequestRecord(
        request: nil, status: Int(status.code), bytesIn: 0, bytesOut: response.contentLength, nanoseconds: 0,
        wasCutShort: false, note: message))
    linger(context)
  }

  /// Reads and drops what still comes, for a moment: closing at once would reset the connection under the answer.
  private func linger(_ context: ChannelHandlerContext) {
    phase = .lingering(
      until: services.time.monotonicNanoseconds + ConnectionLimits.lingerTimeout.wholeMicroseconds * 1000)
    context.close(mode: .output, promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: TimeAmount(ConnectionLimits.lingerTimeout)) { bound.value.close(promise: nil) }
    context.read()
  }

  func answer(_ context: ChannelHandlerContext, _ exchange: Exchange, _ response: Response) {
    guard case .exchanging(let current) = phase, current === exchange, exchange.answer == nil else { return }
    var response = response
    if exchange.request.method == .HEAD { response = response.withoutBody() }
    if response.status.code >= 400 { response.headers.append(("x-request-id", exchange.request.id)) }
    exchange.answer = response
    pace.restart(at: services.time.monotonicNanoseconds)
    let closes = closes(after: exchange) || !canGoOn(after: exchange)
    switch mode {
    case .http1(let fromKernel): sendHTTP1(context, exchange, response, closes: closes, fromKernel: fromKernel)
    case .http2: sendHTTP2(context, exchange, response)
    }
  }

  /// Whether the rest of the request's body is little enough to be read away.
  private func canGoOn(after exchange: Exchange) -> Bool {
    if exchange.bodyIsComplete { return true }
    if exchange.expectsContinue && !exchange.continueWasSent { return false }
    guard let length = exchange.request.contentLength else { return false }
    return length - exchange.bytesIn <= ConnectionLimits.drainLimitBytes
  }

  // MARK: HTTP/1.1

  private func sendHTTP1(
    _ context: ChannelHandlerContext, _ exchange: Exchange, _ response: Response, closes: Bool, fromKernel: Bool
  ) {
    var bodyBytes = 0
    if case .bytes(let bytes) = response.body { bodyBytes = bytes.readableBytes }
    let joined = bodyBytes <= Self.joinLimitBytes ? bodyBytes : 0
    var buffer = context.channel.allocator.buffer(capacity: 512 + joined)
    ResponseHead.write(
      response, closes: closes, keepsAliveExplicitly: exchange.isHTTP10 && !closes, date: date.current(), into: &buffer)
    switch response.body {
    case .none: sendLast(context, exchange, NIOAny(IOData.byteBuffer(buffer)), bodyBytes: 0, closes: closes)
    case .bytes(let bytes) where bytes.readableBytes <= Self.joinLimitBytes:
      buffer.writeImmutableBuffer(bytes)
      sendLast(context, exchange, NIOAny(IOData.byteBuffer(buffer)), bodyBytes: bodyBytes, closes: closes)
    case .bytes(let bytes):
      context.write(NIOAny(IOData.byteBuffer(buffer)), promise: nil)
      sendLast(context, exchange, NIOAny(IOData.byteBuffer(bytes)), bodyBytes: bodyBytes, closes: closes)
    case .file(let blob, let range):
      let transfer = FileTransfer(blob, range, fromKernel: fromKernel)
      exchange.transfer = transfer
      sendFile(context, exchange, transfer, head: buffer, closes: closes)
    case .stream(let chunks, _, let executor):
      context.writeAndFlush(NIOAny(IOData.byteBuffer(buffer)), promise: nil)
      sendStream(context, exchange, chunks, on: executor, closes: closes)
    }
  }

  /// Sends the last of an answer whose body is in memory.
  ///
  /// A small one on a connection that stays needs no word of when it is gone; a large one keeps its exchange, and with it the
  /// clock that watches its reader, and a connection must not close over what is still queued.
  private func sendLast(
    _ context: ChannelHandlerContext, _ exchange: Exchange, _ data: NIOAny, bodyBytes: Int, closes: Bool
  ) {
    exchange.queuedBytes = Int64(bodyBytes)
    if !closes && bodyBytes <= Self.joinLimitBytes, case .http1 = mode {
      exchange.bytesOut = Int64(bodyBytes)
      context.writeAndFlush(data, promise: nil)
      return answered(context, exchange, closes: false)
    }
    let bound = NIOLoopBound((self, context, exchange), eventLoop: context.eventLoop)
    let promise = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(data, promise: promise)
    promise.futureResult.whenComplete { result in
      // Not on this stack, which may be that of the request's arrival.
      bound.eventLoop.execute {
        let (connection, context, exchange) = bound.value
        switch result {
        case .success:
          exchange.bytesOut = Int64(bodyBytes)
          connection.answered(context, exchange, closes: closes)
        case .failure: connection.giveUp(context, exchange)
        }
      }
    }
  }

  /// Ends an answer whose body is in the channel already.
  func endBody(_ context: ChannelHandlerContext, _ exchange: Exchange, closes: Bool) {
    let bound = NIOLoopBound((self, context, exchange), eventLoop: context.eventLoop)
    let promise = context.eventLoop.makePromise(of: Void.self)
    switch mode {
    case .http1: context.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer())), promise: promise)
    case .http2: context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: promise)
    }
    promise.futureResult.whenComplete { result in
      bound.eventLoop.execute {
        let (connection, context, exchange) = bound.value
        switch result {
        case .success: connection.answered(context, exchange, closes: closes)
        case .failure: connection.giveUp(context, exchange)
        }
      }
    }
  }

  /// The answer cannot be sent to its end.
  func giveUp(_ context: ChannelHandlerContext, _ exchange: Exchange) {
    exchange.transfer = nil
    finish(exchange, wasCutShort: true)
    phase = .closed
    context.close(promise: nil)
  }

  private func sendFile(
    _ context: ChannelHandlerContext, _ exchange: Exchange, _ transfer: FileTransfer, head: ByteBuffer, closes: Bool
  ) {
    var head = head
    if let socket = idleSocket(context) {
      let sent = transfer.sendAtOnce(&head, to: socket)
      exchange.queuedBytes = sent
      exchange.bytesOut = sent
    }
    if head.readableBytes > 0 {
      cork(context, true)
      transfer.isCorked = true
      context.write(NIOAny(IOData.byteBuffer(head)), promise: nil)
    }
    sendPiece(context, exchange, transfer, closes: closes) { NIOAny($0) }
  }

  /// The socket, where nothing waits in the channel to be sent on it before.
  private func idleSocket(_ context: ChannelHandlerContext) -> CInt? {
    guard case .http1(fromKernel: true) = mode, context.channel.isActive,
      let queued = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes), queued == 0
    else { return nil }
    return socket
  }

  /// While corked the kernel sends full segments only: the head goes out with the first of the body, not in a packet of its
  /// own (tcp(7), TCP_CORK).
  private func cork(_ context: ChannelHandlerContext, _ isCorked: Bool) {
    // On a unix socket there is nothing to cork, and the option's error says nothing.
    try? context.channel.syncOptions?.setOption(.tcpOption(.init(rawValue: TCP_CORK)), value: isCorked ? 1 : 0)
  }

  /// Sends one piece and, when it is gone, the next: back-pressure, and a turn for others between two pieces.
  private func sendPiece(
    _ context: ChannelHandlerContext, _ exchange: Exchange, _ transfer: FileTransfer, closes: Bool,
    wrap: @escaping (IOData) -> NIOAny
  ) {
    guard !transfer.isDone else {
      transfer.finish()
      exchange.transfer = nil
      if transfer.isCorked { cork(context, false) }
      if case .http2 = mode { context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: nil) }
      return answered(context, exchange, closes: closes)
    }
    let piece: IOData
    do {
      piece = try transfer.piece(allocator: context.channel.allocator)
    } catch {
      // The head promised more: only closing tells the client.
      transfer.finish()
      return giveUp(context, exchange)
    }
    let length = piece.readableBytes
    exchange.queuedBytes += Int64(length)
    let bound = NIOLoopBound((self, context, exchange, transfer, wrap), eventLoop: context.eventLoop)
    let promise = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrap(piece), promise: promise)
    promise.futureResult.whenComplete { result in
      let (connection, context, exchange, transfer, _) = bound.value
      switch result {
      case .success:
        exchange.bytesOut += Int64(length)
        // By way of the loop's queue: a kernel that takes every piece at once would else keep the loop, and grow the stack.
        bound.eventLoop.execute {
          let (connection, context, exchange, transfer, wrap) = bound.value
          connection.sendPiece(context, exchange, transfer, closes: closes, wrap: wrap)
        }
      case .failure:
        transfer.finish()
        connection.giveUp(context, exchange)
      }
    }
  }

  // MARK: HTTP/2

  private func sendHTTP2(_ context: ChannelHandlerContext, _ exchange: Exchange, _ response: Response) {
    context.write(NIOAny(HTTPServerResponsePart.head(ResponseHead.http2(response, date: date.current()))), promise: nil)
    var bodyBytes = 0
    switch response.body {
    case .none: break
    case .bytes(let bytes):
      bodyBytes = bytes.readableBytes
      if bytes.readableBytes > 0 {
        context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(bytes))), promise: nil)
      }
    case .file(let blob, let range):
      let transfer = FileTransfer(blob, range, fromKernel: false, isStream: true)
      exchange.transfer = transfer
      return sendPiece(context, exchange, transfer, closes: true) { NIOAny(HTTPServerResponsePart.body($0)) }
    case .stream(let chunks, _, let executor):
      return sendStream(context, exchange, chunks, on: executor, closes: true)
    }
    sendLast(context, exchange, NIOAny(HTTPServerResponsePart.end(nil)), bodyBytes: bodyBytes, closes: true)
  }

  // MARK: The end

  func answered(_ context: ChannelHandlerContext, _ exchange: Exchange, closes: Bool) {
    finish(exchange, wasCutShort: false)
    exchange.isAnswered = true
    guard case .exchanging(let current) = phase, current === exchange else { return }
    if case .http2 = mode {
      // One stream, one exchange; the codec closes the stream with the end of both sides. A little of a refused body is read
      // away, more of it ends the stream.
      guard exchange.mayHaveBody && !exchange.bodyIsComplete else { return }
      if canGoOn(after: exchange) { context.read() } else { context.close(promise: nil) }
      return
    }
    if closes {
      if exchange.bodyIsComplete || !exchange.mayHaveBody {
        phase = .closed
        context.close(promise: nil)
      } else {
        linger(context)
      }
      return
    }
    if exchange.bodyIsComplete { next(context) } else { context.read() }
  }

  /// Tells the log and the figures, once.
  func finish(_ exchange: Exchange, wasCutShort: Bool) {
    guard !exchange.isRecorded else { return }
    exchange.isRecorded = true
    let record = RequestRecord(
      request: exchange.request, status: exchange.answer.map { Int($0.status.code) } ?? 499,
      bytesIn: exchange.bytesIn, bytesOut: exchange.bytesOut,
      nanoseconds: services.time.monotonicNanoseconds - exchange.startedAt, wasCutShort: wasCutShort,
      note: exchange.answer?.note)
    services.responder.didFinish(record)
  }
}
