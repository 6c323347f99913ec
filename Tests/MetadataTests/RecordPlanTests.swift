import Ground
import TestSupport
import Testing

@testable import Metadata

/// What a look into the audit log costs must not depend on what it tells of others.
@Suite struct `A look into the audit log` {
  /// Many pulls from many namespaces, and few from one.
  private static func fill(_ database: any Database) async throws {
    try await database.write { transaction in
      try transaction.enqueue(
        """
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO audit_record (kind, outcome, actor, credential, address, namespace, target, detail, request_id, at)
        SELECT CASE i % 10 WHEN 0 THEN 'push' ELSE 'pull' END, 'done', 'robot' || (i % 50), 'none', '', 'n' || (i % 50),
          'n/api', '{}', '', i FROM n
        """)
      for at in 1...3 {
        try transaction.record(
          AuditEntry(
            "pull", by: Origin(actor: "alice"), namespace: "acme", target: "acme/api",
            at: Timestamp(microseconds: Int64(at))))
      }
    }
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `finds the entries of a namespace in an index, and no others`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      try await Self.fill(database)
      if kind == .postgreSQL { try await database.write { _ = try $0.execute("ANALYZE") } }
      var (ofNamespace, ofActor) = (AuditFilter(), AuditFilter())
      (ofNamespace.namespace, ofActor.actor) = ("acme", "alice")
      let looks: [(query: SQL, index: String)] = [
        (Transaction.recordedPulls(of: "n7", since: Timestamp(microseconds: 4900), limit: 100), "audit_record_pull"),
        (Transaction.newestRecords(ofNamespace, before: .max, limit: 100), "audit_record_namespace"),
        (Transaction.newestRecords(ofActor, before: .max, limit: 100), "audit_record_actor"),
      ]
      for look in looks {
        let plan = try await database.read { transaction in
          kind == .postgreSQL
            ? try transaction.all("EXPLAIN \(look.query)") { $0.text(0) }
            : try transaction.all("EXPLAIN QUERY PLAN \(look.query)") { $0.text(3) }
        }
        let walks = plan.filter { line in ["SCAN ", "Seq Scan", "TEMP B-TREE"].contains { line.contains($0) } }
        #expect(walks.isEmpty && plan.contains { $0.contains(look.index) }, "\(plan)")
      }
    }
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `tells the latest of what is asked for`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      try await Self.fill(database)
      try await database.write { try $0.record(AuditEntry("push", by: Origin(actor: "bob"), target: "elsewhere")) }
      func found(_ change: (inout AuditFilter) -> Void) async throws -> [Int64] {
        var filter = AuditFilter()
        change(&filter)
        let asked = filter
        return try await database.read { try $0.auditRecords(asked, after: 0, newestFirst: true, limit: 2) }
          .map(\.at.microseconds)
      }
      #expect(try await found { $0.namespace = "acme" } == [3, 2])
      #expect(try await found { ($0.namespace, $0.actor) = ("acme", "bob") } == [])
      #expect(try await found { $0.actor = "alice" } == [3, 2])
      #expect(try await found { ($0.actor, $0.until) = ("robot7", Timestamp(microseconds: 100)) } == [57, 7])
      #expect(try await found { ($0.namespace, $0.kind) = ("n10", "push") } == [4960, 4910])
      #expect(try await found { ($0.namespace, $0.outcome) = ("acme", "refused") } == [])
      // What belongs to no namespace.
      #expect(try await found { $0.namespace = "" }.count == 1)
    }
  }
}
