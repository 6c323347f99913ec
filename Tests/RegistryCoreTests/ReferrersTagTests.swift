import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@Suite struct `A referrers tag` {
  @Test func `is pulled as what a client has pushed there, also with what was added to it`() async throws {
    let client = try SimulatedClient(try await SimulatedMachine().start(), "acme/api")
    let config = SampleBlob(Array("{}".utf8))
    try await client.put(config)
    let subject = SampleManifest.image(config: config, layers: [])
    let artifacts = ["1", "2"].map { SampleManifest.image(config: config, layers: [], subject: subject, note: $0) }
    let index = SampleManifest.index([artifacts[0]])
    let reference = try Reference(parsing: "sha256-\(subject.digest.hex)")
    guard case .tag(let tag) = reference else { preconditionFailure("\(reference) is no tag") }
    try await client.push(artifacts[0])
    try await client.push(index, tags: [tag])
    let whole = try await client.registry.manifest(reference, permit: client.pull)
    #expect(whole.digest == index.digest && whole.source == index.digest)

    try await client.push(artifacts[1])
    let added = try await client.registry.manifest(reference, permit: client.pull)
    #expect(added.digest != index.digest && added.source == index.digest)
    // Who resolves the tag first asks for its digest next.
    #expect(try await client.registry.manifest(.digest(added.digest), permit: client.pull).body == added.body)
  }

  /// Resolved at one replica, and asked for by its digest at another: no session sticks to a replica.
  @Test(arguments: [true, false])
  func `is found by its digest on every replica and after a restart, for a day at least`(isReplica: Bool) async throws {
    let machine = try SimulatedMachine(keepsObjects: isReplica)
    let here = try SimulatedClient(try await machine.start(), "acme/api")
    let config = SampleBlob(Array("{}".utf8))
    try await here.put(config)
    let subjects = ["a", "b"].map { SampleManifest.image(config: config, layers: [], note: $0) }
    var lists: [CachedManifest] = []
    for subject in subjects {
      try await here.push(SampleManifest.image(config: config, layers: [], subject: subject))
      let reference = try Reference(parsing: "sha256-\(subject.digest.hex)")
      lists.append(try await here.registry.manifest(reference, permit: here.pull))
    }
    #expect(lists[0].digest != lists[1].digest)

    machine.clock.advance(by: .seconds(86_400))
    let there = try SimulatedClient(try await machine.start(), "acme/api")
    for list in lists {
      #expect(try await there.registry.manifest(.digest(list.digest), permit: there.pull).body == list.body)
    }
    // In another repository, and after what refers to the subject has changed, nothing has this digest.
    let other = try SimulatedClient(there.registry, "acme/web")
    await #expect(throws: RegistryError.self) {
      _ = try await other.registry.manifest(.digest(lists[0].digest), permit: other.pull)
    }
    try await there.push(SampleManifest.image(config: config, layers: [], subject: subjects[0], note: "more"))
    let later = try SimulatedClient(try await machine.start(), "acme/api")
    await #expect(throws: RegistryError.self) {
      _ = try await later.registry.manifest(.digest(lists[0].digest), permit: later.pull)
    }
    #expect(try await later.registry.manifest(.digest(lists[1].digest), permit: later.pull).body == lists[1].body)
  }

  @Test func `is noted for two days, and what was noted before goes with the next`() async throws {
    let machine = try SimulatedMachine()
    let digests = ["a", "b", "c"].map { SampleBlob(Array($0.utf8)).digest }
    let (tag, name) = (try Tag(parsing: "1"), try RepositoryName(parsing: "acme/api"))
    for (number, digest) in digests.enumerated() {
      try await machine.database.write { try $0.noteReferrersList(digest, of: tag, in: name) }
      let found = try await machine.database.read { transaction in
        try digests.filter { try transaction.referrersTag(ofList: $0, in: name) == tag }
      }
      #expect(found == Array(digests[max(0, number - 1)...number]))
      machine.clock.advance(by: .seconds(86_400))
    }
  }
}
