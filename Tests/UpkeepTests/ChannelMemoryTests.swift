import Ground
import Metadata
import OCI
import TestSupport
import Testing
import Upkeep

@testable import RegistryCore

/// A channel whose image is that of several versions.
@Suite struct `The memory of a channel` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let images = (0..<2).map { SampleManifest.image(config: config, layers: [], note: "\($0)") }
  private static let latest = OCI.Tag.sample("latest")

  @Test func `tells every version, and counts those of one image as one state: to go back, and to be kept`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      let client = try SimulatedClient(registry, "acme/api")
      for (kind, json) in [
        (RepositoryRule.Kind.channels, #"{"channels":["latest"]}"#), (.history, #"{"states":2,"days":1}"#),
      ] {
        let value = try RuleValue.validated(kind, try JSONValue.parse(json))
        try await registry.database.write { try $0.setRule(kind, on: .everything, of: "acme", to: value, by: "test") }
      }
      try await client.put(Self.config)
      var pointed: Timestamp?
      for (number, tag) in [(0, "1.0.0"), (1, "1.1.0"), (1, "1.1.1"), (1, "1.1.2")] {
        machine.clock.advance(by: .seconds(60))
        if tag == "1.1.0" { pointed = machine.clock.now }
        try await client.push(Self.images[number], tags: [.sample(tag)])
      }
      machine.clock.advance(by: .seconds(60))
      // Asked for now or as of a moment, it points there since it was pointed there.
      for moment in [nil, machine.clock.now] as [Timestamp?] {
        let state = try await registry.tagState(Self.latest, asOf: moment, permit: client.pull)
        let listed = try await registry.tagStates(asOf: moment, after: "", limit: 10, permit: client.pull)
        #expect(state.digest == Self.images[1].digest && listed.contains(state))
        #expect(pointed.map { state.since >= $0 && state.since < $0 + .seconds(60) } ?? false, "\(state)")
      }
      machine.clock.advance(by: .seconds(40 * 86_400))
      let care = TagCare(registry: registry, logger: .silent)
      while try await care.step() {}
      let history = try await registry.history(
        of: Self.latest, TagEventFilter(), before: nil, limit: 10, permit: client.pull)
      #expect(history.map(\.reason) == ["follows 1.1.2", "follows 1.1.1", "follows 1.1.0", "follows 1.0.0"])
      let back = try await registry.restore(Self.latest, to: .movesAgo(1), reason: nil, permit: client.restore)
      #expect(back.to == Self.images[0].digest)
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }
}
