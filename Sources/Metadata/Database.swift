public import Ground

/// One SQL database.
///
/// Bodies are synchronous: nothing waits for a client or another server inside a transaction. A body may be run more than
/// once (PostgreSQL reruns after a deadlock, and where the answer to a commit was lost), so it has no effect outside the
/// transaction, and doing it twice does no more than doing it once.
///
/// Other processes may write at the same time. What a body decides by something it has read must be locked by that read, or
/// be said in the `WHERE` of the statement that acts on it: see docs/decisions/0011-replicas-and-isolation.md.
public protocol Database: Sendable {
  /// Runs `body` in a snapshot that sees every transaction whose ``write(_:)`` returned before this call.
  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V

  /// Runs `body` in a transaction. On return it is committed and survives power loss; when `body` throws, nothing of it
  /// remains and the error is passed on.
  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V

  /// The database's idea of now, without asking it. Times that several processes compare are of this clock.
  var now: Timestamp { get }

  /// Other processes may change what is stored, so nothing that can change may be answered from memory.
  var isShared: Bool { get }
}

/// A transaction that reads. Cannot be stored and cannot escape its body.
public struct ReadTransaction: ~Copyable, Reading {
  public let connection: any SQLConnection
  public let now: Timestamp
  package init(connection: any SQLConnection, now: Timestamp) {
    self.connection = connection
    self.now = now
  }
}

/// A transaction that may write. Cannot be stored and cannot escape its body.
public struct Transaction: ~Copyable, Reading {
  public let connection: any SQLConnection
  public let now: Timestamp
  /// The answer to the commit of a run before was lost: what this one does may have been done.
  public let isRepeat: Bool
  package init(connection: any SQLConnection, now: Timestamp, isRepeat: Bool = false) {
    self.connection = connection
    self.now = now
    self.isRepeat = isRepeat
  }

  /// Runs a statement that answers no rows, and tells how many rows it changed.
  @discardableResult
  func execute(_ sql: SQL) throws -> Int { try connection.run(sql) { _ in false } }
}

/// What both kinds of transaction can do.
public protocol Reading: ~Copyable {
  var connection: any SQLConnection { get }
  /// The database's idea of now. Whatever is decided by time inside a transaction is decided by this.
  var now: Timestamp { get }
}

extension Reading where Self: ~Copyable {
  /// All rows of a query, each as `decode` makes it.
  func all<T>(_ sql: SQL, _ decode: (borrowing Row) throws -> T) throws -> [T] {
    var result: [T] = []
    _ = try connection.run(sql) { row in
      result.append(try decode(row))
      return true
    }
    return result
  }

  /// The first row of a query, or nil.
  func first<T>(_ sql: SQL, _ decode: (borrowing Row) throws -> T) throws -> T? {
    var result: T?
    _ = try connection.run(sql) { row in
      result = try decode(row)
      return false
    }
    return result
  }

  /// The single number that a query answers; 0 when it answers no row.
  func number(_ sql: SQL) throws -> Int64 { try first(sql) { $0.integer(0) } ?? 0 }

  /// Sends a statement whose rows are needed later. Several of them cost one round trip to a database in another place.
  func later<T>(_ sql: SQL, _ decode: @escaping (borrowing Row) throws -> T) throws -> Later<T> {
    let later = Later(connection, decode)
    try connection.submit(sql, to: later)
    return later
  }
}

extension Transaction {
  /// Sends a statement whose outcome nobody asks for; a failure is told by the next one that is waited for, or by the commit.
  func enqueue(_ sql: SQL) throws { try connection.submit(sql, to: Discarded.sink) }

  /// How many rows one statement of ``writeRows(_:_:_:)`` takes at the most.
  static let rowsLimit = 64

  /// Sends many rows by few statements. None may meet another of them in a conflict.
  ///
  /// The statements take 64, 32, 16, … rows, so that there are few texts of them and all stay prepared.
  func writeRows(_ head: StaticString, _ rows: [[SQLValue]], _ tail: StaticString) throws {
    for part in Self.parts(of: rows) { try enqueue(SQL(head, rows: part, tail)) }
  }

  static func parts(of rows: [[SQLValue]]) -> [ArraySlice<[SQLValue]>] {
    var parts: [ArraySlice<[SQLValue]>] = []
    var (begin, size) = (0, rowsLimit)
    while begin < rows.count {
      while size > rows.count - begin { size /= 2 }
      parts.append(rows[begin..<begin + size])
      begin += size
    }
    return parts
  }

  /// Sends a statement that answers no rows, and whose count of changed rows is needed later.
  func later(_ sql: SQL) throws -> Later<Void> {
    let later = Later(connection) { (_: borrowing Row) in }
    try connection.submit(sql, to: later)
    return later
  }
}

/// What a statement will have answered once somebody asks, in the transaction that sent it.
public final class Later<Element>: StatementSink {
  private let connection: any SQLConnection
  private let decode: (borrowing Row) throws -> Element
  private var rows: [Element] = []
  private var changed: Int?

  init(_ connection: any SQLConnection, _ decode: @escaping (borrowing Row) throws -> Element) {
    self.connection = connection
    self.decode = decode
  }

  public func row(_ row: borrowing Row) throws -> Bool {
    rows.append(try decode(row))
    return true
  }

  public func finished(changed: Int) { self.changed = changed }

  /// All rows. Waits for everything that was sent.
  public func all() throws -> [Element] {
    if changed == nil { try connection.settle() }
    return rows
  }

  /// The first row, or nil. Waits for everything that was sent.
  public func first() throws -> Element? { try all().first }

  /// How many rows were changed.
  func count() throws -> Int {
    if changed == nil { try connection.settle() }
    guard let changed else { throw DatabaseError.corrupt("a statement was settled and has no outcome") }
    return changed
  }
}

final class Discarded: StatementSink, Sendable {
  static let sink = Discarded()
  func row(_ row: borrowing Row) -> Bool { true }
  func finished(changed: Int) {}
}

/// Takes what a statement answers.
public protocol StatementSink: AnyObject {
  /// Answers whether more rows are wanted.
  func row(_ row: borrowing Row) throws -> Bool
  func finished(changed: Int)
}

/// A driver's connection, used by one thread at a time.
public protocol SQLConnection: AnyObject {
  /// Runs one statement now; calls `row` for each row until it answers false. Answers the number of changed rows.
  func run(_ sql: SQL, row: (borrowing Row) throws -> Bool) throws -> Int

  /// Begins a statement whose outcome is asked for later. SQLite runs it at once; PostgreSQL sends it without waiting.
  func submit(_ sql: SQL, to sink: any StatementSink) throws

  /// Waits for everything that was submitted; throws the first failure.
  func settle() throws
}

/// The current row of a running query. Columns count from 0.
public struct Row: ~Copyable {
  let columns: any RowColumns

  public func integer(_ column: Int) -> Int64 { columns.integer(column) }
  public func text(_ column: Int) -> String { columns.text(column) }
  public func bytes(_ column: Int) -> [UInt8] { columns.bytes(column) }
  public func isNull(_ column: Int) -> Bool { columns.isNull(column) }
  public func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
}

/// What a driver gives for a row.
protocol RowColumns: AnyObject {
  func integer(_ column: Int) -> Int64
  func text(_ column: Int) -> String
  func bytes(_ column: Int) -> [UInt8]
  func isNull(_ column: Int) -> Bool
}

/// What can go wrong with a database, as far as a caller acts on it.
public enum DatabaseError: Error, Sendable, CustomStringConvertible {
  /// No space is left for the database. Nothing of the transaction remains.
  case outOfSpace(String)
  /// What is stored is damaged.
  case corrupt(String)
  /// The schema is of a newer version of Berth.
  case schemaTooNew(found: Int, known: Int)
  /// It cannot be reached now, or all connections are in use; trying again later may help.
  case unavailable(String)
  /// It takes no writes for now: a standby, or a registry that is being moved elsewhere.
  case readOnly(String)
  /// It takes no writes any more: its registry is in another database now.
  case moved
  /// Others were in the way again and again.
  case conflict(String)
  /// The connection was lost while a commit was under way, and the transaction could not be repeated.
  case outcomeUnknown(String)
  /// Anything else, in the driver's words.
  case failed(code: Int32, message: String)

  public var description: String {
    switch self {
    case .outOfSpace(let message): "no space is left for the database: \(message)"
    case .corrupt(let message): "the database is damaged: \(message)"
    case .schemaTooNew(let found, let known):
      "the database has schema \(found), and this berth knows schemas up to \(known): "
        + "it was used by a newer version; start that version, or restore a backup"
    case .unavailable(let message): "the database cannot be reached: \(message)"
    case .readOnly(let message): "the database takes no writes: \(message)"
    case .moved: Seal.moved
    case .conflict(let message): "the database was too busy with the same rows: \(message)"
    case .outcomeUnknown(let message): "the database was lost during a commit: \(message)"
    case .failed(let code, let message): "database error \(code): \(message)"
    }
  }
}
