import Ground
import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

@testable import BlobStorage

/// Bytes that have come from clients and that the object store has not got yet, counted at every piece.
@Suite struct `What an upload holds in memory` {
  private static let pieceBytes = 64 << 10

  private final class Account: Sendable {
    private struct State {
      var given = 0
      var most = 0
      var mostTaken = 0
      var running = 0
    }
    private let state = Mutex(State())
    let objects = SimulatedObjects()

    var most: Int { state.withLock { $0.most } }
    var mostTaken: Int { state.withLock { $0.mostTaken } }
    var held: Int { state.withLock { $0.given } - objects.bytesReceived }
    var isRunning: Bool { state.withLock { $0.running > 0 } }

    func begin() { state.withLock { $0.running += 1 } }
    func end() { state.withLock { $0.running -= 1 } }
    func give(_ count: Int, taken: Int) {
      state.withLock { state in
        state.given += count
        // Inside: whatever was given since an earlier look had room that was free only by what arrived since.
        state.most = max(state.most, state.given - objects.bytesReceived)
        state.mostTaken = max(state.mostTaken, taken)
      }
    }
  }

  /// A client that is faster than any store.
  private struct Client: AsyncSequence, AsyncIteratorProtocol, Sendable {
    let account: Account
    let store: S3BlobStore
    var restBytes: Int

    func makeAsyncIterator() -> Client {
      account.begin()
      return self
    }

    mutating func next() async throws -> ByteBuffer? {
      await Task.yield()
      guard restBytes > 0 else {
        account.end()
        return nil
      }
      let count = Swift.min(restBytes, pieceBytes)
      restBytes -= count
      account.give(count, taken: store.bufferedBytes)
      return ByteBuffer(repeating: 7, count: count)
    }
  }

  @Test func `is two parts and the beginning of a third, however large the blob and slow the store`() async throws {
    let account = Account()
    let store = S3BlobStore(account.objects, ledger: SimulatedLedger(), bufferBytes: 1 << 30)
    let bound = S3BlobStore.leastPartBytes + S3BlobStore.roomBytes(partBytes: S3BlobStore.leastPartBytes)
    // A part is taken once the client has sent as much as it can without that.
    account.objects.setPause { name in
      guard name == "putPart" else { return }
      for _ in 0..<5000 where account.isRunning && account.held < bound {
        do { try await Task.sleep(for: .milliseconds(1)) } catch { return }
      }
    }
    let size = 60 << 20
    _ = try await store.append(
      Client(account: account, store: store, restBytes: size), to: .sample(), at: 0, AppendExtent(), limit: .max,
      hashing: .sha256)
    #expect(account.most >= bound)
    #expect(account.most <= bound + Self.pieceBytes)
    #expect(account.mostTaken <= bound)
    #expect(store.bufferedBytes == 0)
    #expect(try await store.offset(of: .sample()) == Int64(size))
  }

  @Test func `is the buffer of all, and a little for each, however many push at once`() async throws {
    let account = Account()
    let store = S3BlobStore(account.objects, ledger: SimulatedLedger(), bufferBytes: 1)
    account.objects.setPause { _ in for _ in 0..<20 { await Task.yield() } }
    let count = 6
    try await withThrowingTaskGroup { group in
      for number in 0..<count {
        group.addTask {
          _ = try await store.append(
            Client(account: account, store: store, restBytes: 15 << 20), to: .sample("many\(number)"), at: 0,
            AppendExtent(), limit: .max, hashing: .sha256)
        }
      }
      try await group.waitForAll()
    }
    // What lies in the ledger in the end is in no buffer any more.
    let inRows = 15 * count << 20 - account.objects.bytesReceived
    #expect(account.most <= store.budget.limitBytes + count * (S3BlobStore.freeBufferBytes + Self.pieceBytes) + inRows)
    #expect(account.mostTaken <= store.budget.limitBytes)
    #expect(store.bufferedBytes == 0)
  }
}
