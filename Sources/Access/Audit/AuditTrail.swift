import Ground
public import Metadata
import OCI
import Synchronization

/// The record of who did what, as a chain of hashes.
///
/// What changes something is recorded in the transaction that changes it. Logins, refusals and pulls change nothing: they are
/// gathered in memory, alike ones as one, and written within a second. Records join the chain a moment after they were
/// committed, so that two pushes need not wait for each other to be recorded.
public final class AuditTrail: Sendable {
  /// What is gathered between two writes; more is counted and told as lost.
  static let gatheredLimit = 10_000
  /// Of these, refusals of whom nobody knows: strangers must not push out the records of others, nor fill the database.
  static let strangerLimit = 50
  /// Records that one transaction takes into the chain.
  static let chainBatch = 500
  static let trimBatch = 1000
  /// Before the first link.
  static let genesis = String(repeating: "0", count: 64)

  private struct Key: Hashable {
    let kind: String
    let outcome: AuditEntry.Outcome
    let actor, credential, address, target, detail: String
  }

  private struct Gathered {
    let entry: AuditEntry
    let at: Timestamp
    var count: Int
  }

  private struct State {
    var order: [Key] = []
    var gathered: [Key: Gathered] = [:]
    var strangers = 0
    var lost = 0
    /// What an earlier flush does not know to have written: the answer to its commit was lost.
    var left: [AuditEntry] = []
  }

  private let database: any Database
  private let state = Mutex(State())

  init(database: any Database) { self.database = database }

  /// Records something that changed nothing. Does not wait.
  public func note(_ entry: AuditEntry) {
    let origin = entry.origin
    let key = Key(
      kind: entry.kind, outcome: entry.outcome, actor: origin.actor, credential: origin.credential,
      address: origin.address, target: entry.target, detail: entry.detail)
    let now = database.now
    state.withLock { state in
      if state.gathered[key] != nil {
        state.gathered[key]?.count += 1
      } else if entry.outcome == .refused, origin.actor == Origin.anonymous.actor,
        state.strangers >= Self.strangerLimit
      {
        state.lost += 1
      } else if state.gathered.count + state.left.count < Self.gatheredLimit {
        state.order.append(key)
        state.gathered[key] = Gathered(entry: entry, at: now, count: 1)
        if entry.outcome == .refused, origin.actor == Origin.anonymous.actor { state.strangers += 1 }
      } else {
        state.lost += 1
      }
    }
  }

  /// Writes what was gathered. What cannot be written now is kept for the next time; what cannot be written at all, though
  /// other records can, is counted as lost.
  public func flush() async throws {
    let taken = state.withLock { state in
      defer { state = State() }
      return state
    }
    var fresh = taken.order.compactMap { taken.gathered[$0] }.map(Self.entry)
    // The first, so that it is not cut where there is no room to keep them.
    if taken.lost > 0 { fresh.insert(loss(of: taken.lost), at: 0) }
    guard !taken.left.isEmpty || !fresh.isEmpty else { return }
    do {
      try await write(taken.left, fresh)
    } catch DatabaseError.failed {
      // One that the database does not take must not hold up the others for ever.
      try await writeEach(of: taken.left, fresh)
    } catch let error as DatabaseError {
      if case .outcomeUnknown = error { keep(taken.left + fresh) } else { putBack(taken) }
      throw error
    } catch {
      putBack(taken)
      throw error
    }
  }

  /// As if nothing had been taken: alike ones go on being one.
  private func putBack(_ taken: State) {
    state.withLock { state in
      state.left = taken.left + state.left
      state.lost += taken.lost
      state.strangers += taken.strangers
      for key in taken.order {
        guard var gathered = taken.gathered[key] else { continue }
        if let newer = state.gathered[key] {
          gathered.count += newer.count
        } else if state.gathered.count + state.left.count < Self.gatheredLimit {
          state.order.append(key)
        } else {
          state.lost += 1
          continue
        }
        state.gathered[key] = gathered
      }
    }
  }

  private func loss(of count: Int) -> AuditEntry {
    AuditEntry(
      "audit.lost", .failed, by: .system, target: "audit",
      detail: (["count": .integer(Int64(count))] as JSONValue).text, at: database.now)
  }

  /// - Parameter left: those that may have been written before.
  private func write(_ left: [AuditEntry], _ fresh: [AuditEntry]) async throws {
    try await database.write { transaction in
      for entry in left { try transaction.record(entry, mayBeRecorded: true) }
      for entry in fresh { try transaction.record(entry) }
    }
  }

  private func writeEach(of left: [AuditEntry], _ fresh: [AuditEntry]) async throws {
    var refused: [AuditEntry] = []
    let entries = left + fresh
    for (position, entry) in entries.enumerated() {
      do {
        try await position < left.count ? write([entry], []) : write([], [entry])
      } catch DatabaseError.failed {
        refused.append(entry)
      } catch {
        keep(refused + entries[position...])
        throw error
      }
    }
    guard !refused.isEmpty else { return }
    do { try await write([], [loss(of: refused.count)]) } catch {
      // When not even this can be written, the database is at fault, and not what it was given.
      keep(refused)
      throw error
    }
  }

  private func keep(_ entries: [AuditEntry]) {
    state.withLock { state in
      let kept = entries.prefix(max(Self.gatheredLimit - state.gathered.count - state.left.count, 1))
      state.left += kept
      state.lost += entries.count - kept.count
    }
  }

  private static func entry(_ gathered: Gathered) -> AuditEntry {
    let entry = gathered.entry
    var detail = entry.detail
    if gathered.count > 1, var object = (try? JSONValue.parse(detail))?.object {
      object.append("times", .integer(Int64(gathered.count)))
      detail = JSONValue.object(object).text
    }
    return AuditEntry(
      entry.kind, entry.outcome, by: entry.origin, namespace: entry.namespace, target: entry.target, detail: detail,
      at: gathered.at)
  }

  // MARK: The chain

  /// Takes all records that were committed into the chain.
  public func seal() async throws {
    while true {
      let waiting = try await database.read { try $0.unchainedRecords(limit: 1).count }
      guard waiting > 0 else { return }
      let sealed = try await database.write { transaction -> Int in
        try transaction.lockAuditChain()
        var (position, hash) = try transaction.auditChainEnd() ?? (0, Self.genesis)
        let records = try transaction.unchainedRecords(limit: Self.chainBatch)
        for record in records {
          let content = Self.contentHash(record)
          hash = Self.link(hash, content)
          position += 1
          try transaction.chain(record.id, position: position, contentHash: content, chainHash: hash)
        }
        return records.count
      }
      guard sealed == Self.chainBatch else { return }
    }
  }

  /// Takes what records older than their kind's time say; their links stay.
  ///
  /// - Parameter retention: by kind or family of kinds; a kind's own goes before its family's, and that before a wider one's.
  func trim(_ retention: [String: Duration]) async throws {
    for kind in AuditEntry.kinds.sorted() {
      let families = retention.filter { AuditEntry.kinds(named: $0.key).contains(kind) }
      let closest = families.max { $0.key.count < $1.key.count }
      guard let age = retention[kind] ?? closest?.value else { continue }
      while try await database.write({ try $0.trimAudit(kind: kind, before: $0.now - age, limit: Self.trimBatch) })
        == Self.trimBatch
      {}
    }
    while try await database.write({ try $0.dropTrimmedAudit(limit: Self.trimBatch) }) == Self.trimBatch {}
  }

  /// SHA-256 over what a record says, in an order that is always the same.
  static func contentHash(_ record: AuditRecord) -> String {
    let content: JSONValue = [
      .string(record.kind), .string(record.outcome), .string(record.actor), .string(record.credential),
      .string(record.address), record.namespace.map { .string($0) } ?? .null, .string(record.target),
      .string(record.detail), .string(record.requestID), .integer(record.at.microseconds),
    ]
    return Hashing.sha256Hex(content.text)
  }

  static func link(_ previous: String, _ content: String) -> String { Hashing.sha256Hex(previous + content) }

  // MARK: Proof

  /// What a look at the whole chain found.
  public struct Verification: Sendable, Hashable {
    public var recordCount = 0
    public var trimmedCount = 0
    public var firstPosition: Int64 = 0
    public var lastPosition: Int64 = 0
    public var lastHash = ""
    /// The first link that is not what it should be; nil: the chain is whole.
    public var problem: String?
  }

  /// Follows the chain from its beginning.
  ///
  /// - Parameter expected: links that somebody wrote down before: whoever rewrote all of the chain since cannot have known them.
  public func verify(expected: [Int64: String] = [:]) async throws -> Verification {
    try await flush()
    try await seal()
    var result = Verification()
    var previous: (position: Int64, hash: String)?
    while result.problem == nil {
      let from = previous?.position ?? 0
      let page = try await database.read { try $0.chainedRecords(after: from, limit: Self.trimBatch) }
      for record in page {
        result.problem = Self.problem(record, after: previous, expected)
        if result.problem != nil { break }
        result.recordCount += 1
        if record.isTrimmed { result.trimmedCount += 1 }
        previous = (record.position ?? 0, record.chainHash ?? "")
        if result.firstPosition == 0 { result.firstPosition = record.position ?? 0 }
      }
      if page.count < Self.trimBatch { break }
    }
    result.lastPosition = previous?.position ?? 0
    result.lastHash = previous?.hash ?? Self.genesis
    guard result.problem == nil else { return result }
    if let missing = expected.keys.filter({ $0 > result.lastPosition }).min() {
      result.problem = "the chain ends at \(result.lastPosition), before the link \(missing) that was expected"
    } else if let gone = expected.keys.filter({ $0 < result.firstPosition }).min() {
      // Retention may have taken it. So may who rewrote all that follows.
      result.problem =
        "the link \(gone) that was expected is not there any more, and proves nothing: the chain begins at \(result.firstPosition)"
    }
    return result
  }

  private static func problem(
    _ record: AuditRecord, after previous: (position: Int64, hash: String)?, _ expected: [Int64: String]
  ) -> String? {
    guard let position = record.position, let content = record.contentHash, let chain = record.chainHash else {
      return "a record has no link"
    }
    if let previous {
      guard position == previous.position + 1 else { return "the link \(previous.position + 1) is missing" }
      guard chain == link(previous.hash, content) else {
        return "the link \(position) does not follow from the one before"
      }
    } else if position == 1 {
      guard chain == link(genesis, content) else { return "the first link is not what it was" }
    } else if !record.isTrimmed {
      return "the chain begins at link \(position), and what was before was not removed by retention"
    }
    if !record.isTrimmed && contentHash(record) != content { return "the record at link \(position) was changed" }
    if let wanted = expected[position], wanted != chain {
      return "the link \(position) is not the one that was expected"
    }
    return nil
  }
}
