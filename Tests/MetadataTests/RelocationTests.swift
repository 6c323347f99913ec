import TestSupport
import Testing

@testable import Metadata

@Suite struct `What goes along when a registry moves` {
  @Test func `is every table and every column, but those that are known to stay`() async throws {
    let database = try SQLiteDatabase.inMemory()
    let found = try await database.read { transaction in
      try transaction.all(
        """
        SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
        """
      ) { [$0.text(0), $0.text(1)] }
    }
    let known = StoredTable.allCases.flatMap { table in table.columns.map { [table.rawValue, $0.name] } }
    #expect(Set(found.filter { !StoredTable.leftBehind.contains($0[0]) }) == Set(known))
    #expect(known.count == Set(known).count)
  }

  @Test(arguments: DatabaseKind.allCases)
  func `is copied page by page, also more rows than a page holds`(kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let source = try SQLiteDatabase.inMemory()
      let count = StoredTable.repository.pageLimit * 2 + 1
      try await source.write { transaction in
        for number in 0..<count {
          try transaction.execute(
            "INSERT INTO repository (name, manifests, created_at) VALUES (\("acme/r\(number)"), 0, 1)")
        }
      }
      var last: StoredRow?
      repeat {
        let after = last
        let page = try await source.read { try $0.rows(of: .repository, after: after) }
        try await database.write { try $0.insert(page, into: .repository) }
        try await database.write { try $0.insert(page, into: .repository) }
        last = page.last
      } while last != nil
      #expect(try await database.read { try $0.count(of: .repository) } == Int64(count))
      try await database.write { try $0.continueCounting() }
      _ = try await database.write { transaction in
        try transaction.execute("INSERT INTO repository (name, manifests, created_at) VALUES ('acme/last', 0, 1)")
      }
      #expect(try await database.read { try $0.count(of: .repository) } == Int64(count + 1))
    }
  }
}
