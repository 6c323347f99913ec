import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// How often a whole request waits for PostgreSQL, from its first byte to its answer, who asks included.
@Suite struct `A request over PostgreSQL` {
  /// - Parameter afterPause: where what is remembered of rights and policies is too old to be used unasked.
  private struct Kind {
    let name, method: String
    let target: @Sendable (Int) -> String
    var limit = 1
    var afterPause = 1
  }

  private static let kinds = [
    Kind(name: "pull by tag", method: "GET") { _ in "/v2/acme/api/manifests/1" },
    Kind(name: "pull by digest", method: "GET") { _ in "/v2/acme/api/manifests/\(ClosedRegistry.manifestDigest)" },
    Kind(name: "look at a tag", method: "HEAD") { _ in "/v2/acme/api/manifests/1" },
    Kind(name: "pull of a blob", method: "GET") { _ in "/v2/acme/api/blobs/\(ClosedRegistry.configDigest)" },
    Kind(name: "look at a blob", method: "HEAD") { _ in "/v2/acme/api/blobs/\(ClosedRegistry.configDigest)" },
    // Rights are asked before the body is taken in: once more after a pause.
    Kind(
      name: "push of a manifest with a tag", method: "PUT", target: { "/v2/acme/api/manifests/round-\($0)" }, limit: 3,
      afterPause: 4),
  ]

  @Test func `waits for it once for a pull, also after a pause, and thrice for a push`() async throws {
    // What is known of the caller stays fresh until the test says so.
    let clock = ManualClock()
    try await ClosedRegistry.withOne(over: .postgresAndFiles, time: clock) { registry in
      let database = try #require(registry.server.registry.database as? PostgresDatabase)
      let bearer = try await registry.bearer("repository:acme/api:pull,push", as: ClosedRegistry.admin)
      for (name, credential) in [("Bearer", bearer), ("Basic", ClosedRegistry.basic("writer"))] {
        for kind in Self.kinds {
          var counts: [Int] = []
          for round in 0..<4 {
            // Of four, the first finds nothing in memory, and the last what is too old to be used unasked: whether rights have
            // changed, and what the namespace's policies say of pulls.
            if round == 3 { clock.advance(by: .seconds(2)) }
            let before = database.figures.roundTrips
            let isPush = kind.method == "PUT"
            let answer = try await registry.ask(
              kind.method, kind.target(round), as: credential,
              isPush ? [("Content-Type", "application/vnd.oci.image.manifest.v1+json")] : [],
              body: isPush ? .bytes(ClosedRegistry.manifest) : .none)
            #expect(answer.status == (isPush ? 201 : 200), "\(answer)")
            counts.append(database.figures.roundTrips - before)
          }
          print("round trips of a whole request (\(name)): \(kind.name): \(counts[1]); after a pause: \(counts[3])")
          #expect(counts[1] <= kind.limit && counts[2] <= kind.limit, "\(name), \(kind.name): \(counts)")
          #expect(counts[3] <= kind.afterPause, "\(name), \(kind.name): \(counts)")
        }
      }
    }
  }

  @Test func `is the only one that asks whether rights have changed: where one process writes, it knows`() async throws
  {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      clock.advance(by: .seconds(2))
      let authenticator = registry.server.access.authenticator
      #expect(authenticator.provisionalCaller(.nothing, address: "test", requestID: "test") == nil)
      #expect(authenticator.callerAtHand(.nothing, address: "test", requestID: "test") != nil)
    }
  }
}
