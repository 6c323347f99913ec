import CLinux
import Glibc

/// GET or HEAD requests over kept connections for a while, answered bodies read and dropped.
///
/// A few threads serve all connections by epoll, so that the load takes as little as it can of the CPUs it shares with the
/// server.
struct GetLoad: Sendable {
  var port: UInt16
  var method = "GET"
  /// Asked for in turn; each connection starts at a different one.
  var targets: [String]
  /// How far into `targets` the connections begin.
  var offset = 0
  var connections: Int
  var seconds: Double
  var threads = 2

  /// - Throws: as soon as an answer is not 200.
  func run() throws -> LoadOutcome {
    let requests = targets.map {
      Array("\(method) \($0) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(acceptHeader)\r\n\r\n".utf8)
    }
    let deadline = nowNanoseconds() + UInt64(seconds * 1e9)
    let threads = min(threads, connections)
    let parts = try onThreads(threads) { [self] thread in
      let share = (thread..<connections).filter { $0 % threads == thread }
      return try GetWorker(load: self, requests: requests, share: share, deadline: deadline).run()
    }
    return .sum(parts)
  }
}

/// One thread's connections.
private final class GetWorker {
  private struct Connection {
    var descriptor: Int32
    var nextRequest: Int
    /// The beginning of a head that came in pieces.
    var partialHead: [UInt8] = []
    /// Bytes of the body still to come; nil before the head is complete.
    var remaining: Int?
    /// The last bytes of a body in chunks, whose end they tell; nil for a body of known length.
    var chunkedTail: [UInt8]?
    var closes = false
  }

  private let load: GetLoad
  private let requests: [[UInt8]]
  private let deadline: UInt64
  private let epoll: Int32
  private var connections: [Connection] = []
  private var active = 0
  private var outcome = LoadOutcome()
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 4096)

  init(load: GetLoad, requests: [[UInt8]], share: [Int], deadline: UInt64) throws {
    self.load = load
    self.requests = requests
    self.deadline = deadline
    epoll = epoll_create1(0)
    for number in share {
      let first = (number * requests.count / load.connections + load.offset) % requests.count
      connections.append(Connection(descriptor: -1, nextRequest: first))
    }
  }

  deinit {
    for connection in connections where connection.descriptor >= 0 { close(connection.descriptor) }
    close(epoll)
    buffer.deallocate()
  }

  func run() throws -> LoadOutcome {
    for index in connections.indices { try open(index) }
    active = connections.count
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while active > 0 {
      let count = epoll_wait(epoll, &events, Int32(events.count), 30_000)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw BenchError("no answer within 30 seconds") }
      for event in events[..<Int(count)] { try receive(Int(event.data.u32)) }
    }
    return outcome
  }

  private func open(_ index: Int) throws {
    let descriptor = try connectSocket(port: load.port)
    connections[index].descriptor = descriptor
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u32 = UInt32(index)
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    try ask(index)
  }

  private func ask(_ index: Int) throws {
    let request = connections[index].nextRequest
    connections[index].nextRequest = (request + 1) % requests.count
    try requests[request].withUnsafeBytes { try sendAll(connections[index].descriptor, $0) }
  }

  private func receive(_ index: Int) throws {
    let count = recv(connections[index].descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0 else { throw BenchError("the server closed a connection in the middle") }
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    if let tail = connections[index].chunkedTail {
      try takeChunked(index, tail + bytes.suffix(5))
      outcome.bytes += count
    } else if let remaining = connections[index].remaining {
      try advance(index, remaining: remaining - count)
    } else if connections[index].partialHead.isEmpty {
      try takeHead(index, bytes)
    } else {
      let joined = connections[index].partialHead + bytes
      try joined.withUnsafeBytes { try takeHead(index, $0) }
    }
  }

  private func takeHead(_ index: Int, _ bytes: UnsafeRawBufferPointer) throws {
    guard let (head, length) = try ResponseHead.parse(bytes) else {
      connections[index].partialHead = Array(bytes)
      return
    }
    connections[index].partialHead = []
    connections[index].closes = head.closesConnection
    guard head.status == 200 else { throw BenchError("\(load.method) answered \(head.status)") }
    guard let body = head.contentLength else {
      guard head.isChunked else { throw BenchError("an answer without a length") }
      return try takeChunked(index, Array(bytes[length...].suffix(5)))
    }
    outcome.bytes += load.method == "HEAD" ? 0 : body
    try advance(index, remaining: (load.method == "HEAD" ? 0 : body) - (bytes.count - length))
  }

  /// Looks for the empty chunk that ends a body. Lists are JSON, in which its five bytes do not occur.
  private func takeChunked(_ index: Int, _ bytes: [UInt8]) throws {
    let tail = Array(bytes.suffix(5))
    let isComplete = tail == Array("0\r\n\r\n".utf8)
    connections[index].chunkedTail = isComplete ? nil : tail
    if isComplete { try advance(index, remaining: 0) }
  }

  private func advance(_ index: Int, remaining: Int) throws {
    guard remaining <= 0 else {
      connections[index].remaining = remaining
      return
    }
    guard remaining == 0 else { throw BenchError("an answer longer than it said") }
    connections[index].remaining = nil
    outcome.operations += 1
    let isOver = nowNanoseconds() >= deadline
    if isOver || connections[index].closes {
      close(connections[index].descriptor)
      connections[index].descriptor = -1
    }
    if isOver {
      active -= 1
    } else if connections[index].closes {
      try open(index)
    } else {
      try ask(index)
    }
  }
}
