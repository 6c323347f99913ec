import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// Operation k of the disk fails, once or until it is healed; for every k.
@Suite struct `A failing disk under a registry` {
  struct Kind: Sendable, CustomTestStringConvertible {
    let code: Int32
    let lasts: Bool
    var testDescription: String { "errno \(code), \(lasts ? "from then on" : "once")" }
    static let all = [DiskFault.noSpace, DiskFault.inputOutput].flatMap { code in
      [false, true].map { Kind(code: code, lasts: $0) }
    }
  }

  @Test(arguments: RegistryScenario.all, Kind.all)
  func `breaks no promise, says why, and is no obstacle once healed`(scenario: RegistryScenario, kind: Kind) throws {
    var operation = 0
    var isThrough = false
    while !isThrough {
      let fault = DiskFault(operation: operation, code: kind.code, lasts: kind.lasts)
      isThrough = try SeededExecutor.run(seed: UInt64(operation)) { try await Self.run(scenario, fault) }
      operation += 1
    }
  }

  /// At every fifth operation, because each is a run against a server.
  @Test(arguments: RegistryScenario.all)
  func `breaks no promise over PostgreSQL either`(scenario: RegistryScenario) async throws {
    let postgres = try await SimulatedPostgres()
    defer { postgres.close() }
    var operation = 0
    var isThrough = false
    while !isThrough {
      try await postgres.clear()
      let fault = DiskFault(operation: operation, code: DiskFault.noSpace, lasts: operation % 2 == 0)
      isThrough = try await SeededExecutor.runApart(seed: UInt64(operation)) {
        try await Self.run(scenario, fault, over: postgres.database)
      }
      operation += 5
    }
  }

  /// - Returns: whether the scenario came to its end without meeting the fault.
  private static func run(
    _ scenario: RegistryScenario, _ fault: DiskFault, over database: (any Database)? = nil
  ) async throws -> Bool {
    let machine = try SimulatedMachine(database: database)
    let told = Acknowledged()
    let registry = try await machine.start()
    let client = try SimulatedClient(registry, "acme/api")
    let stage = RegistryScenario.Stage(machine: machine, registry: registry, client: client, told: told)
    try await scenario.before(stage)
    machine.disk.setFault(fault)
    do {
      try await scenario.act(stage)
    } catch let error as DiskError {
      #expect(error.code == fault.code, "\(fault)")
    }
    let isThrough = machine.disk.faultsAnswered == 0
    machine.disk.setFault(nil)
    #expect(try await told.missing(to: client) == [], "\(fault)")
    try await goOn(stage, "\(fault)")
    return isThrough
  }

  /// The same process goes on: everything can be pushed, what was begun is ended, and then the power is cut.
  private static func goOn(_ stage: RegistryScenario.Stage, _ when: String) async throws {
    try await stage.registry.store.settle()
    // A removal that failed is tried again after a while.
    stage.machine.clock.advance(by: .seconds(120))
    try await stage.registry.collectAll()
    let claimed = try await stage.machine.database.read { try $0.claimedBlobs().map(\.digest) }
    #expect(claimed == [], "\(when)")
    try await stage.push(RegistryScenario.small)
    try await stage.push(RegistryScenario.large, in: 2)
    try await stage.registry.store.settle()
    stage.machine.disk.losePower(seed: 0)
    let registry = try await stage.machine.start()
    #expect(try await stage.machine.contradictions(damaged: stage.told.damaged) == [], "\(when)")
    let client = try SimulatedClient(registry, "acme/api")
    #expect(try await stage.told.missing(to: client) == [], "\(when)")
  }
}
