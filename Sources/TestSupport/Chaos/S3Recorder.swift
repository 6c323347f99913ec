import Glibc
import Synchronization

/// An HTTP proxy in front of an S3 server that keeps account of what is asked of it, and lets faults happen.
///
/// Requests pass unchanged, with their `Host`, so that signatures stay valid.
public final class S3Recorder: Sendable {
  /// A request with its answer.
  public struct Exchange: Sendable {
    public let operation: S3Operation
    public let target: String
    /// 0 when the client got no answer.
    public let status: Int
    /// Bytes of the body of the request, as framed: with what a signed stream adds. 0 when
    /// the request met with ``HTTPFault/status(_:)``: the server has not seen it.
    public let bytesUp: Int
    public let bytesDown: Int
  }

  private struct State {
    var exchanges: [Exchange] = []
    var rules: [S3FaultRule] = []
    var plan = ExchangePlan()
    var seed: UInt64 = 0
    var held = 0
    var links: [Int: (client: ProxySocket, server: ProxySocket)] = [:]
  }

  private let target: UInt16
  private let state = Mutex(State())
  private let listener = OnceSet<ProxyListener>()

  /// Starts to listen.
  public init(to server: ObjectStoreServer) throws {
    target = server.port
    listener.set(try ProxyListener { [weak self] client, number in self?.serve(client, number) })
  }

  deinit { stop() }

  /// Where it listens: for ``ObjectStoreServer/Bucket/location(throughPort:)``.
  public var port: UInt16 { listener.value?.port ?? 0 }

  /// All exchanges that have ended, in the order of their ends.
  public var exchanges: [Exchange] { state.withLock { $0.exchanges } }

  /// How often each operation has been asked for.
  public var counts: [S3Operation: Int] {
    exchanges.reduce(into: [:]) { $0[$1.operation, default: 0] += 1 }
  }

  /// Bytes of the bodies of all requests.
  public var bytesUp: Int { exchanges.reduce(0) { $0 + $1.bytesUp } }
  /// Bytes of the bodies of all answers.
  public var bytesDown: Int { exchanges.reduce(0) { $0 + $1.bytesDown } }

  /// Forgets what has been asked so far.
  public func forget() { state.withLock { $0.exchanges = [] } }

  /// Lets faults happen from now on, in place of those before; the first rule that fits is followed.
  public func follow(_ rules: [S3FaultRule]) { state.withLock { $0.rules = rules } }

  /// Lets faults happen by chance from now on, to requests that no rule fits: what happens to request number *k* of connection
  /// number *n* follows from the seed alone.
  public func follow(_ plan: ExchangePlan, seed: UInt64) {
    state.withLock { ($0.plan, $0.seed) = (plan, seed) }
  }

  /// How many requests are held (``HTTPFault/hold``).
  public var held: Int { state.withLock { $0.held } }

  /// Ends all connections and takes no more.
  public func stop() {
    listener.value?.stop()
    let links = state.withLock { state in
      state.rules = []
      return Array(state.links.values)
    }
    for link in links {
      link.client.abort(withReset: true)
      link.server.abort(withReset: true)
    }
  }

  private func serve(_ client: ProxySocket, _ number: Int) {
    guard let server = try? ProxySocket.connect(to: target) else { return }
    state.withLock { $0.links[number] = (client, server) }
    var relay = HTTPRelay(client: client, server: server, target: target)
    var count = 0
    while let exchange = relay.next(fault: { self.takeFault($0, number, count) }, hold: { self.hold() }) {
      count += 1
      let seen = Exchange(
        operation: S3Operation(exchange.request), target: exchange.request.target, status: exchange.status,
        bytesUp: exchange.bytesUp, bytesDown: exchange.bytesDown)
      state.withLock { $0.exchanges.append(seen) }
      if relay.hasEnded { break }
    }
    state.withLock { $0.links[number] = nil }
  }

  /// Waits as long as a rule says so.
  private func hold() {
    state.withLock { $0.held += 1 }
    while state.withLock({ state in state.rules.contains { $0.fault == .hold } }) { usleep(10_000) }
    state.withLock { $0.held -= 1 }
  }

  private func takeFault(_ request: HTTPHead, _ connection: Int, _ exchange: Int) -> HTTPFault? {
    let operation = S3Operation(request)
    return state.withLock { state in
      for index in state.rules.indices {
        let rule = state.rules[index]
        guard rule.operations.isEmpty || rule.operations.contains(operation), rule.times != 0 else { continue }
        state.rules[index].times = rule.times.map { $0 - 1 }
        return rule.fault
      }
      return state.plan.fault(seed: state.seed, connection: connection, exchange: exchange)
    }
  }
}
