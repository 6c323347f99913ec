import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// What the statements do, on every database.
@Suite struct `The statements` {
  static let config = SampleBlob(seed: 1, size: 200)
  static let layer = SampleBlob(seed: 2, size: 700)
  let name: RepositoryName
  let other: RepositoryName
  let tag: OCI.Tag

  init() throws {
    name = try RepositoryName(parsing: "acme/api")
    other = try RepositoryName(parsing: "acme/web")
    tag = try OCI.Tag(parsing: "v1")
  }

  private func expectConsistent(_ database: any Database) async throws {
    #expect(try await database.read { try $0.inconsistencies(limit: 10) }.map(\.description) == [])
  }

  @Test(arguments: DatabaseKind.allCases)
  func `store an image, and delete it`(_ kind: DatabaseKind) async throws {
    let (name, tag) = (name, tag)
    try await kind.withDatabase { database in
      let image = SampleManifest.image(config: Self.config, layers: [Self.layer])
      let early = try? await database.push(image, to: name, tags: [tag])
      #expect(early?.missing.map(\.digest) == [Self.config.digest, Self.layer.digest])
      _ = try await database.write { transaction in
        try transaction.repository(named: name).map {
          try transaction.purgeManifest(
            image.digest, from: RepositoryRow(id: $0, name: name), keptUntil: transaction.now, .test(.delete))
        }
      }
      for blob in [Self.config, Self.layer] { try await database.publish(blob, to: name) }
      let outcome = try await database.push(image, to: name, tags: [tag])
      #expect(outcome.isNew)
      #expect(outcome.missing.isEmpty)
      #expect(try await !database.push(image, to: name, tags: [tag]).isNew)
      let found = try await database.read { try $0.manifest(.tag(tag), in: name, known: nil) }
      #expect(found?.bytes == image.content.bytes)
      let known = try await database.read { try $0.manifest(.tag(tag), in: name, known: image.digest) }
      #expect(known?.digest == image.digest)
      #expect(known?.bytes == nil)
      try await expectConsistent(database)
      let unlinking = try await database.write { transaction in
        try transaction.repository(named: name).map {
          try transaction.unlinkBlob(
            Self.layer.digest, from: RepositoryRow(id: $0, name: name), keptUntil: transaction.now, .test(.delete))
        }
      }
      #expect(unlinking == .referenced)
      let deleted = try await database.write { transaction in
        try transaction.repository(named: name).flatMap {
          try transaction.deleteManifest(
            image.digest, from: RepositoryRow(id: $0, name: name), keptUntil: transaction.now, .test(.delete))
        }
      }
      #expect(deleted?.tags == [tag])
      #expect(try await database.read { try $0.manifest(.tag(tag), in: name, known: nil) } == nil)
      try await expectConsistent(database)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `keep the place of a blob that is present, and take another's where it is not`(_ kind: DatabaseKind) async throws
  {
    let name = name
    try await kind.withDatabase { database in
      func publish(_ place: String, replaces: String? = nil) async throws -> String? {
        try await database.write { transaction in
          try transaction.publish(
            PublishedBlob(digest: Self.layer.digest, sizeBytes: 700, place: place, replaces: replaces), to: name,
            leasedUntil: transaction.now)
        }
      }
      #expect(try await publish("one") == "one")
      #expect(try await publish("two") == "one")
      #expect(try await publish("three", replaces: "one") == "three")
      #expect(try await database.write { try $0.markCorrupt(Self.layer.digest, place: "one") } == false)
      #expect(try await database.write { try $0.markSound(Self.layer.digest, place: "three") } == false)
      #expect(try await database.write { try $0.markCorrupt(Self.layer.digest, place: "three") })
      #expect(try await database.write { try $0.markCorrupt(Self.layer.digest, place: "three") } == false)
      let marked = try await database.read { try $0.blobsSetAside(since: .distantPast, limit: 10) }
      #expect(marked.map(\.place) == ["three"])
      #expect(try await database.write { try $0.markSound(Self.layer.digest, place: "one") } == false)
      #expect(try await database.write { try $0.markSound(Self.layer.digest, place: "three") })
      #expect(
        try await ForgetfulDatabase(base: database).write { try $0.markCorrupt(Self.layer.digest, place: "three") })
      #expect(try await publish("four") == "four")
      #expect(try await database.read { try $0.knownPlaces(["one", "four", "x"]) } == ["four"])
      try await expectConsistent(database)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `do not forget a claimed blob that was published anew`(_ kind: DatabaseKind) async throws {
    let (name, other) = (name, other)
    try await kind.withDatabase { database in
      try await database.publish(Self.layer, to: name, place: "one")
      _ = try await database.write { transaction in
        try transaction.repository(named: name).map {
          try transaction.unlinkBlob(
            Self.layer.digest, from: RepositoryRow(id: $0, name: name), keptUntil: transaction.now, .test(.delete))
        }
      }
      let row = try #require(try await database.read { try $0.unlinkedBlobs(limit: 5) }.first)
      #expect(try await database.write { try $0.claimBlob(row) })
      #expect(try await database.read { try $0.claimedBlobs() }.map(\.place) == ["one"])
      let mounted = try await database.link(row, to: name)
      #expect(!mounted)
      try await database.publish(Self.layer, to: other, place: "two")
      try await database.write { try $0.deleteClaimedBlob(row) }
      #expect(try await database.read { try $0.blob(Self.layer.digest) }?.place == "two")
      #expect(try await database.write { try $0.claimBlob(row) } == false)
      try await expectConsistent(database)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `mount what another repository has, and nothing else`(_ kind: DatabaseKind) async throws {
    let (name, other) = (name, other)
    try await kind.withDatabase { database in
      try await database.publish(Self.layer, to: name)
      func mount(_ blob: SampleBlob, from source: RepositoryName) async throws -> Bool {
        try await database.write { transaction in
          try transaction.mount(blob.digest, from: [source], to: other, leasedUntil: transaction.now)
        }
      }
      #expect(try await !mount(Self.config, from: name))
      #expect(try await !mount(Self.layer, from: other))
      #expect(try await mount(Self.layer, from: name))
      #expect(try await mount(Self.layer, from: name))
      #expect(try await database.read { try $0.blob(Self.layer.digest, in: other) }?.sizeBytes == 700)
      try await expectConsistent(database)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `let one at a time work on an upload`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      func claim(_ token: String, for duration: Duration = .seconds(30)) async throws -> UploadClaimOutcome {
        try await database.write { try $0.claimUpload("up", token: token, until: $0.now + duration) }
      }
      guard case .claimed(nil) = try await claim("a") else { return #expect(Bool(false), "an upload that is new") }
      guard case .busy = try await claim("b") else { return #expect(Bool(false), "an upload that is claimed") }
      var row = UploadRow(
        id: "up", place: "p", multipart: "m", isWhole: false, sizeBytes: 9, pending: [1, 2], hash: [3],
        parts: [.init(number: 1, entityTag: "e1", sizeBytes: 7)])
      let first = row
      #expect(try await database.write { try $0.saveUpload(first, token: "a", until: $0.now + .seconds(30)) })
      #expect(try await database.write { try $0.saveUpload(first, token: "b", until: $0.now + .seconds(30)) } == false)
      row = UploadRow(
        id: "up", place: "p", multipart: "m", isWhole: false, sizeBytes: 19, pending: [], hash: [4],
        parts: first.parts + [.init(number: 2, entityTag: "e2", sizeBytes: 12)])
      let second = row
      #expect(try await database.write { try $0.saveUpload(second, token: "a", until: $0.now) })
      #expect(try await database.read { try $0.upload("up") } == second)
      #expect(try await database.write { try $0.saveUpload(second, token: "a", until: $0.now) } == false)
      guard case .claimed(let found?) = try await claim("b") else {
        return #expect(Bool(false), "a claim that ran out")
      }
      #expect(found == second)
      #expect(try await database.write { try $0.deleteUnclaimedUpload("up", at: "p") } == false)
      #expect(try await database.write { try $0.deleteUpload("up", token: "a") } == .claimLost)
      try await database.write { try $0.releaseUpload("up", token: "b") }
      #expect(try await database.read { try $0.uploadIDs() } == ["up"])
      #expect(try await database.read { try $0.uploads(untouchedSince: $0.now + .seconds(1), limit: 9) } == ["up"])
      #expect(try await database.write { try $0.deleteUnclaimedUpload("up", at: "where it was before") } == false)
      #expect(try await database.write { try $0.deleteUnclaimedUpload("up", at: "p") })
      #expect(try await database.read { try $0.uploadCount() } == 0)
      // One that never held anything leaves nothing.
      _ = try await claim("c")
      try await database.write { try $0.releaseUpload("up", token: "c") }
      #expect(try await database.read { try $0.uploads(untouchedSince: $0.now + .seconds(1), limit: 9) } == [])
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `let one at a time do a chore`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      func claim(_ holder: String, _ duration: Duration) async throws -> Bool {
        try await database.write { try $0.claimChore("sweep", holder: holder, until: $0.now + duration) }
      }
      #expect(try await claim("a", .seconds(60)))
      #expect(try await claim("a", .seconds(60)))
      #expect(try await !claim("b", .seconds(60)))
      #expect(try await claim("a", .zero))
      #expect(try await claim("b", .seconds(60)))
      try await database.write { try $0.releaseChore("sweep", holder: "a", nextAt: $0.now) }
      #expect(try await !claim("a", .seconds(60)))
      try await database.write { try $0.releaseChore("sweep", holder: "b", nextAt: $0.now + .seconds(60)) }
      #expect(try await !claim("a", .seconds(60)))
    }
  }

  @Test func `cost few round trips on PostgreSQL`() async throws {
    let (name, tag) = (name, tag)
    let database = try await PostgresDatabase(try await PostgresSettings.fresh())
    // Opens the one connection that is used, and prepares everything once.
    let warm = SampleManifest.image(config: Self.config, layers: [Self.layer], note: "warm")
    for blob in [Self.config, Self.layer] { try await database.publish(blob, to: name) }
    _ = try await database.push(warm, to: name, tags: [tag])

    func trips(_ operation: String, atMost limit: Int, _ body: () async throws -> Void) async throws {
      let before = database.figures.roundTrips
      try await body()
      let count = database.figures.roundTrips - before
      print("round trips: \(operation): \(count)")
      #expect(count <= limit, "\(operation)")
    }
    let image = SampleManifest.image(config: Self.config, layers: [Self.layer], note: "second")
    try await trips("pull by tag", atMost: 1) {
      _ = try await database.read { try $0.manifest(.tag(tag), in: name, known: nil) }
    }
    try await trips("pull by tag of a known manifest", atMost: 1) {
      _ = try await database.read { try $0.manifest(.tag(tag), in: name, known: warm.digest) }
    }
    try await trips("push of a blob", atMost: 2) { try await database.publish(SampleBlob(seed: 9, size: 9), to: name) }
    try await trips("push of a blob that is here", atMost: 2) { try await database.publish(Self.layer, to: name) }
    try await trips("push of a manifest with a tag", atMost: 3) {
      _ = try await database.push(image, to: name, tags: [tag])
    }
    try await trips("push of a manifest that is here", atMost: 3) {
      _ = try await database.push(image, to: name, tags: [tag])
    }
    try await trips("list of tags", atMost: 2) {
      _ = try await database.read { transaction in
        try transaction.repository(named: name).map { try transaction.tags(in: $0, after: "", limit: 100) }
      }
    }
    try await expectConsistent(database)
  }
}
