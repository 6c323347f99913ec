// A database that takes no writes any more, because its registry has moved. Triggers say so to every process, also to one that
// was started before.

extension Transaction {
  /// From the commit on, every write to a table of the registry is refused with ``DatabaseError/readOnly(_:)``. Waits for the
  /// transactions that are under way.
  public func seal() throws { try seal(Seal.moving, sqlState: Seal.movingState) }

  /// The same for good, with ``DatabaseError/moved``: another database is about to take writes instead of this one.
  public func sealForGood() throws {
    // A trigger of SQLite keeps the words that it was made with.
    if connection.dialect == .sqlite { try unseal() }
    try seal(Seal.moved, sqlState: Seal.movedState)
  }

  private func seal(_ message: String, sqlState: String) throws {
    switch connection.dialect {
    case .sqlite:
      for (table, operation) in Self.sealed {
        try execute(
          SQL(
            relocation: """
              CREATE TRIGGER IF NOT EXISTS sealed_\(table)_\(operation) BEFORE \(operation) ON \(table)
              BEGIN SELECT RAISE(ABORT, '\(message)'); END
              """, []))
      }
    case .postgreSQL:
      try execute(
        SQL(
          relocation: """
            CREATE OR REPLACE FUNCTION berth_sealed() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '\(message)' USING ERRCODE = '\(sqlState)'; END $$
            """, []))
      for table in Self.sealedTables {
        try execute(
          SQL(
            relocation: """
              CREATE OR REPLACE TRIGGER sealed BEFORE INSERT OR UPDATE OR DELETE ON \(table)
              FOR EACH ROW EXECUTE FUNCTION berth_sealed()
              """, []))
      }
    }
  }

  /// Takes writes again.
  public func unseal() throws {
    for (table, operation) in Self.sealed where connection.dialect == .sqlite {
      try execute(SQL(relocation: "DROP TRIGGER IF EXISTS sealed_\(table)_\(operation)", []))
    }
    for table in Self.sealedTables where connection.dialect == .postgreSQL {
      try execute(SQL(relocation: "DROP TRIGGER IF EXISTS sealed ON \(table)", []))
    }
  }

  private static let sealedTables = StoredTable.allCases.map(\.rawValue) + ["upload", "upload_part", "ended_upload"]
  private static let sealed = sealedTables.flatMap { table in
    ["INSERT", "UPDATE", "DELETE"].map { (table, $0) }
  }
}

/// What the triggers say.
enum Seal {
  static let moving = "the registry is being moved to another database"
  static let moved = "the registry was moved to another database"
  /// `read_only_sql_transaction`, as a standby says it: it may pass.
  static let movingState = "25006"
  /// Of no class that PostgreSQL has: nothing is tried again.
  static let movedState = "BE001"
}

extension Reading where Self: ~Copyable {
  /// Whether ``Transaction/sealForGood()`` is in force.
  public func isMoved() throws -> Bool {
    switch connection.dialect {
    case .sqlite:
      try number(
        """
        SELECT COUNT(*) FROM sqlite_schema
        WHERE type = 'trigger' AND name = 'sealed_tag_INSERT' AND instr(sql, \(Seal.moved)) > 0
        """) > 0
    case .postgreSQL:
      try number(
        """
        SELECT COUNT(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgname = 'sealed' AND t.tgrelid = 'tag'::regclass AND strpos(p.prosrc, \(Seal.moved)) > 0
        """) > 0
    }
  }

  /// What every write is refused with; nil: they are taken.
  public func refusalOfWrites() throws -> DatabaseError? {
    guard try isSealed() else { return nil }
    return try isMoved() ? .moved : .readOnly(Seal.moving)
  }

  /// Whether ``Transaction/seal()`` is in force.
  public func isSealed() throws -> Bool {
    switch connection.dialect {
    case .sqlite:
      try number("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'trigger' AND name = 'sealed_tag_INSERT'") > 0
    case .postgreSQL:
      try number("SELECT COUNT(*) FROM pg_trigger WHERE tgname = 'sealed' AND tgrelid = 'tag'::regclass") > 0
    }
  }
}
