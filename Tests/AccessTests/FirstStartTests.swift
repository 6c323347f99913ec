import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

@Suite struct `The first start with accounts` {
  @Test func `makes one admin, however many replicas start at once, and one key`() async throws {
    let installation = try await TestInstallation(.postgresAndFiles)
    let parts = try await installation.open()
    let passwords = try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          let access = try await AccessControl(
            database: parts.database, http: NoNetwork(), hasher: PasswordHasher(cost: 1))
          return try await access.administration.makeFirstAdmin(password: nil)
        }
      }
      return try await group.reduce(into: []) { found, password in found += [password].compactMap { $0 } }
    }
    #expect(passwords.count == 1)
    #expect(try await parts.database.read { try $0.accountCount() } == 1)
    #expect(try await parts.database.read { try $0.signingKeys().count } == 1)
    let access = try await AccessControl(database: parts.database, http: NoNetwork())
    let caller = try await access.authenticator.caller(
      .basic(user: "admin", password: passwords[0]), address: "", requestID: "")
    #expect(caller.accountName == "admin")
    #expect(try await access.administration.makeFirstAdmin(password: "another-password") == nil)
    await parts.close()
    try installation.remove()
  }

  @Test func `takes over the namespaces of a registry that was open before`() async throws {
    let database = try SQLiteDatabase.inMemory()
    for name in ["a", "a-b/x", "a/x", "a/y", "zeta/y/z"] {
      try await database.tamper("INSERT INTO repository (name, manifests, created_at) VALUES (\(name), 1, 1)")
    }
    try await database.tamper("INSERT INTO repository (name, manifests, created_at) VALUES ('empty/x', 0, 1)")
    _ = try await AccessControl(database: database, http: NoNetwork())
    let found = try await database.read { try $0.namespaces(after: "", limit: 100) }
    #expect(found.map(\.name) == ["a", "a-b", "zeta"])
    #expect(found.allSatisfy { !$0.isPublic })
  }
}
