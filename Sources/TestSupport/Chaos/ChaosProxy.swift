import Glibc
import Ground
import Synchronization

/// A TCP proxy on a free port of 127.0.0.1 that treats connections badly, by a plan and a seed, or when told to.
///
/// What happens to connection number *n* follows from the seed alone, so a failing run can be repeated.
public final class ChaosProxy: Sendable {
  private struct State {
    var target: UInt16
    var plan: ChaosPlan
    var isSilent = false
    var refuses = false
    var links: [Int: ChaosLink] = [:]
  }

  public let seed: UInt64
  private let state: Mutex<State>
  private let listener: OnceSet<ProxyListener>

  /// Starts to listen.
  ///
  /// - Parameter port: where connections go to, at 127.0.0.1.
  public init(to port: UInt16, seed: UInt64 = 0, plan: ChaosPlan = .calm) throws {
    self.seed = seed
    state = Mutex(State(target: port, plan: plan))
    listener = OnceSet()
    listener.set(try ProxyListener { [weak self] client, number in self?.serve(client, number) })
  }

  deinit { stop() }

  /// Where it listens.
  public var port: UInt16 { listener.value?.port ?? 0 }
  /// How many connections it has taken.
  public var connections: Int { listener.value?.connections ?? 0 }

  /// Another plan for the connections that come from now on.
  public func follow(_ plan: ChaosPlan) { state.withLock { $0.plan = plan } }

  /// New connections go to another server; those that exist stay.
  public func redirect(to port: UInt16) { state.withLock { $0.target = port } }

  /// Whether connections are ended as soon as they are opened.
  public func refuseConnections(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

  /// Whether nothing is passed on, in no direction, on no connection; bytes are kept, and go on when it ends.
  public func silence(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

  /// Breaks all connections with a reset.
  public func cutAll() {
    let links = state.withLock { Array($0.links.values) }
    for link in links { link.abort(withReset: true) }
  }

  /// Ends all connections and takes no more.
  public func stop() {
    listener.value?.stop()
    cutAll()
  }

  private func serve(_ client: ProxySocket, _ number: Int) {
    let (target, plan, refuses) = state.withLock { ($0.target, $0.plan, $0.refuses) }
    let fate = plan.fate(seed: seed, connection: number)
    guard !refuses, !fate.isRefused, let server = try? ProxySocket.connect(to: target) else { return }
    let link = ChaosLink(client: client, server: server, fate: fate, silence: plan.silence) { [weak self] in
      self?.state.withLock { $0.isSilent } ?? false
    }
    state.withLock { $0.links[number] = link }
    link.run()
    state.withLock { $0.links[number] = nil }
  }
}

/// A value that is set once, soon after its owner is made.
final class OnceSet<Value: Sendable>: Sendable {
  private let kept = Mutex<Value?>(nil)

  func set(_ value: Value) { kept.withLock { $0 = value } }

  var value: Value? { kept.withLock { $0 } }
}
