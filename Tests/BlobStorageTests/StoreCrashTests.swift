import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

@testable import BlobStorage

/// What a client was told: the oracle of a crash test.
final class Promises: Sendable {
  private struct State {
    var kept: Set<SampleBlob> = []
    var removed: Set<Digest> = []
  }
  private let state = Mutex(State())

  func acknowledged(_ blob: SampleBlob) { state.withLock { _ = $0.kept.insert(blob) } }
  /// From here on either is right, until the removal is acknowledged.
  func removing(_ blob: SampleBlob) { state.withLock { _ = $0.kept.remove(blob) } }
  func removed(_ blob: SampleBlob) { state.withLock { _ = $0.removed.insert(blob.digest) } }

  /// Everything acknowledged reads back; everything that has a name has the right bytes; what was removed has none.
  func areKept(by store: LocalBlobStore, on disk: SimulatedDisk) async throws -> Bool {
    let (kept, removed) = state.withLock { ($0.kept, $0.removed) }
    for blob in kept where try await store.content(of: blob.digest) != blob.bytes { return false }
    for path in disk.files(below: "/data/blobs") {
      guard let bytes = disk.content(path) else { return false }
      let digest = SampleBlob(bytes, path.contains("/sha512/") ? .sha512 : .sha256).digest
      if !path.hasSuffix(digest.hex) { return false }
      if removed.contains(digest) && !kept.contains(where: { $0.digest == digest }) { return false }
    }
    return true
  }
}

/// Something a store does, which is stopped at every change that it makes to the disk.
struct StoreScenario: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// What happened long before, and is durable.
  var before: @Sendable (LocalBlobStore, Promises) async throws -> Void = { _, _ in }
  let act: @Sendable (LocalBlobStore, Promises) async throws -> Void
}

extension LocalBlobStore {
  func put(_ blob: SampleBlob, _ promises: Promises) async throws {
    try await put(blob.buffer, as: blob.digest)
    promises.acknowledged(blob)
  }

  func publish(_ blob: SampleBlob, _ promises: Promises, in pieces: Int = 1) async throws {
    let upload = UploadID.sample("u\(blob.digest.hex.prefix(12))")
    var offset = 0
    for piece in 1...pieces {
      let end = blob.bytes.count * piece / pieces
      try await append(blob.bytes[offset..<end], to: upload, at: Int64(offset))
      offset = end
    }
    _ = try await publish(upload, as: blob.digest)
    promises.acknowledged(blob)
  }

  func remove(_ blob: SampleBlob, _ promises: Promises) async throws {
    promises.removing(blob)
    try await remove([blob.digest])
    promises.removed(blob)
  }
}

@Suite struct `A power cut` {
  private static let third = SampleBlob(seed: 30, size: 3000)

  static let scenarios: [StoreScenario] = [
    StoreScenario(testDescription: "small puts") { store, promises in
      for blob in [SampleBlob.small, .small512, .empty] { try await store.put(blob, promises) }
    },
    StoreScenario(testDescription: "publishing") { store, promises in
      try await store.publish(.large, promises, in: 3)
      try await store.publish(.large512, promises)
    },
    StoreScenario(testDescription: "publishing over a durable blob") {
      try await $0.publish(.large, $1)
    } act: { store, promises in
      try await store.publish(.large, promises, in: 2)
    },
    StoreScenario(testDescription: "putting over a durable blob") {
      try await $0.publish(.small, $1)
    } act: { store, promises in
      for _ in 0..<2 { try await store.put(.small, promises) }
      try await store.settle()
    },
    StoreScenario(testDescription: "settling between puts") { store, promises in
      for blob in [SampleBlob.small, .small512, .empty] {
        try await store.put(blob, promises)
        try await store.settle()
        try await store.put(third, promises)
      }
      try await store.settle()
    },
    StoreScenario(testDescription: "removal of journaled blobs") { store, promises in
      for blob in [SampleBlob.small, .small512] { try await store.put(blob, promises) }
      promises.removing(.small)
      try await store.remove([SampleBlob.small.digest])
      try await store.settle()
      promises.removing(.small512)
      try await store.remove([SampleBlob.small512.digest])
    },
    StoreScenario(testDescription: "removal of durable blobs") {
      for blob in [SampleBlob.large, .large512] { try await $0.publish(blob, $1) }
    } act: { store, promises in
      for blob in [SampleBlob.large, .large512] { try await store.remove(blob, promises) }
    },
    StoreScenario(testDescription: "quarantine and the push that heals") {
      try await $0.publish(.large, $1)
    } act: { store, promises in
      promises.removing(.large)
      try await store.quarantine(SampleBlob.large.digest)
      try await store.publish(.large, promises)
    },
    StoreScenario(testDescription: "a wrong digest and a discarded upload") {
      try await $0.publish(.small, $1)
    } act: { store, promises in
      try await store.append(SampleBlob.large.bytes, to: .sample())
      do { _ = try await store.publish(.sample(), as: SampleBlob.small.digest) } catch is StorageError {}
      try await store.append(SampleBlob.large.bytes, to: .sample("two"))
      try await store.discard(.sample("two"))
    },
  ]

  /// How a life ends: with the power, so that a seed says what is left, or with the process alone.
  enum End: Hashable, CustomTestStringConvertible {
    case power(UInt64), process
    var testDescription: String {
      switch self {
      case .power(let seed): "the power is cut, seed \(seed)"
      case .process: "the process is killed"
      }
    }
    static let all: [End] = [.process] + [0, 1, 2, 3, 6, 7].map { .power($0) }

    func happen(to disk: SimulatedDisk, next power: PowerSwitch = PowerSwitch()) {
      switch self {
      case .power(let seed): disk.losePower(seed: seed, next: power)
      case .process: disk.endProcess(next: power)
      }
    }
  }

  /// A disk whose directories are there and durable.
  static func preparedDisk() throws -> SimulatedDisk {
    try SeededExecutor.run(seed: 1) {
      let disk = SimulatedDisk()
      try await LocalBlobStore(directory: "/data", disk: disk).settle()
      return disk
    }
  }

  @Test(arguments: scenarios, End.all)
  func `before any change of the disk breaks no promise`(scenario: StoreScenario, end: End) throws {
    try SeededExecutor.run(seed: 1) {
      let base = try Self.preparedDisk()
      var cut = 0
      while true {
        let disk = base.copy()
        let promises = Promises()
        try await scenario.before(LocalBlobStore(directory: "/data", disk: disk), promises)
        try await LocalBlobStore(directory: "/data", disk: disk).settle()
        disk.endProcess(next: PowerSwitch(cutBefore: cut))
        do {
          let store = try LocalBlobStore(directory: "/data", disk: disk)
          try await scenario.act(store, promises)
        } catch let error as DiskError where error == .powerCut {}
        let isThrough = disk.power.isOn
        end.happen(to: disk)
        try await Self.check(disk, promises, cut)
        if isThrough { break }
        cut += 1
      }
      #expect(cut > 0)
    }
  }

  @Test(arguments: End.all)
  func `at the first start of all is no obstacle to the next`(end: End) throws {
    try SeededExecutor.run(seed: 1) {
      var cut = 0
      while true {
        let disk = SimulatedDisk(power: PowerSwitch(cutBefore: cut))
        do {
          try await LocalBlobStore(directory: "/data", disk: disk).settle()
        } catch let error as DiskError where error == .powerCut {}
        let isThrough = disk.power.isOn
        end.happen(to: disk)
        try await Self.check(disk, Promises(), cut)
        if isThrough { break }
        // Most changes make one of the 512 directories that are all alike.
        cut += cut > 12 && cut < 500 ? 31 : 1
      }
      #expect(cut > 500)
    }
  }

  /// Opens the store twice more: what the first opening has seen must be durable, too.
  private static func check(_ disk: SimulatedDisk, _ promises: Promises, _ cut: Int) async throws {
    let store = try LocalBlobStore(directory: "/data", disk: disk)
    #expect(try await promises.areKept(by: store, on: disk), "cut before change \(cut)")
    let more = [SampleBlob(seed: 77, size: 10), SampleBlob(seed: 78, size: 70_000)]
    try await store.put(more[0], promises)
    try await store.publish(more[1], promises)
    disk.losePower(seed: 0)
    let last = try LocalBlobStore(directory: "/data", disk: disk)
    #expect(try await promises.areKept(by: last, on: disk), "cut before change \(cut), and once more")
  }
}
