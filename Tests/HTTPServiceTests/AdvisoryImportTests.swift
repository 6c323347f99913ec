import HTTPService
import Metadata
import RegistryCore
import TestSupport
import Testing

/// Advisories that are sent are read as a whole before any of them counts.
@Suite("an import of advisories") struct AdvisoryImportTests {
  private static func record(_ number: Int) -> String {
    #"{"id":"T-\#(number)","modified":"2026-01-01T00:00:00Z","aliases":[],"affected":[]}"#
  }

  private static func lines(_ numbers: Range<Int>, then end: String = "") -> [UInt8] {
    Array((numbers.map { record($0) + "\n" }.joined() + end).utf8)
  }

  private static func send(
    _ body: [UInt8], as query: String, to server: TestRegistry
  ) async throws -> Int {
    try await server.client("POST", "/api/v1/advisories/test?\(query)", body: .bytes(body)).status
  }

  @Test("with a broken record behind some hundred good ones changes nothing, nor does one of another length")
  func wholeOrNothing() async throws {
    let count = 2 * AdvisoryImport.batchLimit
    try await serving { (server) async throws -> Void in
      func known() async throws -> [Int64] { try await server.registry.advisoryFeeds().map(\.recordCount) }
      let broken = [
        (Self.lines(0..<count, then: #"{"id":"#), "records=\(count + 1)", 400),
        (Self.lines(0..<count, then: #"{"id":"T-x"}"# + "]\n"), "records=\(count + 1)", 400),
        (Self.lines(0..<count), "records=\(count + 1)", 409),
        (Self.lines(0..<count), "records=\(count - 1)&whole=true", 409),
        (Self.lines(0..<count), "records=\(count)&format=secdb", 400),
        (Self.lines(0..<count), "records=\(count)&format=kev", 400),
      ]
      for (body, query, status) in broken {
        #expect(try await Self.send(body, as: query, to: server) == status, "\(query)")
        #expect(try await known().isEmpty, "\(query)")
      }
      #expect(try await Self.send(Self.lines(0..<count), as: "records=\(count)&whole=true", to: server) == 200)
      #expect(try await known() == [Int64(count)])

      // What was there is kept.
      let changed = Self.lines(count..<(2 * count), then: "{}\n")
      #expect(try await Self.send(changed, as: "records=\(count + 1)", to: server) == 400)
      #expect(try await known() == [Int64(count)])
      let kept = try await server.registry.records(ofFeed: "test", after: "", limit: count)
      #expect(kept?.records.count == count)
    }
  }

  @Test("needs the folder in which it waits, and changes nothing without it")
  func noFolder() async throws {
    var settings = HTTPServiceSettings()
    settings.stagingFolder = "/nonexistent"
    try await serving(http: settings) { (server) async throws -> Void in
      #expect(try await Self.send(Self.lines(0..<1), as: "records=1", to: server) == 500)
      #expect(try await server.registry.advisoryFeeds().isEmpty)
    }
  }
}
