import Access
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// The connection to PostgreSQL breaks at each statement of what a registry does: before the server gets it, or after the server
/// has done it, a commit among them, so that nobody knows how it ended. A seed says which.
@Suite struct `A connection that breaks at a statement` {
  static let seed: UInt64 = 4

  private static func stage(_ machine: SimulatedMachine, _ told: Acknowledged) async throws -> RegistryScenario.Stage {
    let registry = try await machine.start()
    return .init(machine: machine, registry: registry, client: try SimulatedClient(registry, "acme/api"), told: told)
  }

  /// What a registry does, each time one after the other, so that the same statement has the same number.
  private static let scenarios =
    RegistryScenario.all.filter { $0.testDescription != "two clients push the same at once" } + [promotion]

  private static let promotion = RegistryScenario(testDescription: "an image is promoted, and gone back from") {
    stage in
    try await stage.push(RegistryScenario.config)
    for version in 1...2 { try await stage.push(image(version), tags: [.sample("\(version).0.0")]) }
    _ = try await stage.registry.makeEnvironment(.sample("production"), [:], adopts: false, by: actor())
    try await release(.images([try ImageReference(parsing: "acme/api:1.0.0")]), "first", stage.registry)
  } act: { stage in
    try await release(.images([try ImageReference(parsing: "acme/api:2.0.0")]), "second", stage.registry)
    try await release(.rollback(to: nil), "back", stage.registry)
  }

  private static func image(_ version: Int) -> SampleManifest {
    SampleManifest.image(config: RegistryScenario.config, layers: [], note: "\(version)")
  }

  private static func actor() async throws -> ReleaseActor {
    try await Policy.open.releaseActor(in: "acme", for: .everybody)
  }

  private static func release(_ content: ReleaseWish.Content, _ key: String, _ registry: Registry) async throws {
    _ = try await registry.release(
      ReleaseWish(content, reason: nil, key: key, isDryRun: false), to: .sample("production"), by: actor())
  }

  /// Whoever waits for the database to come back is not told of it: each operation finds out how it ended.
  @Test(arguments: scenarios)
  func `fails nothing, and is done once`(scenario: RegistryScenario) async throws {
    let postgres = try await SimulatedPostgres()
    defer { postgres.close() }
    let count = try await Self.run(scenario, at: nil, postgres)
    var missed = 0
    for number in Self.numbers(below: count) {
      _ = try await Self.run(scenario, at: (number, Self.cut(at: number)), postgres)
      missed += 1 - postgres.relay.counts.cuts
    }
    // For the end of the last read nobody waits, so it may come too late to be counted.
    #expect((0...1).contains(missed))
  }

  /// Whoever does not wait is told that nobody knows; then it was done whole, or not at all.
  @Test(arguments: scenarios)
  func `leaves nothing half done where nobody tries again`(scenario: RegistryScenario) async throws {
    let postgres = try await SimulatedPostgres(isPatient: false)
    defer { postgres.close() }
    let count = try await Self.run(scenario, at: nil, postgres)
    for number in Self.numbers(below: count) {
      _ = try await Self.run(scenario, at: (number, Self.cut(at: number &+ 1)), postgres, mayFail: true)
    }
  }

  /// Every third statement; which of three, the seed says.
  private static func numbers(below count: Int) -> StrideTo<Int> { stride(from: Int(seed % 3), to: count, by: 3) }

  private static func cut(at number: Int) -> PostgresRelay.Cut {
    SeededRandom(seed: seed &+ UInt64(number)).next() % 2 == 0 ? .before : .after
  }

  /// - Returns: how many statements it took.
  private static func run(
    _ scenario: RegistryScenario, at cut: (number: Int, kind: PostgresRelay.Cut)?, _ postgres: SimulatedPostgres,
    mayFail: Bool = false
  ) async throws -> Int {
    try await postgres.clear()
    let when = cut.map { "\($0.kind) statement \($0.number)" } ?? "no cut"
    return try await SeededExecutor.runApart(seed: seed) {
      let machine = try SimulatedMachine(keepsObjects: true, database: postgres.database)
      let told = Acknowledged()
      try await scenario.before(stage(machine, told))
      let stage = try await stage(machine, told)
      postgres.relay.follow { $0 == cut?.number ? cut?.kind : nil }
      do {
        try await scenario.act(stage)
      } catch let error as DatabaseError {
        #expect(mayFail, "\(when): \(error)")
      }
      postgres.relay.rest()
      let count = postgres.relay.counts.statements
      // An idle connection that broke is noticed by the next who takes it.
      for _ in 0..<2 { _ = try? await machine.database.read { try $0.keepsake("none") } }
      let after = try await self.stage(machine, told)
      #expect(try await machine.contradictions(damaged: told.damaged) == [], "\(when)")
      #expect(try await told.missing(to: after.client) == [], "\(when)")
      #expect(try await machine.database.read { try $0.claimedBlobs().map(\.digest) } == [], "\(when)")
      if scenario.testDescription == promotion.testDescription {
        try await expectOneRelease(after, isDone: !mayFail, when)
      }
      return count
    }
  }

  /// The tag shows one of the two versions, and the record says the same; said again, each wish is one release.
  private static func expectOneRelease(_ stage: RegistryScenario.Stage, isDone: Bool, _ when: String) async throws {
    let shown = try await stage.client.manifest(.tag(.sample("production")))
    let versions = (1...2).filter { image($0).content.bytes == shown }
    #expect(versions.count == 1, "\(when)")
    let state = try await stage.registry.environment(.sample("production"), by: actor())
    #expect(state.images.map(\.digest) == versions.map { image($0).digest }, "\(when)")
    try await release(.images([try ImageReference(parsing: "acme/api:2.0.0")]), "second", stage.registry)
    try await release(.rollback(to: nil), "back", stage.registry)
    let releases = try await stage.registry.releases(of: .sample("production"), before: nil, limit: 10, by: actor())
    #expect(releases.map(\.release.effective) == [1, 2, 1], "\(when)")
    if isDone { #expect(versions == [1], "\(when)") }
  }
}
