import BlobStorage
import Glibc
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// Clients, collector, scrub, clock and power cuts, interleaved by one seed and held against a model in memory.
///
/// A seed that fails is replayed by `BERTH_SEED=<seed> swift test --filter Simulation`.
@Suite struct Simulation {
  static let defaultSeeds: Range<UInt64> = 0..<200

  /// Fewer where every transaction goes to a server.
  static let seedsOverPostgres: Range<UInt64> = 0..<6

  private static func seeds(_ usual: Range<UInt64>) -> [UInt64] {
    guard let text = getenv("BERTH_SEED").map({ String(cString: $0) }), let seed = UInt64(text) else {
      return Array(usual)
    }
    return [seed]
  }

  /// Over local disk one registry; over an object store replicas, whose clients go from one to another.
  @Test(arguments: [1, 3])
  func `every acknowledged push stays, and everything deleted is gone, whatever comes between`(replicas: Int) throws {
    let tally = Tally()
    let seeds = Self.seeds(Self.defaultSeeds)
    for seed in seeds {
      var findings: [String]
      do {
        findings = try SeededExecutor.run(seed: seed) { try await Self.play(seed, replicas, tally) }
      } catch { findings = ["it ended with \(error)"] }
      Self.expectNone(findings, seed)
    }
    for deed in Tally.Deed.allCases where seeds.count > 1 {
      #expect(tally[deed] >= seeds.count / 8, "\(deed) came about too seldom")
    }
  }

  /// And the connections to the database break before or after statements that the seed chooses.
  @Test(arguments: [1, 3])
  func `over PostgreSQL likewise, whose connections break at any statement`(replicas: Int) async throws {
    let postgres = try await SimulatedPostgres()
    defer { postgres.close() }
    var cuts = 0
    for seed in Self.seeds(Self.seedsOverPostgres) {
      var findings: [String]
      do {
        try await postgres.clear()
        postgres.relay.follow(PostgresRelay.occasionally(seed: seed))
        findings = try await SeededExecutor.runApart(seed: seed) {
          try await Self.play(seed, replicas, Tally(), over: postgres.database)
        }
      } catch { findings = ["it ended with \(error)"] }
      Self.expectNone(findings, seed)
      cuts += postgres.relay.counts.cuts
    }
    #expect(cuts > 0)
  }

  private static func expectNone(_ findings: [String], _ seed: UInt64) {
    #expect(
      findings.isEmpty,
      "\(findings.joined(separator: "\n"))\nreplay: BERTH_SEED=\(seed) swift test --filter Simulation")
  }

  private static func play(
    _ seed: UInt64, _ replicas: Int, _ tally: Tally, over database: (any Database)? = nil
  ) async throws -> [String] {
    let chance = SeededRandom(seed: seed)
    let game = try Game(seed, keepsObjects: replicas > 1, chance, tally, over: database)
    let findings = game.findings
    for life in 0..<3 {
      let world = try await game.begin(replicas)
      if life == 0 { try await world.prepare() }
      try await world.sayAgain()
      try await world.compare()
      guard findings.all.isEmpty else { return findings.all.map { "life \(life), at its start: \($0)" } }
      let power = game.machine.disk.power
      if chance.next() % 4 > 0 { power.cut(after: Int(chance.next() % 350)) }
      try await live(world, chance)
      if power.isOn { try await world.compare() }
      guard findings.all.isEmpty else { return findings.all.map { "life \(life), at its end: \($0)" } }
      let end = chance.next()
      if end % 4 == 0 { game.machine.disk.endProcess() } else { game.machine.disk.losePower(seed: end >> 2) }
    }
    let world = try await game.begin(1)
    try await world.sayAgain()
    try await world.compare()
    try await world.restoreAll()
    if try await !game.machine.database.read({ try $0.corruptBlobs(limit: 1) }).isEmpty {
      findings.add("a blob was set aside")
    }
    if try await !game.machine.database.read({ try $0.claimedBlobs() }).isEmpty { findings.add("a claim was left") }
    return findings.all
  }

  /// One life of the machine, up to its end or to a power cut.
  private static func live(_ world: World, _ chance: SeededRandom) async throws {
    let seeds = (0..<10).map { _ in chance.next() }
    await withTaskGroup { group in
      for number in 0..<4 {
        let player = Player(world: world, chance: SeededRandom(seed: seeds[number]))
        group.addTask { await repeating(6, world) { try await player.step() } }
      }
      for number in 8..<10 {
        let player = Player(world: world, chance: SeededRandom(seed: seeds[number]))
        group.addTask { await repeating(5, world) { try await player.releaseStep() } }
      }
      // Every replica collects, though in a server only one at a time does: their safety must not depend on that.
      for registry in world.registries {
        group.addTask {
          let collection = Collection(
            registry: registry, settings: .init(untaggedAfter: world.untaggedAfter), logger: .silent)
          await repeating(12 / world.registries.count, world) {
            if let plan = try await collection.plan() { try await collection.carryOut(plan) }
            for _ in 0..<5 { await Task.yield() }
          }
        }
        group.addTask {
          let care = TagCare(registry: registry, logger: .silent)
          await repeating(9 / world.registries.count, world) {
            _ = try await care.step()
            for _ in 0..<10 { await Task.yield() }
          }
        }
      }
      group.addTask {
        let scrub = BackgroundScrub(
          registry: world.registry, scrub: Scrub(store: world.registry.store, rateBytes: 0, time: world.machine.clock),
          logger: .silent)
        await repeating(1, world) { while try await scrub.step() {} }
      }
      group.addTask { await repeating(4, world) { try await world.registry.store.settle() } }
      group.addTask {
        let chance = SeededRandom(seed: seeds[7])
        await repeating(8, world) {
          for _ in 0..<(chance.next() % 40) { await Task.yield() }
          // Mostly less than any lease, at times more than all of them, once in a while back.
          switch chance.next() % 16 {
          case 0: world.machine.clock.advance(by: .seconds(25 * 3600))
          case 1:
            world.machine.clock.jump(by: .seconds(-60))
            world.moments.forget(from: world.now)
          default: world.machine.clock.advance(by: .seconds(Int64(chance.next() % 200)))
          }
        }
      }
    }
  }

  /// Does `body` so many times, until the power is cut. Any other failure is a finding.
  private static func repeating(_ count: Int, _ world: World, _ body: () async throws -> Void) async {
    do {
      for _ in 0..<count { try await body() }
    } catch let error as DiskError where error == .powerCut {
    } catch {
      world.findings.add("unexpected: \(error)")
    }
  }
}
