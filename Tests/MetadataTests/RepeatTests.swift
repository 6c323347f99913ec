import Ground
import Synchronization
import TestSupport
import Testing

@testable import Metadata

/// The answer to a commit was lost, and the transaction is run again.
@Suite struct `A transaction that is run again` {
  private static let request = AuditEntry(
    "push", by: Origin(actor: "alice", requestID: "r-1"), namespace: "acme", target: "acme/api",
    detail: #"{"new":true}"#)

  private static func count(_ database: any Database) async throws -> Int {
    try await database.read { try $0.auditRecords(AuditFilter(), after: 0, newestFirst: true, limit: 100) }.count
  }

  @Test(arguments: DatabaseKind.allCases)
  func `records once what it does, also when it tells it otherwise`(kind: DatabaseKind) async throws {
    try await kind.withDatabase { base in
      let database = ForgetfulDatabase(base: base)
      try await database.write { transaction in
        let detail = #"{"new":\#(!transaction.isRepeat)}"#
        try transaction.record(
          AuditEntry(
            "push", by: Self.request.origin, namespace: "acme", target: "acme/api", detail: detail))
      }
      #expect(try await Self.count(base) == 1)
      // Another of its requests, another thing, and another outcome.
      for (kind, outcome, id, target) in [
        ("push", AuditEntry.Outcome.done, "r-2", "acme/api"), ("tag.move", .done, "r-1", "acme/api"),
        ("push", .done, "r-1", "acme/web"), ("push", .refused, "r-1", "acme/api"),
      ] {
        try await database.write {
          try $0.record(AuditEntry(kind, outcome, by: Origin(actor: "alice", requestID: id), target: target))
        }
      }
      #expect(try await Self.count(base) == 5)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `records once each of what was gathered`(kind: DatabaseKind) async throws {
    try await kind.withDatabase { base in
      let at = base.now
      try await ForgetfulDatabase(base: base).write { transaction in
        for (tag, moment) in [("1", at), ("2", at), ("2", at + .microseconds(1))] {
          try transaction.record(
            AuditEntry(
              "pull", by: Origin(actor: "alice", requestID: "r-1"), target: "acme/api", detail: #"{"tag":"\#(tag)"}"#,
              at: moment))
        }
      }
      #expect(try await Self.count(base) == 3)
    }
  }

  @Test(arguments: [true, false])
  func `over PostgreSQL knows it, whether the commit came to pass or not`(isCommitted: Bool) async throws {
    let server = try await PostgresServer.shared()
    let direct = try await server.freshDatabase()
    let proxy = try ChaosProxy(to: server.port)
    defer { proxy.stop() }
    let database = try await PostgresDatabase(
      PostgresSettings(url: direct.replacing(":\(server.port)/", with: ":\(proxy.port)/")))
    let runs = Mutex<[Bool]>([])
    try await database.write { transaction in
      runs.withLock { $0.append(transaction.isRepeat) }
      try transaction.record(Self.request)
      guard !transaction.isRepeat else { return }
      // As if the commit that follows had come through, and its answer had not.
      if isCommitted { try transaction.execute("COMMIT") }
      proxy.cutAll()
    }
    let repeats = runs.withLock { $0 }
    #expect(repeats.first == false && repeats.count > 1 && repeats.dropFirst().allSatisfy { $0 }, "\(repeats)")
    #expect(try await Self.count(database) == 1)
  }
}
