public import BlobStorage
public import Ground
import Synchronization

/// A ledger in memory whose time a test moves.
public final class SimulatedLedger: UploadLedger {
  private struct Entry {
    var record: UploadRecord?
    var token: String?
    var claimedUntil = Timestamp.distantPast
  }
  private struct State {
    var entries: [UploadID: Entry] = [:]
    var nextToken = 0
    var saves = 0
  }
  private let state = Mutex(State())
  private let clock: any TimeSource

  public init(clock: any TimeSource = SystemTime()) { self.clock = clock }

  /// How often something was recorded.
  public var saveCount: Int { state.withLock { $0.saves } }

  /// Forgets an upload as the transaction does that records its blob. Answers false when somebody is at work on it.
  public func forget(_ upload: UploadID) -> Bool {
    state.withLock { state in
      guard let entry = state.entries[upload], entry.record != nil, entry.claimedUntil <= clock.now else {
        return false
      }
      state.entries[upload] = nil
      return true
    }
  }

  public func offset(of upload: UploadID) async throws -> Int64? {
    await Task.yield()
    return state.withLock { $0.entries[upload]?.record?.offset }
  }

  public func claim(_ upload: UploadID) async throws -> (claim: UploadClaim, record: UploadRecord?) {
    await Task.yield()
    return try state.withLock { state in
      var entry = state.entries[upload] ?? Entry()
      guard entry.token == nil || entry.claimedUntil <= clock.now else { throw StorageError.uploadBusy }
      state.nextToken += 1
      entry.token = "claim-\(state.nextToken)"
      entry.claimedUntil = clock.now + Self.claimTerm
      state.entries[upload] = entry
      return (UploadClaim(token: "claim-\(state.nextToken)"), entry.record)
    }
  }

  public func renew(_ upload: UploadID, _ claim: UploadClaim) async throws {
    await Task.yield()
    state.withLock { state in
      guard isHeld(state.entries[upload], claim) else { return }
      state.entries[upload]?.claimedUntil = clock.now + Self.claimTerm
    }
  }

  public func save(_ record: UploadRecord, _ claim: UploadClaim, releasing: Bool) async throws {
    await Task.yield()
    try state.withLock { state in
      guard isHeld(state.entries[record.upload], claim) else { throw StorageError.uploadBusy }
      state.saves += 1
      state.entries[record.upload]?.record = record
      state.entries[record.upload]?.claimedUntil = releasing ? .distantPast : clock.now + Self.claimTerm
    }
  }

  private func isHeld(_ entry: Entry?, _ claim: UploadClaim) -> Bool {
    entry.map { $0.token == claim.token && $0.claimedUntil > clock.now } ?? false
  }

  public func release(_ upload: UploadID, _ claim: UploadClaim) async throws {
    await Task.yield()
    state.withLock { state in
      guard let entry = state.entries[upload], entry.token == claim.token else { return }
      if entry.record == nil { state.entries[upload] = nil } else { state.entries[upload]?.token = nil }
    }
  }

  public func remove(_ upload: UploadID, _ claim: UploadClaim) async throws -> Bool {
    await Task.yield()
    return try state.withLock { state in
      guard state.entries[upload]?.token == claim.token else { throw StorageError.uploadBusy }
      state.entries[upload] = nil
      return true
    }
  }

  public func uploads() async throws -> [UploadID] {
    state.withLock { state in state.entries.filter { $0.value.record != nil }.map(\.key) }
  }

  public func nowMicroseconds() async throws -> Int64 { clock.now.microseconds }
}
