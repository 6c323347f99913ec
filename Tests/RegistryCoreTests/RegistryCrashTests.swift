import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// The power goes before each change that disk or database make, and what was not synced is kept, lost or half kept:
/// then the invariants I1 to I5 hold, and the registry goes on.
@Suite struct `A power cut under a registry` {
  typealias Stage = RegistryScenario.Stage

  private static func stage(_ machine: SimulatedMachine, _ told: Acknowledged) async throws -> Stage {
    let registry = try await machine.start()
    return Stage(machine: machine, registry: registry, client: try SimulatedClient(registry, "acme/api"), told: told)
  }

  /// What is left after a cut, and where the blobs are.
  struct Ending: Sendable, CustomTestStringConvertible {
    /// Says what the disk keeps; nil: only the process is killed.
    let seed: UInt64?
    /// Blobs lie in an object store, which keeps everything.
    let keepsObjects: Bool

    var testDescription: String {
      keepsObjects ? "over an object store" : seed.map { "disk kept by seed \($0)" } ?? "process killed"
    }

    static let all =
      ([nil, 0, 1, 2, 3, 7] as [UInt64?]).map { Ending(seed: $0, keepsObjects: false) }
      + [Ending(seed: nil, keepsObjects: true)]
  }

  @Test(arguments: RegistryScenario.all, Ending.all)
  func `breaks no promise`(scenario: RegistryScenario, ending: Ending) throws {
    var cut = 0
    while try !SeededExecutor.run(seed: UInt64(cut), { [cut] in try await Self.run(scenario, cut: cut, ending) }) {
      cut += 1
    }
    #expect(cut > 0)
  }

  /// At every fourth change, because each is a run against a server.
  @Test(arguments: RegistryScenario.all, [Ending(seed: 1, keepsObjects: false), Ending(seed: nil, keepsObjects: true)])
  func `breaks no promise over PostgreSQL either`(scenario: RegistryScenario, ending: Ending) async throws {
    let postgres = try await SimulatedPostgres()
    defer { postgres.close() }
    var cut = 0
    var isThrough = false
    while !isThrough {
      try await postgres.clear()
      isThrough = try await SeededExecutor.runApart(seed: UInt64(cut)) { [cut] in
        try await Self.run(scenario, cut: cut, ending, over: postgres.database)
      }
      cut += 4
    }
    #expect(cut > 4)
  }

  /// - Returns: whether the scenario came to its end before the cut.
  private static func run(
    _ scenario: RegistryScenario, cut: Int, _ ending: Ending, over database: (any Database)? = nil
  ) async throws -> Bool {
    let machine = try SimulatedMachine(keepsObjects: ending.keepsObjects, database: database)
    let told = Acknowledged()
    try await scenario.before(stage(machine, told))
    machine.disk.endProcess(next: PowerSwitch(cutBefore: cut))
    do {
      try await scenario.act(stage(machine, told))
    } catch let error as DiskError where error == .powerCut {}
    let isThrough = machine.disk.power.isOn
    machine.disk.power.cut()
    if let seed = ending.seed { machine.disk.losePower(seed: seed) } else { machine.disk.endProcess() }
    try await check(machine, told, "cut before change \(cut)")
    return isThrough
  }

  private static func check(_ machine: SimulatedMachine, _ told: Acknowledged, _ when: String) async throws {
    let stage = try await stage(machine, told)
    #expect(try await machine.contradictions(damaged: told.damaged) == [], "\(when)")
    #expect(try await told.missing(to: stage.client) == [], "\(when)")
    #expect(try await machine.database.read { try $0.claimedBlobs().map(\.digest) } == [], "\(when)")
    // It goes on, and what it has acknowledged survives the next cut too.
    try await stage.push(SampleBlob(seed: 50, size: 100))
    try await stage.push(SampleBlob(seed: 51, size: 70_000), in: 1)
    try await stage.push(RegistryScenario.small)
    machine.disk.losePower(seed: 0)
    let last = try await self.stage(machine, told)
    #expect(try await machine.contradictions(damaged: told.damaged) == [], "\(when), and once more")
    #expect(try await told.missing(to: last.client) == [], "\(when), and once more")
  }
}
