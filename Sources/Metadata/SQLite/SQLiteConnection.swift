import CSQLite
import Glibc

/// One connection to an SQLite database. Used by one thread at a time, not always the same.
final class SQLiteConnection: SQLConnection {
  let handle: OpaquePointer
  private var statements: [String: SQLiteStatement] = [:]
  /// How many statements are being stepped: more than one where a row's closure runs another.
  private var running = 0

  /// A bound on kept statements; our statements are fixed texts, some hundred.
  static let statementLimit = 512

  /// Where somebody has used SQLite before, it stays as it is.
  private static let isPrepared = berth_sqlite_without_memory_figures() == SQLITE_OK

  private static func prepareLibrary() { _ = isPrepared }

  /// What the file may be used for by whom: others of this machine read neither signing keys nor hashes of passwords.
  private static let fileMode: mode_t = 0o640

  /// Makes the file, or takes away what others may do with those that are there. SQLite gives the files beside it (`-wal`,
  /// `-shm`) the mode of the database.
  private static func protect(_ path: String) {
    guard !path.isEmpty, !path.hasPrefix(":") else { return }
    // Never opened when it is there: closing it again would drop the locks that SQLite holds on it in this process.
    let made = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, fileMode)
    if made >= 0 { close(made) }
    for suffix in ["", "-wal", "-shm"] {
      var status = stat()
      guard stat(path + suffix, &status) == 0, status.st_mode & 0o007 != 0 else { continue }
      // Of somebody else's file the mode cannot be changed; whether it can be used is told when it is opened.
      _ = chmod(path + suffix, status.st_mode & 0o770)
    }
  }

  /// - Parameter readOnly: refuses every statement that would write.
  init(path: String, readOnly: Bool, cacheBytes: Int) throws {
    Self.prepareLibrary()
    if !readOnly { Self.protect(path) }
    var opened: OpaquePointer?
    let mode = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    let status = sqlite3_open_v2(path, &opened, mode | SQLITE_OPEN_NOMUTEX, nil)
    guard status == SQLITE_OK, let opened else {
      let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close(opened)
      throw DatabaseError.failed(code: status, message: "cannot open \(path): \(message)")
    }
    handle = opened
    sqlite3_extended_result_codes(handle, 1)
    // Only our own process opens the file while it serves; the wait is for a tool that looks at it.
    sqlite3_busy_timeout(handle, 5000)
    try pragma("cache_size = -\(cacheBytes / 1024)")
    try pragma("foreign_keys = ON")
    try pragma("synchronous = FULL")
    try pragma("temp_store = MEMORY")
    try pragma("trusted_schema = OFF")
  }

  deinit {
    for statement in statements.values { statement.finalize() }
    sqlite3_close(handle)
  }

  /// Runs a pragma. Only for text that stands in this target.
  func pragma(_ text: String) throws { try executeScript("PRAGMA \(text)") }

  /// The single value that a pragma answers.
  func pragmaValue(_ name: String) throws -> String {
    let statement = try prepare("PRAGMA \(name)")
    defer { statement.reset() }
    return try statement.step() ? statement.text(0) : ""
  }

  /// Runs statements that bind nothing and answer nothing: migrations.
  func executeScript(_ text: String) throws {
    guard sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  func submit(_ sql: SQL, to sink: any StatementSink) throws {
    sink.finished(changed: try run(sql) { try sink.row($0) })
  }

  func settle() {}

  func run(_ sql: SQL, row: (borrowing Row) throws -> Bool) throws -> Int {
    let statement = try sql.isKept ? prepare(sql.text) : prepareOnce(sql.text)
    running += 1
    defer {
      running -= 1
      if sql.isKept { statement.reset() } else { statement.finalize() }
    }
    try statement.bind(sql.values)
    while try statement.step() {
      if try !row(Row(columns: statement)) { break }
    }
    return Int(sqlite3_changes(handle))
  }

  /// Whether SQLite ended the transaction by itself, as it does when the disk is full.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  func begin() throws { try runPlain("BEGIN IMMEDIATE") }
  func beginReading() throws { try runPlain("BEGIN") }
  func commit() throws { try runPlain("COMMIT") }
  func savepoint() throws { try runPlain("SAVEPOINT job") }
  func releaseSavepoint() throws { try runPlain("RELEASE job") }
  func rollbackToSavepoint() throws {
    try runPlain("ROLLBACK TO job")
    try releaseSavepoint()
  }

  /// Ends the transaction, if one is open. Failing to roll back has no remedy beyond what SQLite does itself.
  func rollback() {
    if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  private func runPlain(_ text: String) throws {
    let statement = try prepare(text)
    defer { statement.reset() }
    _ = try statement.step()
  }

  private func prepare(_ text: String) throws -> SQLiteStatement {
    if let kept = statements[text] { return kept }
    // Not while one of them is being stepped: its rows are still to come.
    if statements.count >= Self.statementLimit, running == 0 {
      for statement in statements.values { statement.finalize() }
      statements = [:]
    }
    let statement = try prepareOnce(text, UInt32(SQLITE_PREPARE_PERSISTENT))
    statements[text] = statement
    return statement
  }

  /// A statement that the caller finalizes.
  private func prepareOnce(_ text: String, _ flags: UInt32 = 0) throws -> SQLiteStatement {
    var prepared: OpaquePointer?
    let status = sqlite3_prepare_v3(handle, SQLDialect.sqlite.render(text), -1, flags, &prepared, nil)
    guard status == SQLITE_OK, let prepared else { throw failure() }
    return SQLiteStatement(handle: prepared, connection: handle)
  }

  func failure() -> DatabaseError { Self.error(of: handle) }

  static func error(of handle: OpaquePointer) -> DatabaseError {
    let code = sqlite3_extended_errcode(handle)
    let message = String(cString: sqlite3_errmsg(handle))
    switch code & 0xFF {
    case SQLITE_FULL: return .outOfSpace(message)
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .corrupt(message)
    // By a trigger: sealed.
    case SQLITE_CONSTRAINT where code == SQLITE_CONSTRAINT | (7 << 8):
      return message == Seal.moved ? .moved : .readOnly(message)
    case SQLITE_IOERR where sqlite3_system_errno(handle) == 28: return .outOfSpace(message)
    default: return .failed(code: code, message: message)
    }
  }
}

/// A prepared statement that is kept by its connection.
final class SQLiteStatement: RowColumns {
  private let handle: OpaquePointer
  private let connection: OpaquePointer
  /// Texts and bytes that are bound.
  private var gathered = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)

  /// What is held for them at the least, and at the most from one run to the next.
  private static let gatheredBytes = 256
  private static let gatheredLimitBytes = 64 << 10

  init(handle: OpaquePointer, connection: OpaquePointer) {
    self.handle = handle
    self.connection = connection
  }

  deinit { gathered.deallocate() }

  func finalize() { sqlite3_finalize(handle) }

  func reset() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
    guard gathered.count > Self.gatheredLimitBytes else { return }
    gathered.deallocate()
    gathered = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// Answers whether there is a row.
  func step() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw SQLiteConnection.error(of: connection)
    }
  }

  func bind(_ values: [SQLValue]) throws {
    try gather(values)
    var position: Int32 = 0
    var begin = UnsafePointer(gathered.baseAddress)
    for value in values {
      position += 1
      let status =
        switch value {
        case .null: sqlite3_bind_null(handle, position)
        case .integer(let number): sqlite3_bind_int64(handle, position, number)
        // No destructor: the bytes stay where they are until others are bound, so that SQLite need not copy each into memory of
        // its own.
        case .text(let text):
          begin?.withMemoryRebound(to: CChar.self, capacity: text.utf8.count) {
            sqlite3_bind_text(handle, position, $0, Int32(text.utf8.count), nil)
          } ?? SQLITE_NOMEM
        case .bytes(let bytes):
          bytes.isEmpty
            ? sqlite3_bind_zeroblob(handle, position, 0)
            : sqlite3_bind_blob(handle, position, begin, Int32(bytes.count), nil)
        }
      guard status == SQLITE_OK else { throw SQLiteConnection.error(of: connection) }
      begin = begin.map { $0 + value.gatheredBytes }
    }
  }

  /// Lays what is bound by its address, one after the other, where it stays until the next binding.
  private func gather(_ values: [SQLValue]) throws {
    let size = values.reduce(1) { $0 + $1.gatheredBytes }
    if size > gathered.count {
      gathered.deallocate()
      gathered = .allocate(capacity: max(size, Self.gatheredBytes))
    }
    guard var target = gathered.baseAddress else { return }
    for value in values {
      switch value {
      case .null, .integer: break
      case .text(var text):
        text.withUTF8 { if let source = $0.baseAddress { target.update(from: source, count: $0.count) } }
      case .bytes(let bytes):
        bytes.withUnsafeBufferPointer {
          if let source = $0.baseAddress { target.update(from: source, count: $0.count) }
        }
      }
      target += value.gatheredBytes
    }
  }

  func integer(_ column: Int) -> Int64 { sqlite3_column_int64(handle, Int32(column)) }

  func isNull(_ column: Int) -> Bool { sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }

  func text(_ column: Int) -> String {
    guard let start = sqlite3_column_text(handle, Int32(column)) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, Int32(column)))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func bytes(_ column: Int) -> [UInt8] {
    guard let start = sqlite3_column_blob(handle, Int32(column)) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, Int32(column)))))
  }
}

extension SQLValue {
  /// Of a value that is bound by its address.
  fileprivate var gatheredBytes: Int {
    switch self {
    case .null, .integer: 0
    case .text(let text): text.utf8.count
    case .bytes(let bytes): bytes.count
    }
  }
}
