import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// Operation k of the disk fails, once or for as long as the disk is not healed; for every k.
@Suite struct `A failing disk` {
  struct Kind: Sendable, CustomTestStringConvertible {
    let code: Int32
    let lasts: Bool
    var testDescription: String { "errno \(code), \(lasts ? "from then on" : "once")" }
    static let all = [DiskFault.noSpace, DiskFault.inputOutput].flatMap { code in
      [false, true].map { Kind(code: code, lasts: $0) }
    }
  }

  static let scenarios = `A power cut`.scenarios

  @Test(arguments: scenarios, Kind.all)
  func `breaks no promise, says why, and is no obstacle once healed`(scenario: StoreScenario, kind: Kind) throws {
    try SeededExecutor.run(seed: 1) {
      let base = try `A power cut`.preparedDisk()
      var operation = 0
      while true {
        let disk = base.copy()
        let promises = Promises()
        let store = try LocalBlobStore(directory: "/data", disk: disk)
        try await scenario.before(store, promises)
        try await store.settle()
        disk.setFault(DiskFault(operation: operation, code: kind.code, lasts: kind.lasts))
        do {
          try await scenario.act(store, promises)
        } catch let error as DiskError {
          #expect(error.code == kind.code, "operation \(operation)")
        }
        let isThrough = disk.faultsAnswered == 0
        disk.setFault(nil)
        #expect(try await promises.areKept(by: store, on: disk), "operation \(operation)")
        try await Self.goOn(store, disk, promises, operation)
        if isThrough { break }
        operation += 1
      }
      // A removal needs no space.
      #expect(operation > 0 || kind.code == DiskFault.noSpace)
    }
  }

  /// The same process goes on with everything, then the power is cut.
  private static func goOn(
    _ store: LocalBlobStore, _ disk: SimulatedDisk, _ promises: Promises, _ operation: Int
  ) async throws {
    try await store.settle()
    try await store.put(.small, promises)
    for upload in try await store.uploads() { try await store.discard(upload) }
    try await store.publish(.large, promises, in: 2)
    try await store.settle()
    #expect(try await promises.areKept(by: store, on: disk), "operation \(operation), healed")
    // What a failed sync has dropped looks well to a new process too, until the power is cut.
    disk.endProcess()
    try LocalBlobStore(directory: "/data", disk: disk).prepare()
    for seed in [0, 1] as [UInt64] {
      let rest = disk.copy()
      rest.losePower(seed: seed)
      let last = try LocalBlobStore(directory: "/data", disk: rest)
      #expect(try await promises.areKept(by: last, on: rest), "operation \(operation), healed and cut")
    }
  }
}
