public import Ground
import Synchronization

/// The embedded database: one file, one writer with group commit, a connection for each reader.
///
/// Calls block their thread: make them on a ``WorkerPool``. Writes that wait at the same time are committed together, each
/// in its own savepoint, so a commit's sync is shared.
public final class SQLiteDatabase: Database {
  /// How many transactions share a commit at the most. More would make the first wait for the last.
  public static let batchLimit = 64
  static let writerCacheBytes = 8 << 20
  static let readerCacheBytes = 2 << 20
  /// The write-ahead log is folded back by ``checkpoint()``; this many pages are the bound if nobody calls it.
  static let autocheckpointPages = 16_384

  private let readers: ReaderPool?
  private let commits: GroupCommit<WriteJob>
  private let writer: Writer
  private let time: any TimeSource

  /// Opens a database file and brings its schema up to date.
  ///
  /// - Throws: ``DatabaseError/schemaTooNew(found:known:)``, ``DatabaseError/corrupt(_:)``.
  public convenience init(path: String, time: any TimeSource = SystemTime()) throws {
    let connection = try SQLiteConnection(path: path, readOnly: false, cacheBytes: Self.writerCacheBytes)
    try connection.pragma("journal_mode = WAL")
    try connection.pragma("synchronous = FULL")
    try connection.pragma("wal_autocheckpoint = \(Self.autocheckpointPages)")
    let mode = try connection.pragmaValue("synchronous")
    precondition(mode == "2", "an acknowledged commit must survive power loss")
    try self.init(writer: connection, readers: ReaderPool(path: path), time: time)
  }

  /// Opens a database file for reading only, beside a server that may be using it. Every write fails.
  ///
  /// - Throws: ``DatabaseError/schemaTooNew(found:known:)``.
  public init(readingPath path: String, time: any TimeSource = SystemTime()) throws {
    let connection = try SQLiteConnection(path: path, readOnly: true, cacheBytes: Self.readerCacheBytes)
    try Migrator(connection: connection).refuseNewer()
    let writer = Writer(connection: connection, time: time)
    self.writer = writer
    self.time = time
    readers = ReaderPool(path: path)
    commits = GroupCommit(limit: Self.batchLimit) { jobs in writer.perform(jobs) }
  }

  /// A database in memory that lives as long as the value. For tests; the same code otherwise.
  public static func inMemory(time: any TimeSource = SystemTime()) throws -> SQLiteDatabase {
    let connection = try SQLiteConnection(path: ":memory:", readOnly: false, cacheBytes: Self.writerCacheBytes)
    return try SQLiteDatabase(writer: connection, readers: nil, time: time)
  }

  private init(writer connection: SQLiteConnection, readers: ReaderPool?, time: any TimeSource) throws {
    try Migrator(connection: connection).migrate(now: time.now)
    let writer = Writer(connection: connection, time: time)
    self.writer = writer
    self.readers = readers
    self.time = time
    commits = GroupCommit(limit: Self.batchLimit) { jobs in writer.perform(jobs) }
  }

  public func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    guard let readers else {
      return try await write { try Self.reading($0.connection, $0.now, body) }
    }
    return try readers.with { connection in
      try connection.beginReading()
      defer { connection.rollback() }
      return try Self.reading(connection, time.now, body)
    }
  }

  /// Apart, and not inlined: the optimiser of Swift 6.3 stops when it specialises the making of a non-copyable value in a
  /// closure.
  @inline(never)
  private static func reading<V>(
    _ connection: any SQLConnection, _ now: Timestamp, _ body: (borrowing ReadTransaction) throws -> V
  ) throws -> V {
    let transaction = ReadTransaction(connection: connection, now: now)
    return try body(transaction)
  }

  public func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    let outcome = ResultBox<V>()
    try await commits.submit(WriteJob { transaction in outcome.set(try body(transaction)) })
    return outcome.take()
  }

  public var now: Timestamp { time.now }

  /// One process at a time opens the file.
  public var isShared: Bool { false }

  /// Folds the write-ahead log back into the database without waiting for readers. Called by upkeep, so that no push pays.
  public func checkpoint() throws {
    guard let readers else { return }
    try readers.withMaintenance { connection in
      _ = try connection.pragmaValue("wal_checkpoint(PASSIVE)")
    }
  }

  /// Transactions that were committed and commits that it took, for `/metrics`.
  public var commitFigures: (transactions: Int, commits: Int) {
    (writer.transactions.load(ordering: .relaxed), writer.commits.load(ordering: .relaxed))
  }

  /// SQLite's own check of the file. Empty when all is well; else what is wrong, a line each.
  public func integrityProblems() async throws -> [String] {
    try await read { transaction in
      try transaction.all("PRAGMA integrity_check") { $0.text(0) }.filter { $0 != "ok" }
    }
  }
}

/// One transaction that waits to be committed.
struct WriteJob: Sendable {
  let body: @Sendable (borrowing Transaction) throws -> Void
}

/// Carries a result from the thread that ran the body to the one that asked.
private final class ResultBox<V: Sendable>: Sendable {
  private let value = Mutex<V?>(nil)

  func set(_ new: V) { value.withLock { $0 = new } }

  func take() -> V {
    guard let value = value.withLock({ $0 }) else { preconditionFailure("a committed body has set its result") }
    return value
  }
}

/// The one connection that writes. `GroupCommit` lets one thread in at a time.
private final class Writer: @unchecked Sendable {
  private let connection: SQLiteConnection
  private let time: any TimeSource
  let transactions = Atomic<Int>(0)
  let commits = Atomic<Int>(0)

  init(connection: SQLiteConnection, time: any TimeSource) {
    self.connection = connection
    self.time = time
  }

  func perform(_ jobs: [WriteJob]) -> [(any Error)?] {
    var outcomes: [(any Error)?] = Array(repeating: nil, count: jobs.count)
    do {
      try connection.begin()
      for (index, job) in jobs.enumerated() {
        // One that is alone ends with the transaction. For a savepoint SQLite would keep every page as it was before.
        guard jobs.count > 1 else {
          try job.body(Transaction(connection: connection, now: time.now))
          break
        }
        try connection.savepoint()
        do {
          try job.body(Transaction(connection: connection, now: time.now))
          try connection.releaseSavepoint()
        } catch {
          // A full disk ends the whole transaction: then none of this batch was done, and all must be told.
          guard connection.isInTransaction else { throw error }
          try connection.rollbackToSavepoint()
          outcomes[index] = error
        }
      }
      try connection.commit()
      transactions.wrappingAdd(jobs.count, ordering: .relaxed)
      commits.wrappingAdd(1, ordering: .relaxed)
      return outcomes
    } catch {
      connection.rollback()
      return outcomes.map { $0 ?? error }
    }
  }
}

/// Connections for readers: made as they are needed, kept, one a thread at a time.
private final class ReaderPool: Sendable {
  private struct Kept: @unchecked Sendable { let connection: SQLiteConnection }
  private let path: String
  private let idle = Mutex<[Kept]>([])
  private let maintenance = Mutex<Kept?>(nil)

  init(path: String) { self.path = path }

  func with<V>(_ body: (SQLiteConnection) throws -> V) throws -> V {
    let kept = try idle.withLock { $0.popLast() } ?? Kept(connection: open())
    defer { idle.withLock { $0.append(kept) } }
    return try body(kept.connection)
  }

  func withMaintenance<V: Sendable>(_ body: (SQLiteConnection) throws -> V) throws -> V {
    let kept = try maintenance.withLock { kept in kept.take() } ?? Kept(connection: open(readOnly: false))
    defer { maintenance.withLock { $0 = kept } }
    return try body(kept.connection)
  }

  private func open(readOnly: Bool = true) throws -> SQLiteConnection {
    try SQLiteConnection(path: path, readOnly: readOnly, cacheBytes: SQLiteDatabase.readerCacheBytes)
  }
}
