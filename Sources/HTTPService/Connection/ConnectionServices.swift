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

  func workers(for request: Request) -> WorkerPool {
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
  private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

  func add(_ connection: HTTPConnection, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((connection, context), eventLoop: context.eventLoop)
    let entry = Entry(
      drain: {
        bound.eventLoop.execute {
          let (connection, context) = bound.value
          connection.drain(context)
        }
      },
      close: { bound.eventLoop.execute { bound.value.1.close(promise: nil) } })
    entries.withLock { $0[ObjectIdentifier(connection)] = entry }
  }

  func remove(_ connection: HTTPConnection) {
    entries.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(connection)) }
  }

  var count: Int { entries.withLock { $0.count } }

  func drainAll() { for entry in entries.withLock({ Array($0.values) }) { entry.drain() } }
  func closeAll() { for entry in entries.withLock({ Array($0.values) }) { entry.close() } }
}
