import Ground
import TestSupport
import Testing

@testable import Metadata

@Suite struct `Connections to PostgreSQL` {
  /// A machine that lost its power answers nothing at all, and its standby is the next of the URL's hosts.
  @Test func `are made to the next of several hosts when the first does not answer`() async throws {
    let server = try await PostgresServer.shared()
    let direct = try await server.freshDatabase()
    // It takes connections and waits for a request that libpq does not send.
    let deaf = try ScriptedHTTPServer { _ in (200, "") }
    defer { deaf.stop() }
    let first = deaf.url.replacing("http://", with: "")
    var settings = PostgresSettings(
      url: direct.replacing("@127.0.0.1:", with: "@\(first),127.0.0.1:") + "?target_session_attrs=read-write")
    settings.connectTimeout = .seconds(2)
    settings.patience = .zero
    let database = try await PostgresDatabase(settings)
    #expect(try await database.read { try $0.keepsake("none") } == nil)
  }

  @Test func `are counted right, whoever takes one in the moment in which it is given back`() async throws {
    var settings = try await PostgresSettings.fresh()
    settings.connections = 4
    let database = try await PostgresDatabase(settings)
    let workers = WorkerPool(name: "pool-tests", threads: settings.connections)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<settings.connections {
        group.addTask(executorPreference: workers) {
          for _ in 0..<400 { _ = try await database.read { try $0.keepsake("none") } }
        }
      }
      try await group.waitForAll()
    }
    workers.stop()
    let figures = database.figures
    #expect(figures.open == figures.idle && figures.open <= settings.connections, "\(figures)")
  }
}
