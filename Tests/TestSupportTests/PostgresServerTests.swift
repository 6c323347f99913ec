import TestSupport
import Testing

/// The PostgreSQL of the tests does what tests of faults will ask of it.
@Suite struct PostgresServerTests {
  @Test("the shared server gives every test a database of its own")
  func databases() async throws {
    let server = try await PostgresServer.shared()
    let (first, second) = (try await server.freshDatabase(), try await server.freshDatabase())
    #expect(first != second)
    let name = try #require(first.split(separator: "/").last.map(String.init))
    #expect(try await server.sql("CREATE TABLE t (v text); SELECT count(*) FROM t", database: name) == "0")
    #expect(try await server.sql("SHOW fsync") == "off")
  }

  @Test("text sorts as people do, so that an order of bytes must be asked for")
  func order() async throws {
    let server = try await PostgresServer.shared()
    let sorted = "SELECT string_agg(v, '' ORDER BY v%) FROM (VALUES ('a'), ('B'), ('c')) AS x(v)"
    #expect(try await server.sql(sorted.replacing("%", with: "")) == "aBc")
    #expect(try await server.sql(sorted.replacing("%", with: " COLLATE \"C\"")) == "Bac")
  }

  @Test("what was committed is there after a kill, and the port is the same")
  func kill() async throws {
    let server = try await PostgresServer.start(.init(isDurable: true, maxConnections: 20))
    try await server.sql("CREATE TABLE t AS SELECT 7 AS v")
    await server.kill()
    await #expect(throws: LabError.self) { try await server.sql("SELECT 1") }
    try await server.launch()
    #expect(try await server.sql("SELECT v FROM t; SHOW fsync") == "7\non")
    try await server.restart(.immediate)
    #expect(try await server.sql("SELECT v FROM t") == "7")
    try await server.stop()
  }

  @Test("a full disk refuses writes, and takes them again with room")
  func fullDisk() async throws {
    let server = try await PostgresServer.start(.init(maxConnections: 20, diskLimitMiB: 160))
    try await server.sql("CREATE TABLE t (v text)")
    try server.fillDisk()
    let insert = "INSERT INTO t SELECT repeat('x', 500) FROM generate_series(1, 4000)"
    await #expect(throws: LabError.self) { try await server.sql(insert) }
    try server.freeDisk()
    try await server.sql(insert)
    #expect(try await server.sql("SELECT count(*) FROM t") == "4000")
    try await server.stop()
  }

  @Test("a promoted standby has what was acknowledged before")
  func standby() async throws {
    let first = try await PostgresServer.start(.init(maxConnections: 20))
    try await first.sql("CREATE TABLE t (v int)")
    let second = try await first.standby()
    try await first.sql("INSERT INTO t VALUES (1)")
    await first.kill()
    try await second.promote()
    #expect(try await second.sql("INSERT INTO t VALUES (2); SELECT sum(v) FROM t") == "3")
    try await second.stop()
    try await first.stop()
  }
}
