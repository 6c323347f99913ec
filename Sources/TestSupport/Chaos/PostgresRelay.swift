import Ground
import Synchronization

/// A proxy before a PostgreSQL that knows where statements begin and end, and cuts the connection at those that a test
/// chooses: before the server gets one, or after the server has done it and before anybody hears of it.
///
/// Statements are counted in the order in which they come, over all connections; `BEGIN` and `COMMIT` are statements too.
public final class PostgresRelay: Sendable {
  public enum Cut: Sendable, CaseIterable {
    /// The server never gets the statement.
    case before
    /// The server has done the statement, and its answer is lost.
    case after
  }

  /// Says for each statement, by its number from 0 on, whether the connection is cut at it.
  public typealias Choice = @Sendable (Int) -> Cut?

  private struct State {
    var count = 0
    var cuts = 0
    var choose: Choice = { _ in nil }
  }

  private let state = Mutex(State())
  private let serverPort: UInt16
  private let listener: OnceSet<ProxyListener>

  /// Starts to listen; cuts nothing until it is told to.
  public init(to server: PostgresServer) throws {
    serverPort = server.port
    listener = OnceSet()
    let port = server.port
    listener.set(
      try ProxyListener { [weak self] client, _ in
        guard let server = try? ProxySocket.connect(to: port) else { return }
        PostgresRelayLink(client: client, server: server) { [weak self] in self?.next() }.run()
      })
  }

  deinit { stop() }

  /// The way to a database through here, without encryption, which would hide the statements.
  ///
  /// - Parameter direct: its URL at the server, without parameters.
  public func url(_ direct: String) -> String {
    let port = listener.value?.port ?? 0
    return direct.replacing(":\(serverPort)/", with: ":\(port)/") + "?sslmode=disable&gssencmode=disable"
  }

  /// Counts from 0 again, and cuts as `choose` says.
  public func follow(_ choose: @escaping Choice) { state.withLock { $0 = State(choose: choose) } }

  /// Cuts no more, and goes on counting.
  public func rest() { state.withLock { $0.choose = { _ in nil } } }

  /// How many statements have come since it was told what to cut, and how many cuts that made.
  public var counts: (statements: Int, cuts: Int) { state.withLock { ($0.count, $0.cuts) } }

  /// Takes no more connections.
  public func stop() { listener.value?.stop() }

  private func next() -> Cut? {
    state.withLock { state in
      let cut = state.choose(state.count)
      state.count += 1
      if cut != nil { state.cuts += 1 }
      return cut
    }
  }
}

extension PostgresRelay {
  /// Cuts now and then, never twice within so many statements: whoever is cut tries again at once, and is let through.
  public static func occasionally(seed: UInt64, gap: Int = 200, spread: UInt64 = 800) -> Choice {
    let chance = SeededRandom(seed: seed)
    let next = Mutex(Int(chance.next() % spread))
    return { number in
      next.withLock { next in
        guard number >= next else { return nil }
        next = number + gap + Int(chance.next() % spread)
        return chance.next() % 2 == 0 ? .before : .after
      }
    }
  }
}

/// One connection through a ``PostgresRelay``.
///
/// Source: PostgreSQL's documentation, chapter "Frontend/Backend Protocol", "Message Formats" and "Pipelining".
private final class PostgresRelayLink: Sendable {
  private struct Progress {
    /// Statements that were passed on and not answered, by the sync that ends them; the last one is still open.
    var unanswered = [0]
    /// A statement failed: the server passes over what follows up to the next sync, and answers nothing.
    var hasFailed = false
    /// Nothing is passed to the client any more; the connection ends with the answer to what was passed on.
    var isLosing = false
  }

  private let client: ProxySocket
  private let server: ProxySocket
  private let cut: @Sendable () -> PostgresRelay.Cut?
  private let progress = Mutex(Progress())
  private let running = Countdown(2)

  init(client: ProxySocket, server: ProxySocket, cut: @escaping @Sendable () -> PostgresRelay.Cut?) {
    self.client = client
    self.server = server
    self.cut = cut
  }

  /// Passes messages on in both directions until both have ended.
  func run() {
    startThread {
      self.passAnswers()
      self.end()
      self.running.countDown()
    }
    passStatements()
    if !progress.withLock({ $0.isLosing }) { end() }
    running.countDown()
    running.wait()
  }

  private func end() {
    client.abort(withReset: true)
    server.abort(withReset: true)
  }

  private func passStatements() {
    var messages = PostgresMessages(client)
    guard let hello = messages.untyped(), server.send(hello) else { return }
    while let message = messages.next() {
      switch message[0] {
      case UInt8(ascii: "E"):
        switch cut() {
        case .before: return
        case .after:
          let isAnswered = progress.withLock { progress -> Bool in
            if progress.hasFailed && progress.unanswered.count == 1 { return false }
            progress.unanswered[progress.unanswered.count - 1] += 1
            progress.isLosing = true
            return true
          }
          guard isAnswered else { return }
          // So that the server answers at once what it has done.
          _ = server.send(message + [UInt8(ascii: "H"), 0, 0, 0, 4])
          return
        case nil: progress.withLock { $0.unanswered[$0.unanswered.count - 1] += 1 }
        }
      case UInt8(ascii: "S"): progress.withLock { $0.unanswered.append(0) }
      default: break
      }
      guard server.send(message) else { return }
    }
  }

  private func passAnswers() {
    var messages = PostgresMessages(server)
    var isReady = false
    while let message = messages.next() {
      let ends = progress.withLock { progress -> Bool in
        switch message[0] {
        case UInt8(ascii: "Z"):
          if isReady && progress.unanswered.count > 1 { progress.unanswered.removeFirst() }
          progress.hasFailed = false
        case UInt8(ascii: "C"), UInt8(ascii: "I"), UInt8(ascii: "s"): progress.unanswered[0] -= 1
        case UInt8(ascii: "E"):
          progress.unanswered[0] = 0
          progress.hasFailed = true
        default: break
        }
        return progress.isLosing && progress.unanswered.count == 1 && progress.unanswered[0] <= 0
      }
      isReady = isReady || message[0] == UInt8(ascii: "Z")
      if ends { return }
      if !progress.withLock({ $0.isLosing }) { guard client.send(message) else { return } }
    }
  }
}

/// Takes messages of PostgreSQL's protocol off a socket, exactly as they came.
private struct PostgresMessages {
  private let socket: ProxySocket
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ socket: ProxySocket) { self.socket = socket }

  /// The first message of a client, which has no type: the length of everything, then the rest.
  mutating func untyped() -> [UInt8]? { message(headed: 0) }

  /// The next message: its type, the length of what follows the type, the rest.
  mutating func next() -> [UInt8]? { message(headed: 1) }

  private mutating func message(headed head: Int) -> [UInt8]? {
    guard fill(head + 4) else { return nil }
    let length = buffer[(start + head)..<(start + head + 4)].reduce(0) { $0 << 8 | Int($1) }
    guard fill(head + length) else { return nil }
    defer { start += head + length }
    return Array(buffer[start..<(start + head + length)])
  }

  private mutating func fill(_ count: Int) -> Bool {
    if start > 0 && buffer.count - start < count {
      buffer.removeFirst(start)
      start = 0
    }
    while buffer.count - start < count {
      let bytes = socket.receive(upTo: 64 * 1024)
      if bytes.isEmpty { return false }
      buffer += bytes
    }
    return true
  }
}
