import BlobStorage
import NIOCore
import NIOHTTP1

// How an answer is sent whose bytes come from an object store while they are sent.
extension HTTPConnection {
  /// So many bytes may wait in the channel before the next are fetched; the same again is on its way to it.
  private static let streamWindowBytes = 256 << 10

  /// Sends what comes, and no faster than the client takes it.
  func sendStream(
    _ context: ChannelHandlerContext, _ exchange: Exchange, _ chunks: BlobChunks, on executor: any TaskExecutor,
    closes: Bool
  ) {
    let bound = NIOLoopBound((self, context, exchange), eventLoop: context.eventLoop)
    exchange.stream = Self.start(chunks, bound, on: executor, closes: closes)
  }

  // Apart: the checker of Swift 6.3 does not understand a task's closure where the handler itself is at hand.
  private static func start(
    _ chunks: BlobChunks, _ bound: Bound, on executor: any TaskExecutor, closes: Bool
  ) -> Task<Void, Never> {
    Task(executorPreference: executor) { await run(chunks, bound, closes: closes) }
  }

  private static func run(_ chunks: BlobChunks, _ bound: Bound, closes: Bool) async {
    do {
      try await pump(chunks, bound)
      bound.eventLoop.execute { endStream(bound, closes: closes, failure: nil) }
    } catch {
      bound.eventLoop.execute { endStream(bound, closes: closes, failure: error) }
    }
  }

  private static func pump(_ chunks: BlobChunks, _ bound: Bound) async throws {
    var window = 0
    var written: EventLoopFuture<Void>?
    for try await chunk in chunks {
      window += chunk.readableBytes
      guard window >= streamWindowBytes else {
        onLoop(bound) { write(chunk, bound, nil) }
        continue
      }
      window = 0
      let promise = bound.eventLoop.makePromise(of: Void.self)
      onLoop(bound) { write(chunk, bound, promise) }
      try await written?.get()
      written = promise.futureResult
    }
    try await written?.get()
  }

  /// At once, when this is the loop already.
  private static func onLoop(_ bound: Bound, _ body: @escaping @Sendable () -> Void) {
    if bound.eventLoop.inEventLoop { body() } else { bound.eventLoop.execute(body) }
  }

  private typealias Bound = NIOLoopBound<(HTTPConnection, ChannelHandlerContext, Exchange)>

  private static func write(_ chunk: ByteBuffer, _ bound: Bound, _ promise: EventLoopPromise<Void>?) {
    let (connection, context, exchange) = bound.value
    exchange.queuedBytes += Int64(chunk.readableBytes)
    let length = Int64(chunk.readableBytes)
    let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
    let count = NIOLoopBound(exchange, eventLoop: context.eventLoop)
    sent.futureResult.whenSuccess { count.value.bytesOut += length }
    context.writeAndFlush(connection.wrapped(chunk), promise: sent)
  }

  private func wrapped(_ chunk: ByteBuffer) -> NIOAny {
    switch mode {
    case .http1: NIOAny(IOData.byteBuffer(chunk))
    case .http2: NIOAny(HTTPServerResponsePart.body(.byteBuffer(chunk)))
    }
  }

  private static func endStream(_ bound: Bound, closes: Bool, failure: (any Error)?) {
    let (connection, context, exchange) = bound.value
    exchange.stream = nil
    if let failure {
      // The head promised more: only closing tells the client.
      if !(failure is CancellationError) { exchange.answer?.note = "the answer broke off: \(failure)" }
      return connection.giveUp(context, exchange)
    }
    connection.endBody(context, exchange, closes: closes)
  }
}

/// Runs the jobs of a task on an event loop: what comes from one connection of the loop and goes to another needs no other
/// thread. For tasks that never block.
final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
