// Whole rows, as they go from one database to another.

extension Reading where Self: ~Copyable {
  /// Rows of a table in the order of its key, those after `last`.
  public func rows(of table: StoredTable, after last: StoredRow?) throws -> [StoredRow] {
    let columns = table.columns
    let key = columns.prefix(table.keyCount).map(\.name).joined(separator: ", ")
    let names = columns.map(\.name).joined(separator: ", ")
    let marks = Array(repeating: "?", count: table.keyCount).joined(separator: ", ")
    let condition = last == nil ? "" : "WHERE (\(key)) > (\(marks))"
    let text = "SELECT \(names) FROM \(table.rawValue) \(condition) ORDER BY \(key) LIMIT \(table.pageLimit)"
    return try all(SQL(relocation: text, Array((last?.values ?? []).prefix(table.keyCount)))) { row in
      StoredRow(
        values: columns.enumerated().map { index, column in
          if row.isNull(index) { return .null }
          switch column.kind {
          case .integer: return .integer(row.integer(index))
          case .text: return .text(row.text(index))
          case .bytes: return .bytes(row.bytes(index))
          }
        })
    }
  }

  public func count(of table: StoredTable) throws -> Int64 {
    try number(SQL(relocation: "SELECT COUNT(*) FROM \(table.rawValue)", []))
  }
}

extension Transaction {
  /// Inserts rows; those that are there stay as they are.
  public func insert(_ rows: [StoredRow], into table: StoredTable) throws {
    let names = table.columns.map(\.name).joined(separator: ", ")
    let marks = Array(repeating: "?", count: table.columns.count).joined(separator: ", ")
    let text = "INSERT INTO \(table.rawValue) (\(names)) VALUES (\(marks)) ON CONFLICT DO NOTHING"
    // Older versions of ours stored on SQLite what PostgreSQL has not.
    for row in rows {
      let values = row.values.map { value in if case .text(let text) = value { text.sqlValue } else { value } }
      try enqueue(SQL(relocation: text, values))
    }
  }

  /// Lets keys that count by themselves go on after those that were inserted.
  public func continueCounting() throws {
    guard connection.dialect == .postgreSQL else { return }  // SQLite looks at the largest by itself.
    for table in StoredTable.allCases where table.countsByItself {
      _ = try number(
        SQL(
          relocation: """
            SELECT setval(pg_get_serial_sequence('\(table.rawValue)', 'id'),
              (SELECT COALESCE(MAX(id), 0) + 1 FROM \(table.rawValue)), false)
            """, []))
    }
  }
}

extension StoredTable {
  /// The rows as they are right in the other database.
  ///
  /// - Parameters:
  ///   - places: where the bytes of blobs lie there, by digest; nil leaves rows as they are. A blob that is not among them
  ///     could not be taken along: it is marked as damaged, and the next push of it heals it.
  ///   - keepsStore: the bytes stay where they are.
  public func adapted(_ rows: [StoredRow], places: [String: String?]?, keepsStore: Bool) -> [StoredRow] {
    switch self {
    case .blob:
      guard let places else { return rows }
      return rows.map { row in
        guard case .text(let digest) = row.values[0] else { return row }
        var row = row
        if let place = places[digest] {
          row.values[7] = place.map { .text($0) } ?? .null
        } else {
          row.values[7] = .null
          row.values[2] = .integer(BlobRow.State.corrupt.rawValue)
        }
        return row
      }
    case .keepsake:
      return rows.filter { row in
        !Keepsake.ofPlace.contains(row.values[0]) || (keepsStore && row.values[0] == .text(Keepsake.storeID))
      }
    default: return rows
    }
  }
}

/// Names under which an installation keeps what belongs to the place where it is.
public enum Keepsake {
  /// Where the scrub has got to.
  public static let scrubCursor = "scrub-cursor"
  /// Where the sweep of the store has got to.
  public static let orphanCursor = "orphan-cursor"
  /// Where retention and the trimming of history have got to.
  public static let careCursor = "care-cursor"
  /// Joins a database and a store.
  public static let storeID = "store-id"
  /// The name that a store is being given, before it is known that it has it.
  public static let storeIDToBe = "store-id-to-be"
  /// In a database that a registry is being moved to: the one that it comes from.
  public static let moveFrom = "move-from"

  static let ofPlace: [SQLValue] = [scrubCursor, orphanCursor, careCursor, storeID, storeIDToBe, moveFrom].map {
    .text($0)
  }
}

extension SQL {
  /// A statement made of names that stand in ``StoredTable``. Nothing that came from elsewhere is ever part of its text.
  init(relocation text: String, _ values: [SQLValue]) {
    self.init(migration: text)
    self.values = values
  }
}

extension SQLConnection {
  var dialect: SQLDialect { self is SQLiteConnection ? .sqlite : .postgreSQL }
}
