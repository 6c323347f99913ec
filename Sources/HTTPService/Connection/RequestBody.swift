import NIOCore
import Synchronization

/// The bytes of a request's body as they arrive, with back-pressure: while more than a bound waits here, the connection reads
/// nothing.
///
/// One consumer at a time iterates it, once. What is not read is not kept.
final class RequestBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  typealias Failure = any Error

  /// With the two hundred uploads at once of the benchmark, a hundred megabytes at the very most.
  static let highWaterBytes = 512 * 1024
  static let lowWaterBytes = 256 * 1024

  /// Why a body ended before its end.
  enum Interruption: Error, CustomStringConvertible {
    case disconnected, stalled, malformed
    var description: String {
      switch self {
      case .disconnected: "the client went away before it had sent everything"
      case .stalled: "the client sent too slowly"
      case .malformed: "the body is not valid HTTP/1.1"
      }
    }
  }

  private struct State {
    var chunks = CircularBuffer<ByteBuffer>()
    var waitingBytes = 0
    var isFinished = false
    var interruption: Interruption?
    var consumer: UnsafeContinuation<ByteBuffer?, any Error>?
    var isDemanded = false
  }

  private let state = Mutex(State())
  /// Called, on any thread, when the consumer waits for bytes, or has made room for more.
  private let onDemand: @Sendable () -> Void

  /// The body of every request that has none.
  static let none: RequestBody = {
    let body = RequestBody {}
    body.finish()
    return body
  }()

  init(onDemand: @escaping @Sendable () -> Void) { self.onDemand = onDemand }

  /// The whole body, when all of it is here; taking it leaves the body empty.
  private func takeIfComplete() -> ByteBuffer? {
    state.withLock { state in
      guard state.isFinished, state.interruption == nil else { return nil }
      guard var whole = state.chunks.popFirst() else { return ByteBuffer() }
      while let chunk = state.chunks.popFirst() { whole.writeImmutableBuffer(chunk) }
      state.waitingBytes = 0
      return whole
    }
  }

  /// All bytes in one buffer, or nil when there are more than `limit`.
  func collect(limit: Int) async throws -> ByteBuffer? {
    if let whole = takeIfComplete() { return whole.readableBytes <= limit ? whole : nil }
    var whole = ByteBuffer()
    for try await chunk in self {
      guard whole.readableBytes + chunk.readableBytes <= limit else { return nil }
      if whole.readableBytes == 0 { whole = chunk } else { whole.writeImmutableBuffer(chunk) }
    }
    return whole
  }

  // MARK: The connection's side

  /// Whether the connection should go on reading after this.
  func deliver(_ chunk: ByteBuffer) -> Bool {
    let (consumer, wantsMore) = state.withLock { state -> (UnsafeContinuation<ByteBuffer?, any Error>?, Bool) in
      if let consumer = state.consumer.take() { return (consumer, true) }
      state.chunks.append(chunk)
      state.waitingBytes += chunk.readableBytes
      return (nil, state.waitingBytes < Self.highWaterBytes)
    }
    consumer?.resume(returning: chunk)
    return wantsMore
  }

  func finish() {
    let consumer = state.withLock { state in
      state.isFinished = true
      return state.consumer.take()
    }
    consumer?.resume(returning: nil)
  }

  func fail(_ interruption: Interruption) {
    let consumer = state.withLock { state -> UnsafeContinuation<ByteBuffer?, any Error>? in
      if state.isFinished { return nil }
      state.isFinished = true
      state.interruption = interruption
      return state.consumer.take()
    }
    consumer?.resume(throwing: interruption)
  }

  var wantsMore: Bool { state.withLock { $0.waitingBytes < Self.highWaterBytes } }

  // MARK: The consumer's side

  func makeAsyncIterator() -> Iterator { Iterator(body: self) }

  struct Iterator: AsyncIteratorProtocol {
    let body: RequestBody
    mutating func next() async throws -> ByteBuffer? { try await body.next() }
    mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
      try await body.next()
    }
  }

  private func next() async throws -> ByteBuffer? {
    let (chunk, crossedLowWater) = takeChunk()
    if let chunk {
      if crossedLowWater { onDemand() }
      return chunk
    }
    return try await withUnsafeThrowingContinuation { continuation in
      let outcome = state.withLock { state -> Result<ByteBuffer?, any Error>? in
        if let chunk = state.chunks.popFirst() {
          state.waitingBytes -= chunk.readableBytes
          return .success(chunk)
        }
        if let interruption = state.interruption { return .failure(interruption) }
        if state.isFinished { return .success(nil) }
        precondition(state.consumer == nil, "one consumer at a time")
        state.consumer = continuation
        return nil
      }
      if let outcome { continuation.resume(with: outcome) } else { onDemand() }
    }
  }

  private func takeChunk() -> (ByteBuffer?, crossedLowWater: Bool) {
    state.withLock { state in
      guard let chunk = state.chunks.popFirst() else { return (nil, false) }
      let before = state.waitingBytes
      state.waitingBytes -= chunk.readableBytes
      return (chunk, before >= Self.lowWaterBytes && state.waitingBytes < Self.lowWaterBytes && !state.isFinished)
    }
  }
}
