public import Ground

/// One SQL database.
///
/// Bodies are synchronous: nothing waits for a network or a client inside a transaction. A body may be run more than once
/// (PostgreSQL reruns after a serialisation failure), so it has no effect outside the transaction.
public protocol Database: Sendable {
  /// Runs `body` in a snapshot that sees every transaction whose ``write(_:)`` returned before this call.
  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V

  /// Runs `body` in a transaction that is isolated from every other. On return it is committed and survives power loss; when
  /// `body` throws, nothing of it remains and the error is passed on.
  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V
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
  package init(connection: any SQLConnection, now: Timestamp) {
    self.connection = connection
    self.now = now
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
}

/// A driver's connection, used by one thread at a time.
public protocol SQLConnection: AnyObject {
  /// Runs one statement; calls `row` for each row until it answers false. Answers the number of changed rows.
  func run(_ sql: SQL, row: (borrowing Row) throws -> Bool) throws -> Int
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
  /// Anything else, in the driver's words.
  case failed(code: Int32, message: String)

  public var description: String {
    switch self {
    case .outOfSpace(let message): "no space is left for the database: \(message)"
    case .corrupt(let message): "the database is damaged: \(message)"
    case .schemaTooNew(let found, let known):
      "the database has schema \(found), and this berth knows schemas up to \(known): "
        + "it was used by a newer version; start that version, or restore a backup"
    case .failed(let code, let message): "database error \(code): \(message)"
    }
  }
}
