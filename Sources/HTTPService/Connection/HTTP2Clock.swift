import Ground
import NIOCore
import NIOHTTP2

/// Ends an HTTP/2 connection on which nothing is asked: its first request has the time of a head, and between requests it may
/// be idle. NIO's own farewell waits for the client's answer for as long as the client likes; this does not.
final class HTTP2Clock: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let time: any TimeSource
  private let limits: ConnectionLimits
  private var open: Set<HTTP2StreamID> = []
  private var isFirstRequest = true
  private var quietSince: Int64
  private var tick: Scheduled<Void>?

  init(_ services: ConnectionServices) {
    time = services.time
    limits = services.limits
    quietSince = services.time.monotonicNanoseconds
  }

  /// Its channel is active already: the protocol is chosen after the handshake.
  func handlerAdded(context: ChannelHandlerContext) { scheduleTick(context) }

  func channelInactive(context: ChannelHandlerContext) {
    tick?.cancel()
    context.fireChannelInactive()
  }

  private func scheduleTick(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    tick = context.eventLoop.scheduleTask(in: TimeAmount(limits.tick)) {
      let (clock, context) = bound.value
      if clock.isOverdue { return context.close(promise: nil) }
      clock.scheduleTick(context)
    }
  }

  private var isOverdue: Bool {
    guard open.isEmpty else { return false }
    let limit = isFirstRequest ? limits.headerTimeout : limits.idleTimeout + ConnectionLimits.farewellTimeout
    return time.monotonicNanoseconds - quietSince > limit.wholeMicroseconds * 1000
  }

  fileprivate func opened(_ id: HTTP2StreamID) {
    isFirstRequest = false
    open.insert(id)
  }

  fileprivate func closed(_ id: HTTP2StreamID) {
    open.remove(id)
    quietSince = time.monotonicNanoseconds
  }
}

/// Tells both who end connections of the streams that come and go. All of them live on the connection's event loop.
struct HTTP2StreamWatch: NIOHTTP2StreamDelegate {
  private let clock: NIOLoopBound<HTTP2Clock>
  private let management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate

  init(
    _ clock: HTTP2Clock, _ management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate,
    eventLoop: any EventLoop
  ) {
    self.clock = NIOLoopBound(clock, eventLoop: eventLoop)
    self.management = management
  }

  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
    clock.value.opened(id)
    management.streamCreated(id, channel: channel)
  }

  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
    clock.value.closed(id)
    management.streamClosed(id, channel: channel)
  }
}
