import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Upkeep

/// What clients do. Each act tells the oracle when it begins and how it was answered.
struct Player: Sendable {
  let world: World
  let chance: SeededRandom

  func pick<Element>(_ elements: [Element]) -> Element { elements[Int(chance.next() % UInt64(elements.count))] }

  /// Runs one act; the answers that a client may get are no failures.
  func step() async throws {
    let name = pick(World.repositories)
    switch chance.next() % 16 {
    case 0..<6: try await pushImage(pick(World.images), to: name)
    case 6..<8: try await pushIndex(pick(World.indexes), to: name)
    case 8: try await deleteManifest(pick(World.images + World.indexes), from: name)
    case 9: try await deleteTag(pick(World.tags), from: name)
    case 10: try await deleteBlob(pick(World.smalls + World.larges), from: name)
    case 11: try await restoreTag(pick(World.tags), in: name)
    default: try await read(pick(World.tags), from: name)
    }
  }

  /// As clients do: ask for each blob, skip or mount or push it, then push the manifest.
  private func pushImage(_ image: SampleManifest, to name: String) async throws {
    let client = try world.client(name)
    let begun = world.now
    let isBeingDeleted = World.blobs(of: image).contains { world.oracle.isBeingDeleted(.blob(name, $0)) }
    let deletions = World.blobs(of: image).map { world.oracle.deletions(of: .blob(name, $0)) }
    for blob in World.blobs(of: image) {
      if try await client.has(blob.digest) { continue }
      try await push(blob, client)
    }
    do {
      try await push(image, tags: [pick(World.tags)].filter { _ in chance.next() % 3 > 0 }, to: name)
    } catch let error as RegistryError where error.code == .denied {
      // The tag is immutable.
    } catch let error as RegistryError where error.code == .manifestBlobUnknown {
      // Right only when somebody deleted a blob meanwhile, or the client took longer than a lease.
      let unchanged = deletions == World.blobs(of: image).map { world.oracle.deletions(of: .blob(name, $0)) }
      if unchanged && !isBeingDeleted && world.now - begun < .seconds(15 * 60) {
        world.findings.add("a push to \(name) was refused although its blobs were there: \(error)")
      }
    }
  }

  private func push(_ blob: SampleBlob, _ client: SimulatedClient) async throws {
    try await acting([.blob(client.repository.text, blob)], deletes: false, as: .present(nil)) {
      if chance.next() % 3 == 0, try await client.mount(blob.digest, from: nil) { return }
      if blob.bytes.count < 65_536 && chance.next() % 4 > 0 {
        try await client.put(blob)
      } else {
        try await client.upload(blob, in: Int(chance.next() % 3) + 1)
      }
    }
  }

  private func push(_ manifest: SampleManifest, tags: [OCI.Tag], to name: String) async throws {
    let client = try world.client(name)
    let tagActs = tags.map { world.oracle.begin(.tag(name, $0), deletes: false, at: world.now) }
    do {
      try await acting([.manifest(name, manifest)], deletes: false, as: .present(nil)) {
        try await client.push(manifest, tags: tags)
      }
      for act in tagActs { world.oracle.end(act, as: .present(manifest)) }
    } catch {
      for act in tagActs { fail(act, error) }
      throw error
    }
  }

  private func pushIndex(_ index: SampleManifest, to name: String) async throws {
    for child in World.children(of: index) { try await pushImage(child, to: name) }
    do {
      try await push(index, tags: [pick(World.tags)], to: name)
    } catch let error as RegistryError where error.code == .manifestBlobUnknown || error.code == .denied {}
  }

  private func deleteManifest(_ manifest: SampleManifest, from name: String) async throws {
    let client = try world.client(name)
    world.oracle.doubtTags(of: name)
    defer { world.oracle.doubtTags(of: name) }
    try await allowing(.manifestUnknown, .denied) {
      try await acting([.manifest(name, manifest)], deletes: true, as: .absent) {
        try await client.deleteManifest(manifest.digest)
      }
    }
    // Its blobs are kept for a while only.
    for blob in World.blobs(of: manifest) { world.oracle.doubt(.blob(name, blob)) }
  }

  private func deleteTag(_ tag: OCI.Tag, from name: String) async throws {
    let client = try world.client(name)
    try await allowing(.manifestUnknown, .denied) {
      try await acting([.tag(name, tag)], deletes: true, as: .absent) { try await client.deleteTag(tag) }
    }
  }

  /// Goes back to some state that the history tells of; what it showed again is there.
  private func restoreTag(_ tag: OCI.Tag, in name: String) async throws {
    let client = try world.client(name)
    let events = try await client.registry.history(
      of: tag, TagEventFilter(), before: nil, limit: 20, permit: client.pull
    ).filter { $0.isKept }
    guard !events.isEmpty else { return }
    let event = pick(events)
    guard let goal = (World.images + World.indexes).first(where: { $0.digest == event.to }) else { return }
    let tagAct = world.oracle.begin(.tag(name, tag), deletes: false, at: world.now)
    do {
      try await acting(
        ([goal] + World.children(of: goal)).map { .manifest(name, $0) }, deletes: false, as: .present(nil)
      ) {
        _ = try await client.registry.restore(tag, to: .event(event.id), reason: nil, permit: client.restore)
      }
      world.oracle.end(tagAct, as: .present(goal))
    } catch let error as RegistryError where [.manifestUnknown, .unavailable, .denied].contains(error.code) {
      // Removed for good since, with a blob that somebody deleted; or others move the tag all the time; or it is immutable.
      world.oracle.refused(tagAct)
    } catch {
      if error is RegistryError { world.oracle.refused(tagAct) } else { world.oracle.lost(tagAct) }
      throw error
    }
  }

  private func deleteBlob(_ blob: SampleBlob, from name: String) async throws {
    let client = try world.client(name)
    try await allowing(.blobUnknown, .unsupported) {
      try await acting([.blob(name, blob)], deletes: true, as: .absent) { try await client.deleteBlob(blob.digest) }
    }
  }

  /// What is certain before and after a read, and did not change meanwhile, must be what is read.
  private func read(_ tag: OCI.Tag, from name: String) async throws {
    let client = try world.client(name)
    let before = world.oracle.certainty(.tag(name, tag))
    let found = try await client.manifest(.tag(tag))
    let after = world.oracle.certainty(.tag(name, tag))
    guard before == after else { return }
    switch before.truth {
    case .unknown: break
    case .absent: if found != nil { world.findings.add("\(name):\(tag) was deleted and is read") }
    case .present(let manifest):
      if found != manifest?.content.bytes { world.findings.add("\(name):\(tag) is read as something else") }
    }
  }

  private func acting(
    _ subjects: [Oracle.Subject], deletes: Bool, as truth: Oracle.Truth, _ body: () async throws -> Void
  ) async throws {
    let acts = subjects.map { world.oracle.begin($0, deletes: deletes, at: world.now) }
    do {
      try await body()
      for act in acts { world.oracle.end(act, as: truth) }
    } catch {
      for act in acts { fail(act, error) }
      throw error
    }
  }

  private func fail(_ act: Oracle.Act, _ error: any Error) {
    let isCertain =
      switch error {
      // Run again because the answer was lost, a push that had been done may miss a blob that somebody deleted since.
      case let refusal as RegistryError: !world.losesAnswers || refusal.code != .manifestBlobUnknown
      default: false
      }
    if isCertain { world.oracle.refused(act) } else { world.oracle.lost(act) }
  }

  private func allowing(_ codes: ErrorCode..., body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let error as RegistryError where codes.contains(error.code) {}
  }
}

func == (left: (truth: Oracle.Truth, mark: Int), right: (truth: Oracle.Truth, mark: Int)) -> Bool {
  left.truth == right.truth && left.mark == right.mark
}
