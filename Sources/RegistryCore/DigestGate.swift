internal import OCI
import Synchronization

/// Keeps a publisher of a digest and the collector of the same digest apart, in this process.
///
/// A publisher is inside from before its bytes get their name until its row is committed; the collector claims only where
/// nobody is inside, and who comes then waits until the claimed row is gone.
final class DigestGate: Sendable {
  private struct Entry {
    var publishers = 0
    var isClaimed = false
    var waiting: [UnsafeContinuation<Void, Never>] = []
  }

  private let entries = Mutex<[Digest: Entry]>([:])

  /// Runs `body` inside the gate of `digest`.
  func publishing<R>(_ digest: Digest, _ body: () async throws -> R) async rethrows -> R {
    await enter(digest)
    defer { leave(digest) }
    return try await body()
  }

  private func enter(_ digest: Digest) async {
    while true {
      let entered = entries.withLock { entries in
        if entries[digest]?.isClaimed == true { return false }
        entries[digest, default: Entry()].publishers += 1
        return true
      }
      if entered { return }
      await withUnsafeContinuation { continuation in
        let isFree = entries.withLock { entries in
          guard entries[digest]?.isClaimed == true else { return true }
          entries[digest]?.waiting.append(continuation)
          return false
        }
        if isFree { continuation.resume() }
      }
    }
  }

  private func leave(_ digest: Digest) {
    entries.withLock { entries in
      entries[digest]?.publishers -= 1
      if entries[digest]?.publishers == 0 { entries[digest] = nil }
    }
  }

  /// Shuts the gate for the collector. Answers false when a publisher is inside.
  func claim(_ digest: Digest) -> Bool {
    entries.withLock { entries in
      guard entries[digest] == nil else { return false }
      entries[digest] = Entry(isClaimed: true)
      return true
    }
  }

  func release(_ digest: Digest) {
    let waiting = entries.withLock { entries in entries.removeValue(forKey: digest)?.waiting ?? [] }
    for continuation in waiting { continuation.resume() }
  }
}
