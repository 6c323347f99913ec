import Synchronization

/// An HTTP/1.1 proxy on a free port of 127.0.0.1 that treats requests badly, by a plan and a seed: for the links on which HTTP
/// is spoken, between clients and the registry.
///
/// What happens to request number *k* of connection number *n* follows from the seed alone, so a failing run can be repeated.
/// Requests pass unchanged, with their `Host`. Between the registry and an S3 server an ``S3Recorder`` does the same.
public final class HTTPChaosProxy: Sendable {
  private struct State {
    var plan: ExchangePlan
    var duplicates = 0
    var links: [Int: (client: ProxySocket, server: ProxySocket)] = [:]
  }

  public let seed: UInt64
  private let target: UInt16
  private let state: Mutex<State>
  private let listener = OnceSet<ProxyListener>()

  /// Starts to listen.
  ///
  /// - Parameter port: where connections go to, at 127.0.0.1.
  public init(to port: UInt16, seed: UInt64 = 0, plan: ExchangePlan = ExchangePlan()) throws {
    self.seed = seed
    target = port
    state = Mutex(State(plan: plan))
    listener.set(try ProxyListener { [weak self] client, number in self?.serve(client, number) })
  }

  deinit { stop() }

  /// Where it listens.
  public var port: UInt16 { listener.value?.port ?? 0 }

  /// Another plan for the requests that come from now on.
  public func follow(_ plan: ExchangePlan) { state.withLock { $0.plan = plan } }

  /// How many requests were chosen to be sent twice.
  public var duplicates: Int { state.withLock { $0.duplicates } }

  /// Ends all connections and takes no more.
  public func stop() {
    listener.value?.stop()
    let links = state.withLock { Array($0.links.values) }
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
    while relay.next(fault: { _ in self.fault(number, count) }) != nil {
      count += 1
      if relay.hasEnded { break }
    }
    state.withLock { $0.links[number] = nil }
  }

  private func fault(_ connection: Int, _ exchange: Int) -> HTTPFault? {
    state.withLock { state in
      let fault = state.plan.fault(seed: seed, connection: connection, exchange: exchange)
      // Counted before its answer is there, so that whoever has the answer finds it counted.
      if fault == .duplicate { state.duplicates += 1 }
      return fault
    }
  }
}
