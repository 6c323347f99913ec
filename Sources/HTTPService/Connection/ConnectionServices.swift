import Ground
import NIOCore
import NIOHTTP1
import Synchronization

/// What all connections of a server share.
final class ConnectionServices: Sendable {
  let responder: any Responder
  private let settings: Live<HTTPServiceSettings>
  let time: any TimeSource
  let connections = OpenConnections()
  let inFlight = InFlight()
  private let workers: WorkerPool
  private let uploadWorkers: WorkerPool
  private let requestIDPrefix: String
  private let requestNumber = Atomic<Int>(1)

  /// - Parameters:
  ///   - workers: for requests that are over soon.
  ///   - uploadWorkers: for bodies that stream, so that those never wait behind them.
  init(
    responder: any Responder, settings: Live<HTTPServiceSettings>, time: any TimeSource, random: any RandomSource,
    workers: WorkerPool, uploadWorkers: WorkerPool
  ) {
    self.responder = responder
    self.settings = settings
    self.time = time
    self.workers = workers
    self.uploadWorkers = uploadWorkers
    requestIDPrefix = random.hexadecimal(byteCount: 4)
  }

  var limits: ConnectionLimits { settings.value.limits }

  /// Where a request is handled; nil is no thread of ours: pages for operators never block, and must not wait behind what
  /// does.
  func workers(for request: Request) -> WorkerPool? {
    if RegistryRoutes.operatorPaths.contains(request.path) { return nil }
    let isStream = request.contentLength.map { $0 > ConnectionLimits.gatherLimitBytes } ?? true
    return isStream ? uploadWorkers : workers
  }

  func nextRequestID() -> String {
    "\(requestIDPrefix)-\(requestNumber.wrappingAdd(1, ordering: .relaxed).oldValue)"
  }
}

/// Requests that a handler is working on.
final class InFlight: Sendable {
  private let number = Atomic<Int>(0)
  func increment() { number.wrappingAdd(1, ordering: .relaxed) }
  func decrement() { number.wrappingSubtract(1, ordering: .relaxed) }
  var count: Int { number.load(ordering: .relaxed) }
}

/// The connections that are open, so that a shutdown can reach them.
final class OpenConnections: Sendable {
  private struct Entry: Sendable {
    let drain: @Sendable () -> Void
    let close: @Sendable () -> Void
  }
  private struct State {
    var entries: [ObjectIdentifier: Entry] = [:]
    var isDraining = false
  }
  private let state = Mutex(State())
  private let sockets = Atomic<Int>(0)

  /// Sockets that were accepted and are open: also those whose handshake is not over, and once each for HTTP/2.
  var socketCount: Int { sockets.load(ordering: .relaxed) }

  func countSocket(_ channel: any Channel) {
    sockets.wrappingAdd(1, ordering: .relaxed)
    channel.closeFuture.whenComplete { _ in self.sockets.wrappingSubtract(1, ordering: .relaxed) }
  }

  /// - Returns: whether the server is draining already.
  func add(_ connection: HTTPConnection, _ context: ChannelHandlerContext) -> Bool {
    let bound = NIOLoopBound((connection, context), eventLoop: context.eventLoop)
    return add(
      ObjectIdentifier(connection),
      drain: {
        bound.eventLoop.execute {
          let (connection, context) = bound.value
          connection.drain(context)
        }
      },
      close: { bound.eventLoop.execute { bound.value.1.close(promise: nil) } })
  }

  /// An HTTP/2 connection: draining tells it to take no more streams.
  func add(http2 channel: any Channel) {
    let isDraining = add(
      ObjectIdentifier(channel),
      drain: { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) },
      close: { channel.close(promise: nil) })
    channel.closeFuture.whenComplete { _ in self.remove(ObjectIdentifier(channel)) }
    if isDraining { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
  }

  private func add(
    _ key: ObjectIdentifier, drain: @escaping @Sendable () -> Void, close: @escaping @Sendable () -> Void
  ) -> Bool {
    state.withLock { state in
      state.entries[key] = Entry(drain: drain, close: close)
      return state.isDraining
    }
  }

  func remove(_ connection: HTTPConnection) { remove(ObjectIdentifier(connection)) }

  private func remove(_ key: ObjectIdentifier) { state.withLock { _ = $0.entries.removeValue(forKey: key) } }

  var count: Int { state.withLock { $0.entries.count } }

  func drainAll() {
    let entries = state.withLock { state in
      state.isDraining = true
      return Array(state.entries.values)
    }
    for entry in entries { entry.drain() }
  }

  func closeAll() { for entry in state.withLock({ Array($0.entries.values) }) { entry.close() } }
}
