import BlobStorage
import Metadata
import RegistryCore
import TestSupport
import Upkeep

/// Both ends of a move, opened as registries are.
struct MoveEnds {
  let source, target: TestInstallation.Parts
  private let installations: [TestInstallation]
  let client: SimulatedClient

  static func open(_ from: TestInstallation.Kind, _ to: TestInstallation.Kind) async throws -> MoveEnds {
    let installations = [try await TestInstallation(from), try await TestInstallation(to)]
    let source = try await installations[0].open()
    return MoveEnds(
      source: source, target: try await installations[1].open(), installations: installations,
      client: try await client(over: source))
  }

  /// - Parameter lifetime: of the process that moves; nil: as long as it takes.
  func relocation(within lifetime: Lifetime? = nil) -> Relocation {
    let store = source.store
    let from = Relocation.End(database: lifetime?.database(source.database) ?? source.database) {
      try await store.open($0)
    }
    return Relocation(from: from, to: lifetime?.database(target.database) ?? target.database, target.store)
  }

  /// A client of the registry at its new place.
  func moved() async throws -> SimulatedClient { try await Self.client(over: target) }

  private static func client(over parts: TestInstallation.Parts) async throws -> SimulatedClient {
    let registry = try await Registry(
      database: parts.database, store: parts.store, uploadsAreRows: parts.uploadsAreRows, logger: .silent)
    return try SimulatedClient(registry, "acme/api")
  }

  func close() async throws {
    await source.close()
    await target.close()
    for installation in installations { try installation.remove() }
  }
}
