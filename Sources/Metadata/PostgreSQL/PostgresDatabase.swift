public import Ground
import Synchronization

/// A PostgreSQL that any number of processes share.
///
/// Calls block their thread while the server works: make them on a ``WorkerPool``. Writes run at READ COMMITTED, reads in one
/// snapshot: see docs/decisions/0011-replicas-and-isolation.md.
public final class PostgresDatabase: Database {
  /// How often a transaction is run again because others were in its way.
  private static let conflictLimit = 8

  private let settings: PostgresSettings
  private let pool: PostgresPool
  private let clock: PostgresClock
  private let counters = PostgresFigures()
  private let random: any RandomSource

  /// Connects, and brings the schema up to date. Two processes that do so at once do it once.
  ///
  /// - Parameter migrates: false leaves the schema alone, and refuses one that is not the latest.
  /// - Throws: ``DatabaseError``.
  public init(
    _ settings: PostgresSettings, migrates: Bool = true, random: any RandomSource = SystemRandom()
  ) async throws {
    self.settings = settings
    self.random = random
    clock = PostgresClock(refresh: settings.clockRefresh)
    pool = PostgresPool(settings, figures: counters)
    try await attempting { connection in
      try self.learnTime(connection)
      let migrator = PostgresMigrator(connection: connection)
      if migrates { try migrator.migrate(now: self.now) } else { try migrator.requireLatest() }
    }
  }

  public var now: Timestamp { clock.now }
  public var isShared: Bool { true }

  public func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try await attempting { connection in
      try connection.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
      do {
        let value = try Self.reading(connection, self.clock.now, body)
        try connection.endReading()
        return value
      } catch {
        connection.rollback()
        throw error
      }
    }
  }

  public func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    var isRepeat = false
    let value = try await attempting { connection in
      try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
      do {
        let time = self.clock.isStale ? try TimeQuestion(connection) : nil
        let value = try Self.writing(connection, self.clock.now, isRepeat: isRepeat, body)
        try connection.commit()
        time?.teach(self.clock)
        return value
      } catch {
        if let error = error as? PostgresError, error.kind == .lostInCommit { isRepeat = true }
        connection.rollback()
        throw error
      }
    }
    counters.transactions.wrappingAdd(1, ordering: .relaxed)
    return value
  }

  // Apart, and not inlined: the optimiser of Swift 6.3 stops when it specialises the making of a non-copyable value in a
  // closure.
  @inline(never)
  private static func reading<V>(
    _ connection: any SQLConnection, _ now: Timestamp, _ body: (borrowing ReadTransaction) throws -> V
  ) throws -> V {
    let transaction = ReadTransaction(connection: connection, now: now)
    return try body(transaction)
  }

  @inline(never)
  private static func writing<V>(
    _ connection: any SQLConnection, _ now: Timestamp, isRepeat: Bool, _ body: (borrowing Transaction) throws -> V
  ) throws -> V {
    let transaction = Transaction(connection: connection, now: now, isRepeat: isRepeat)
    return try body(transaction)
  }

  /// Runs `body` with a connection, again after what may pass: conflicts a number of times, a server that is away for as long
  /// as our patience lasts. Also when nobody knows whether the commit happened: every body may be done twice.
  private func attempting<V>(_ body: (PostgresConnection) throws -> V) async throws -> V {
    let start = ContinuousClock.now
    var conflicts = 0
    var absences = 0
    while true {
      do {
        let lease = try await pool.acquire()
        defer { pool.release(lease) }
        return try body(lease.connection)
      } catch let error as PostgresError {
        if error.isConflict && conflicts < Self.conflictLimit {
          conflicts += 1
          counters.conflicts.wrappingAdd(1, ordering: .relaxed)
          try await Task.sleep(for: pause(upTo: .milliseconds(4 << conflicts)))
        } else if error.mayPass && ContinuousClock.now - start < settings.patience {
          absences += 1
          counters.reconnections.wrappingAdd(1, ordering: .relaxed)
          // The first time at once: an idle connection may just have been cut.
          if absences > 1 { try await Task.sleep(for: pause(upTo: .milliseconds(min(1000, 20 << absences)))) }
        } else {
          throw error.translated
        }
      }
    }
  }

  private func pause(upTo limit: Duration) -> Duration {
    limit * Double(random.next() % 1000) / 1000 + .milliseconds(1)
  }

  private func learnTime(_ connection: PostgresConnection) throws {
    let time = try TimeQuestion(connection)
    try connection.settle()
    time.teach(clock)
  }

  /// For `/metrics`, and for the test that counts round trips.
  public var figures: Figures {
    let counts = pool.counts
    return Figures(
      open: counts.open, idle: counts.idle, waiting: counts.waiting,
      transactions: counters.transactions.load(ordering: .relaxed),
      roundTrips: counters.roundTrips.load(ordering: .relaxed),
      conflicts: counters.conflicts.load(ordering: .relaxed),
      reconnections: counters.reconnections.load(ordering: .relaxed))
  }

  public struct Figures: Sendable, Equatable {
    public let open, idle, waiting, transactions, roundTrips, conflicts, reconnections: Int
  }
}

/// What is counted while the database is used.
final class PostgresFigures: Sendable {
  let transactions = Atomic<Int>(0)
  let roundTrips = Atomic<Int>(0)
  let conflicts = Atomic<Int>(0)
  let reconnections = Atomic<Int>(0)
}

/// Asks for the server's time along with other statements.
private final class TimeQuestion: StatementSink {
  private let askedAt = PostgresClock.local
  private var answer: (server: Int64, at: Int64)?

  init(_ connection: PostgresConnection) throws {
    try connection.submit("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)", to: self)
  }

  func row(_ row: borrowing Row) -> Bool {
    answer = (row.integer(0), PostgresClock.local)
    return false
  }

  func finished(changed: Int) {}

  func teach(_ clock: PostgresClock) {
    if let answer { clock.learn(answer.server, askedAt: askedAt, answeredAt: answer.at) }
  }
}
