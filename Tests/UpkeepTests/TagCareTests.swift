import Access
import Ground
import Metadata
import OCI
import TestSupport
import Testing
import Upkeep

@testable import RegistryCore

/// What happens to tags by themselves, over weeks that pass at once.
@Suite struct `Retention and the end of history` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let images = (0..<6).map { SampleManifest.image(config: config, layers: [], note: "\($0)") }
  private static let day: Duration = .seconds(86_400)

  private struct Stage {
    let machine: SimulatedMachine
    let registry: Registry
    let client: SimulatedClient

    var row: RepositoryRow {
      get async throws {
        let name = client.repository
        let id = try #require(try await registry.database.read { try $0.repository(named: name) })
        return RepositoryRow(id: id, name: name)
      }
    }

    func push(_ number: Int, as tags: String...) async throws {
      try await client.put(config)
      try await client.push(images[number], tags: tags.map { .sample($0) })
    }

    func set(_ kind: RepositoryRule.Kind, _ json: String) async throws {
      let value = try RuleValue.validated(kind, try JSONValue.parse(json))
      try await registry.database.write {
        try $0.setRule(kind, on: .everything, of: "acme", to: value, by: "test")
      }
    }

    func make(_ environment: String) async throws {
      let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
      _ = try await registry.makeEnvironment(.sample(environment), [:], adopts: false, by: actor)
    }

    func release(_ tag: String, to environment: String) async throws {
      let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
      let image = try ImageReference(parsing: "\(client.repository):\(tag)")
      let wish = ReleaseWish(.images([image]), reason: nil, key: nil, isDryRun: false)
      _ = try await registry.release(wish, to: .sample(environment), by: actor)
    }

    func care() async throws {
      let care = TagCare(registry: registry, logger: .silent)
      while try await care.step() {}
      let found = try await registry.database.read { try $0.inconsistencies(limit: 10) }
      #expect(found.isEmpty, "\(found)")
    }

    func tags() async throws -> [String] {
      try await registry.tags(after: "", limit: 100, permit: client.pull).tags.elements.map(\.text)
    }
  }

  private static func onStage(_ body: @escaping @Sendable (Stage) async throws -> Void) throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      try await body(
        Stage(machine: machine, registry: registry, client: try SimulatedClient(registry, "acme/api")))
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `whatever was in force within the time that is kept can be asked for and restored`(seed: UInt64) throws {
    try Self.onStage { stage in
      let chance = SeededRandom(seed: seed)
      try await stage.set(.history, #"{"states":3,"days":10,"environmentDays":365}"#)
      var states: [(from: Timestamp, digest: Digest?)] = []
      for _ in 0..<30 {
        stage.machine.clock.advance(by: .seconds(Int64(chance.next() % 200_000) + 1))
        if chance.next() % 5 == 0 {
          do { try await stage.client.deleteTag(.sample("v")) } catch is RegistryError { continue }
          states.append((stage.machine.clock.now, nil))
        } else {
          let number = Int(chance.next() % UInt64(Self.images.count))
          guard states.last?.digest != Self.images[number].digest else { continue }
          try await stage.push(number, as: "v")
          states.append((stage.machine.clock.now, Self.images[number].digest))
        }
        if chance.next() % 4 == 0 { try await stage.care() }
      }
      stage.machine.clock.advance(by: .seconds(1))
      try await stage.care()
      let now = stage.machine.clock.now
      for (index, state) in states.enumerated() {
        let end = index + 1 < states.count ? states[index + 1].from : now
        guard end > now - Self.day * 10, let digest = state.digest else { continue }
        let last = Timestamp(microseconds: end.microseconds - 1)
        let found = try await stage.registry.tagState(.sample("v"), asOf: last, permit: stage.client.pull)
        #expect(found.digest == digest, "seed \(seed)")
        let restored = try await stage.registry.restore(
          .sample("v"), to: .moment(last), reason: nil, permit: stage.client.restore)
        #expect(restored.to == digest, "seed \(seed)")
      }
      // What is asked for beyond is answered right, or not at all.
      for (index, state) in states.enumerated() {
        let end = index + 1 < states.count ? states[index + 1].from : now
        let moment = Timestamp(microseconds: end.microseconds - 1)
        let found = try? await stage.registry.tagState(.sample("v"), asOf: moment, permit: stage.client.pull)
        #expect(found == nil || found?.digest == state.digest, "seed \(seed)")
      }
    }
  }

  @Test func `history lets go of old images, and the collector takes them`() throws {
    try Self.onStage { stage in
      try await stage.set(.history, #"{"states":2,"days":5}"#)
      for number in 0..<5 { try await stage.push(number, as: "v") }
      stage.machine.clock.advance(by: Self.day * 6)
      let plan = try await stage.registry.historyPlan(of: try await stage.row, after: "")
      #expect(plan.trims.first?.deleted.count == 3)
      try await stage.care()
      let history = try await stage.registry.history(
        of: .sample("v"), TagEventFilter(), before: nil, limit: 10, permit: stage.client.pull)
      #expect(history.map(\.to) == [Self.images[4].digest, Self.images[3].digest])
      let collection = Collection(
        registry: stage.registry, settings: .init(untaggedAfter: .zero), logger: .silent)
      while let plan = try await collection.plan() { try await collection.carryOut(plan) }
      for (number, isThere) in [false, false, false, true, true].enumerated() {
        let found = try await stage.client.manifest(.digest(Self.images[number].digest))
        #expect((found != nil) == isThere, "image \(number)")
      }
      // A tag that was deleted long ago is forgotten as a whole.
      try await stage.client.deleteTag(.sample("v"))
      stage.machine.clock.advance(by: Self.day * 6)
      try await stage.care()
      let rest = try await stage.registry.history(
        of: .sample("v"), TagEventFilter(), before: nil, limit: 10, permit: stage.client.pull)
      #expect(rest.isEmpty)
    }
  }

  @Test(arguments: [
    (#"{"keepLast":2}"#, ["v4", "v5"]), (#"{"keepNewerThanDays":3}"#, ["v4", "v5"]),
    (#"{"keepTags":["v0","v5"]}"#, ["v0", "v5"]), (#"{"keepPulledWithinDays":1}"#, ["v1"]),
    (#"{"keepLast":1,"keepTags":["v2"]}"#, ["v2", "v5"]),
    (#"{"keepLast":1,"appliesTo":["*","!v3"]}"#, ["v3", "v5"]),
    (#"{"deleteUntaggedAfterDays":1}"#, ["v0", "v1", "v2", "v3", "v4", "v5"]),
    (#"{"keepVersions":"2"}"#, []),
  ])
  func `does what its preview says, and what it deletes can be restored`(_ rule: String, _ kept: [String]) throws {
    try Self.onStage { stage in
      for number in 0..<6 {
        try await stage.push(number, as: "v\(number)")
        stage.machine.clock.advance(by: Self.day)
      }
      stage.registry.notePull(of: Self.images[1].digest, in: stage.client.repository)
      try await stage.registry.flushPulls()
      stage.machine.clock.advance(by: .seconds(60))
      try await stage.set(.retention, rule)
      let plan = try #require(try await stage.registry.retentionPlan(of: try await stage.row))
      #expect(plan.decisions.filter(\.isKept).map(\.tag.name.text).sorted() == kept)
      #expect(!plan.decisions.contains { $0.reason.isEmpty })
      try await stage.care()
      #expect(try await stage.tags() == kept)
      for decision in plan.decisions where !decision.isKept {
        let restored = try await stage.registry.restore(
          decision.tag.name, to: .movesAgo(1), reason: nil, permit: stage.client.restore)
        #expect(restored.to == decision.tag.digest)
      }
      #expect(try await stage.tags().count == 6)
    }
  }

  @Test(arguments: [
    ("2", ["2.0.0", "2.1.0-rc.1", "2.1.3"]), ("2.1", ["2.1.0-rc.1", "2.1.3"]),
    (">=2.0.0 <2.1", ["2.0.0"]), (">=2.1 <3", ["2.1.0-rc.1", "2.1.3"]), ("1.9.0", ["1.9.0"]),
  ])
  func `keeps the versions of a range, with their pre-releases`(_ range: String, _ kept: [String]) throws {
    try Self.onStage { stage in
      for (number, tag) in ["1.9.0", "2.0.0", "2.1.0-rc.1", "2.1.3", "3.0.0-alpha", "latest"].enumerated() {
        try await stage.push(number, as: tag)
        stage.machine.clock.advance(by: .seconds(1))
      }
      try await stage.set(.retention, #"{"keepVersions":"\#(range)"}"#)
      let plan = try #require(try await stage.registry.retentionPlan(of: try await stage.row))
      for decision in plan.decisions {
        let expected =
          kept.contains(decision.tag.name.text)
          ? "it is a version in \(range)" : "nothing keeps it: kept are versions in \(range)"
        #expect(decision.reason == expected, "\(decision)")
      }
      try await stage.care()
      #expect(try await stage.tags() == kept)
    }
  }

  @Test func `takes images that nothing names, and none that an index, a subject or history needs`() throws {
    try Self.onStage { stage in
      let client = stage.client
      let (child, other, loose, overwritten) = (Self.images[0], Self.images[1], Self.images[2], Self.images[3])
      let index = SampleManifest.index([child, other])
      let signature = SampleManifest.image(config: Self.config, layers: [], subject: index, note: "of the index")
      let bill = SampleManifest.image(config: Self.config, layers: [], subject: child, note: "of one image")
      try await client.put(Self.config)
      for image in [child, other, loose] { try await client.push(image) }
      try await client.push(overwritten, tags: [.sample("v1")])
      try await client.push(index, tags: [.sample("v1")])
      for image in [signature, bill] { try await client.push(image) }
      try await stage.set(.retention, #"{"deleteUntaggedAfterDays":2}"#)
      stage.machine.clock.advance(by: .seconds(3 * 86_400))
      let plan = try #require(try await stage.registry.retentionPlan(of: try await stage.row))
      #expect(plan.untagged.map(\.digest) == [loose.digest])
      try await stage.care()
      try await stage.registry.collectAll(untaggedAfter: .seconds(86_400))
      for image in [child, other, index, signature, bill, overwritten] {
        #expect(try await client.manifest(.digest(image.digest)) != nil, "\(image.digest)")
      }
      #expect(try await client.manifest(.digest(loose.digest)) == nil)
    }
  }

  @Test func `counts a pull of an image as one of the indexes that name it`() throws {
    try Self.onStage { stage in
      let client = stage.client
      let (pulled, other) = (SampleManifest.index([Self.images[0]]), SampleManifest.index([Self.images[1]]))
      try await client.put(Self.config)
      for number in 0...1 { try await client.push(Self.images[number]) }
      try await client.push(pulled, tags: [.sample("wanted")])
      try await client.push(other, tags: [.sample("idle")])
      stage.machine.clock.advance(by: Self.day * 9)
      // As a node does whose deployment names the digest of one platform.
      stage.registry.notePull(of: Self.images[0].digest, in: client.repository)
      try await stage.registry.flushPulls()
      stage.machine.clock.advance(by: Self.day)
      try await stage.set(.retention, #"{"keepPulledWithinDays":7}"#)
      try await stage.care()
      #expect(try await stage.tags() == ["wanted"])
    }
  }

  @Test func `leaves the signature of an image that is here`() throws {
    try Self.onStage { stage in
      let signatures = Self.images[..<2].map { $0.digest.description.replacing(":", with: "-") + ".sig" }
      try await stage.push(2, as: signatures[0])
      try await stage.push(3, as: signatures[1])
      stage.machine.clock.advance(by: Self.day)
      try await stage.push(0, as: "v1")
      try await stage.set(.retention, #"{"keepLast":1}"#)
      try await stage.care()
      #expect(try await stage.tags() == [signatures[0], "v1"])
    }
  }

  @Test func `keeps every tag of what an environment runs, as long as it runs it`() throws {
    try Self.onStage { stage in
      for number in 0..<4 {
        try await stage.push(number, as: "v\(number)")
        stage.machine.clock.advance(by: .seconds(1))
      }
      // An older tag of the same image.
      try await stage.push(1, as: "also-v1")
      stage.machine.clock.advance(by: .seconds(1))
      try await stage.push(3, as: "v3", "v4")
      for name in ["production", "staging"] { try await stage.make(name) }
      try await stage.set(.retention, #"{"keepTags":["v4"]}"#)
      let row = try await stage.row
      let before = try #require(try await stage.registry.retentionPlan(of: row))
      // Released after the plan was made: the transaction that deletes sees it.
      for name in ["production", "staging"] { try await stage.release("v1", to: name) }
      let plan = try #require(try await stage.registry.retentionPlan(of: row))
      let reasons = plan.decisions.filter { ["v1", "also-v1"].contains($0.tag.name.text) }.map(\.reason)
      #expect(reasons == ["production, staging run it", "production, staging run it"])
      _ = try await stage.registry.carryOut(before)
      #expect(try await stage.tags() == ["also-v1", "production", "staging", "v1", "v4"])
      try await stage.release("v4", to: "production")
      let left = try #require(try await stage.registry.retentionPlan(of: row))
      #expect(left.decisions.first { $0.tag.name.text == "v1" }?.reason == "staging runs it")
      try await stage.release("v4", to: "staging")
      try await stage.care()
      #expect(try await stage.tags() == ["production", "staging", "v4"])
    }
  }

  @Test func `leaves a channel at its version, when the version's own history has ended`() throws {
    try Self.onStage { stage in
      try await stage.set(.channels, #"{"channels":["minor"]}"#)
      try await stage.push(0, as: "2.1.6")
      try await stage.push(1, as: "2.1.7")
      let row = try await stage.row
      for tag in ["2.1.7", "2.1.6"] {
        try await stage.registry.database.write {
          _ = try $0.deleteTag(.sample(tag), from: row, TagCause(.delete, by: .system))
        }
      }
      stage.machine.clock.advance(by: Self.day * 31)
      try await stage.care()
      let left = try await stage.registry.database.read { try $0.tagEvents(.tag(row.name, .sample("2.1.7")), limit: 9) }
      #expect(left.isEmpty, "\(left)")
      try await stage.push(2, as: "2.1.6")
      func channel() async throws -> [UInt8]? { try await stage.client.manifest(.tag(.sample("2.1"))) }
      #expect(try await channel() == Self.images[1].content.bytes)
      try await stage.push(3, as: "2.1.8")
      #expect(try await channel() == Self.images[3].content.bytes)
    }
  }

  @Test func `leaves immutable tags and environments alone`() throws {
    try Self.onStage { stage in
      for number in 0..<3 {
        try await stage.push(number, as: "v\(number)")
        stage.machine.clock.advance(by: .seconds(1))
      }
      try await stage.make("production")
      try await stage.release("v1", to: "production")
      try await stage.set(.immutable, #"["v0"]"#)
      // What stays anyway does not count among the last.
      try await stage.set(.retention, #"{"keepLast":1}"#)
      try await stage.care()
      #expect(try await stage.tags() == ["production", "v0", "v1", "v2"])
    }
  }
}

/// Channels follow the versions that are pushed.
@Suite struct `A channel` {
  private static let config = SampleBlob(seed: 1, size: 10)

  private static func images() -> [SampleManifest] {
    (0..<6).map { SampleManifest.image(config: config, layers: [], note: "\($0)") }
  }

  @Test func `follows the highest release, never backwards, and no hand moves it`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      let client = try SimulatedClient(registry, "acme/api")
      let images = Self.images()
      try await client.put(Self.config)
      let value = try RuleValue.validated(.channels, try JSONValue.parse(#"{"channels":["major","minor","latest"]}"#))
      try await registry.database.write {
        try $0.setRule(.channels, on: .everything, of: "acme", to: value, by: "test")
      }
      func push(_ number: Int, _ tags: String...) async throws {
        try await client.push(images[number], tags: tags.map { .sample($0) })
      }
      func expect(_ pointers: [String: Int], line: Int = #line) async throws {
        for (tag, number) in pointers {
          let found = try await client.manifest(.tag(.sample(tag)))
          #expect(found == images[number].content.bytes, "\(tag) in line \(line)")
        }
      }
      // Before there is a version, a hand may.
      try await push(0, "latest")
      try await push(1, "2.1.7")
      try await expect(["2": 1, "2.1": 1, "latest": 1, "2.1.7": 1])
      // An older patch, a newer minor, a prerelease of the next.
      try await push(2, "2.1.6")
      try await push(3, "2.2.0")
      try await push(4, "3.0.0-rc.1")
      try await expect(["2": 3, "2.1": 1, "2.2": 3, "latest": 3])
      // CI that pushes all names at once, or one after the other, goes on working.
      try await push(5, "2.2.1", "2.2", "2", "latest")
      try await push(5, "2.2")
      try await push(5, "latest")
      try await expect(["2": 5, "2.2": 5, "latest": 5, "2.1": 1])
      for tag in ["2", "2.2", "latest"] {
        await #expect(throws: RegistryError.self) { try await push(0, tag) }
      }
      // The same version with another image moves what points to it.
      try await push(0, "2.2.1")
      try await expect(["2": 0, "2.2": 0, "latest": 0])
      // With a v it is a channel of its own.
      try await push(2, "v4.0.0")
      try await expect(["v4": 2, "v4.0": 2, "latest": 2, "2": 0])
      let history = try await registry.history(
        of: .sample("2"), TagEventFilter(), before: nil, limit: 10, permit: client.pull)
      #expect(Set(history.map(\.kind)) == ["channel"])
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }
}
