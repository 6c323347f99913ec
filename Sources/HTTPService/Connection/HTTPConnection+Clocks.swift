import Ground
import NIOCore
import NIOHTTP1

/// How many bytes a body moved, seen at the ticks of the clock.
struct Pace {
  private var bytes = 0
  private var windowStart: Int64 = 0
  private var lastMove: Int64 = 0
  private var bytesAtLastLook = 0
  private var bytesBefore = 0

  /// Begins a new body.
  mutating func restart(at now: Int64) {
    bytes = 0
    bytesBefore = 0
    beginWindow(at: now)
  }

  private mutating func beginWindow(at now: Int64) {
    bytesBefore += bytes
    bytes = 0
    bytesAtLastLook = 0
    windowStart = now
    lastMove = now
  }

  mutating func moved(_ count: Int) { bytes += count }

  mutating func reached(_ total: Int) { bytes = max(bytes, total - bytesBefore) }

  /// Whether nothing moved for too long, or too little in a whole window.
  mutating func isTooSlow(now: Int64, _ limits: ConnectionLimits) -> Bool {
    if bytes != bytesAtLastLook {
      bytesAtLastLook = bytes
      lastMove = now
    }
    if now - lastMove > limits.bodyStallTimeout.wholeMicroseconds * 1000 { return true }
    let window = limits.minimumRateWindow
    guard now - windowStart >= window.wholeMicroseconds * 1000 else { return false }
    let least = Double(limits.minimumRateBytes) * window.inSeconds
    defer { beginWindow(at: now) }
    return Double(bytes) < least
  }
}

// What ends connections whose clients are too slow. Looked at every few seconds, not timed for each event.
extension HTTPConnection {
  func lookAtClocks(_ context: ChannelHandlerContext) {
    let now = services.time.monotonicNanoseconds
    switch phase {
    case .waiting(let since):
      let limit = isFirstRequest ? limits.headerTimeout : limits.idleTimeout
      if now - since > limit.wholeMicroseconds * 1000 { close(context) }
    case .exchanging(let exchange):
      if exchange.answer != nil {
        // What waits in the channel moves in the kernel's time, so it is asked for.
        let waiting = waitingBytes(context, exchange)
        pace.reached(Int(exchange.queuedBytes) - waiting)
        let isOver = waiting == 0 && (exchange.bodyIsComplete || !exchange.mayHaveBody)
        if !isOver && pace.isTooSlow(now: now, limits) { close(context) }
      } else if !exchange.bodyIsComplete && readIsPending && (!exchange.expectsContinue || exchange.continueWasSent) {
        guard pace.isTooSlow(now: now, limits) else { return }
        exchange.isKeepAlive = false
        exchange.request.body.fail(.stalled)
        if !exchange.handlerHasStarted {
          answer(context, exchange, services.responder.refusal(.requestTimeout, "the body came too slowly"))
        }
      } else {
        // The handler is at work, or its reader is behind: that is not the client's fault.
        pace.restart(at: now)
      }
    case .lingering(let until), .closing(let until): if now > until { close(context) }
    case .closed: break
    }
  }

  /// Bytes of the answer that the client has not taken.
  private func waitingBytes(_ context: ChannelHandlerContext, _ exchange: Exchange) -> Int {
    switch mode {
    case .http1: (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    // A stream's channel does not know the option, and traps.
    case .http2: Int(exchange.queuedBytes - exchange.bytesOut)
    }
  }

  private func close(_ context: ChannelHandlerContext) { context.close(promise: nil) }
}
