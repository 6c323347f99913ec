import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// How often a whole request waits for PostgreSQL, from its first byte to its answer, who asks included.
@Suite struct `A request over PostgreSQL` {
  private static let limits = [
    (name: "pull by tag", method: "GET", limit: 1), (name: "pull by digest", method: "GET", limit: 1),
    (name: "push of a manifest with a tag", method: "PUT", limit: 3),
  ]

  private static func target(_ name: String, _ round: Int) -> String {
    switch name {
    case "pull by tag": "/v2/acme/api/manifests/1"
    case "pull by digest": "/v2/acme/api/manifests/\(ClosedRegistry.manifestDigest)"
    default: "/v2/acme/api/manifests/round-\(round)"
    }
  }

  @Test func `waits for it once for a pull and thrice for a push, and up to twice more after a pause`()
    async throws
  {
    // What is known of the caller stays fresh until the test says so.
    let clock = ManualClock()
    try await ClosedRegistry.withOne(over: .postgresAndFiles, time: clock) { registry in
      let database = try #require(registry.server.registry.database as? PostgresDatabase)
      let bearer = try await registry.bearer("repository:acme/api:pull,push", as: ClosedRegistry.admin)
      for (kind, credential) in [("Bearer", bearer), ("Basic", ClosedRegistry.basic("writer"))] {
        for (name, method, limit) in Self.limits {
          var counts: [Int] = []
          for round in 0..<4 {
            // Of four, the first finds nothing in memory, and the last what is too old to be used unasked: whether rights have
            // changed (one question), and what the namespace's policies say of pulls (one).
            if round == 3 { clock.advance(by: .seconds(2)) }
            let before = database.figures.roundTrips
            let answer = try await registry.ask(
              method, Self.target(name, round), as: credential,
              method == "PUT" ? [("Content-Type", "application/vnd.oci.image.manifest.v1+json")] : [],
              body: method == "PUT" ? .bytes(ClosedRegistry.manifest) : .none)
            #expect(answer.status == (method == "PUT" ? 201 : 200), "\(answer)")
            counts.append(database.figures.roundTrips - before)
          }
          print("round trips of a whole request (\(kind)): \(name): \(counts[1]); after a pause: \(counts[3])")
          #expect(counts[1] <= limit && counts[2] <= limit, "\(kind), \(name): \(counts)")
          #expect(counts[3] <= limit + 2, "\(kind), \(name): \(counts)")
        }
      }
    }
  }
}
