import Access
import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

/// What clients were told, in one repository: the oracle.
final class Acknowledged: Sendable {
  private struct State {
    var blobs: Set<SampleBlob> = []
    var manifests: Set<SampleManifest> = []
    var gone: Set<Digest> = []
    var damaged: Set<Digest> = []
  }
  private let state = Mutex(State())

  func pushed(_ blob: SampleBlob) {
    state.withLock { state in
      state.blobs.insert(blob)
      state.damaged.remove(blob.digest)
    }
  }
  func pushed(_ manifest: SampleManifest) { state.withLock { _ = $0.manifests.insert(manifest) } }
  /// From here on it may be there or not.
  func letGo(_ blob: SampleBlob) { state.withLock { _ = $0.blobs.remove(blob) } }
  func letGo(_ manifest: SampleManifest) { state.withLock { _ = $0.manifests.remove(manifest) } }
  /// Deleted, it may come back from here on.
  func doubt(_ digest: Digest) { state.withLock { _ = $0.gone.remove(digest) } }
  func gone(_ digest: Digest) { state.withLock { _ = $0.gone.insert(digest) } }

  /// The medium has failed: until it is pushed again, a row may say *present* although its bytes are wrong.
  func damaged(_ digest: Digest) { state.withLock { _ = $0.damaged.insert(digest) } }
  var damaged: Set<Digest> { state.withLock { $0.damaged } }

  /// What of it a client does not find, in words.
  func missing(to client: SimulatedClient) async throws -> [String] {
    let (blobs, manifests, gone) = state.withLock { ($0.blobs, $0.manifests, $0.gone) }
    var found: [String] = []
    for blob in blobs where try await client.blob(blob.digest) != blob.bytes { found.append("blob \(blob.digest)") }
    for manifest in manifests where try await client.manifest(.digest(manifest.digest)) != manifest.content.bytes {
      found.append("manifest \(manifest.digest)")
    }
    for digest in gone where !blobs.contains(where: { $0.digest == digest }) {
      if try await client.blob(digest) != nil { found.append("\(digest) is back") }
      if try await client.manifest(.digest(digest)) != nil { found.append("\(digest) is back") }
    }
    return found
  }
}

/// Something a registry does, which is stopped at every change of disk or database.
struct RegistryScenario: Sendable, CustomTestStringConvertible {
  struct Stage: Sendable {
    let machine: SimulatedMachine
    let registry: Registry
    let client: SimulatedClient
    let told: Acknowledged

    func push(_ blob: SampleBlob, in requests: Int = 0) async throws {
      if requests == 0 { try await client.put(blob) } else { try await client.upload(blob, in: requests) }
      told.pushed(blob)
    }

    func push(_ manifest: SampleManifest, tags: [OCI.Tag] = []) async throws {
      try await client.push(manifest, tags: tags)
      told.pushed(manifest)
    }
  }

  let testDescription: String
  /// What happened before, and is durable.
  var before: @Sendable (Stage) async throws -> Void = { _ in }
  let act: @Sendable (Stage) async throws -> Void

  static let small = SampleBlob(seed: 1, size: 700)
  static let config = SampleBlob(seed: 2, size: 90)
  static let large = SampleBlob(seed: 3, size: 120_000)
  static let image = SampleManifest.image(config: config, layers: [small, large])
  static let tag = OCI.Tag.sample("latest")

  static let all: [RegistryScenario] = [
    RegistryScenario(testDescription: "an image is pushed") { stage in
      try await stage.push(small)
      try await stage.push(large, in: 3)
      try await stage.push(config)
      try await stage.push(image, tags: [tag])
    },
    RegistryScenario(testDescription: "what is there is pushed again") {
      try await $0.push(small)
      try await $0.push(large, in: 1)
    } act: { stage in
      try await stage.push(small)
      try await stage.push(small, in: 2)
      try await stage.push(large, in: 2)
    },
    RegistryScenario(testDescription: "the journal is settled between pushes") { stage in
      try await stage.push(small)
      try await stage.registry.store.settle()
      try await stage.push(config)
      try await stage.registry.store.settle()
    },
    RegistryScenario(testDescription: "blobs are deleted, collected and pushed again") {
      try await $0.push(small)
      try await $0.push(large, in: 1)
    } act: { stage in
      for blob in [small, large] {
        stage.told.letGo(blob)
        try await stage.client.deleteBlob(blob.digest)
        stage.told.gone(blob.digest)
      }
      try await stage.registry.collectAll()
      try await stage.push(small)
      try await stage.push(large, in: 1)
    },
    RegistryScenario(testDescription: "an image is deleted, and collected after its lease") {
      for blob in [small, config, large] { try await $0.push(blob, in: 1) }
      try await $0.push(image, tags: [tag])
    } act: { stage in
      stage.told.letGo(image)
      for blob in [small, config, large] { stage.told.letGo(blob) }
      try await stage.client.deleteManifest(image.digest)
      stage.told.gone(image.digest)
      stage.machine.clock.advance(by: .seconds(48 * 3600))
      try await stage.registry.collectAll()
      try await stage.registry.collectAll()
    },
    RegistryScenario(testDescription: "an image is deleted, and its tag goes back to it after the collector ran") {
      for blob in [small, config, large] { try await $0.push(blob, in: 1) }
      try await $0.push(image, tags: [tag])
    } act: { stage in
      stage.told.letGo(image)
      for blob in [small, config, large] { stage.told.letGo(blob) }
      try await stage.client.deleteManifest(image.digest)
      stage.told.gone(image.digest)
      stage.machine.clock.advance(by: .seconds(48 * 3600))
      try await stage.registry.collectAll()
      stage.told.doubt(image.digest)
      _ = try await stage.registry.restore(tag, to: .movesAgo(1), reason: nil, permit: stage.client.restore)
      stage.told.pushed(image)
      for blob in [small, config, large] { stage.told.pushed(blob) }
    },
    RegistryScenario(testDescription: "an image is removed for good, and collected after its lease") {
      for blob in [small, config, large] { try await $0.push(blob, in: 1) }
      try await $0.push(image, tags: [tag])
    } act: { stage in
      stage.told.letGo(image)
      for blob in [small, config, large] { stage.told.letGo(blob) }
      try await stage.registry.deleteManifest(image.digest, forGood: true, permit: stage.client.delete)
      stage.told.gone(image.digest)
      stage.machine.clock.advance(by: .seconds(48 * 3600))
      try await stage.registry.collectAll()
      try await stage.registry.collectAll()
    },
    RegistryScenario(testDescription: "a damaged blob is set aside and healed") {
      try await $0.push(large, in: 1)
      try await $0.push(small)
      try await $0.registry.store.settle()
    } act: { stage in
      stage.told.letGo(large)
      stage.told.damaged(large.digest)
      let row = try await stage.registry.database.read { try $0.blob(large.digest) }
      guard let stored = row?.stored else { throw StorageError.blobUnknown(large.digest) }
      stage.machine.damage(stored)
      try await stage.registry.setAside(stored, because: "a test damaged it") { true }
      try await stage.push(large, in: 2)
    },
    RegistryScenario(testDescription: "two clients push the same at once") { stage in
      try await withThrowingTaskGroup { group in
        for _ in 0..<2 {
          group.addTask { try await stage.push(small) }
          group.addTask { try await stage.push(large, in: 2) }
        }
        group.addTask { try await stage.registry.store.settle() }
        try await group.waitForAll()
      }
    },
  ]
}
