import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// Execution against a model that looks at everything: the same results in the same order, page by page.
@Suite struct `Searching` {
  @Test(arguments: DatabaseKind.allCases) func `finds what a look at everything finds`(_ kind: DatabaseKind)
    async throws
  {
    try await kind.withDatabase { database in
      let chance = SeededRandom(seed: 6)
      let model = try await Self.fill(database, chance)
      for round in 0..<400 {
        let untagged = chance.next() % 6 == 0 ? " untagged:yes" : ""
        let text = SearchModel.query(chance) + SearchModel.sort(chance) + untagged
        let namespaces: [String]? = [nil, nil, ["acme"], ["globex", "initech"], []][Int(chance.next() % 5)]
        let now = SearchModel.base + .seconds(15 * 86_400)
        guard let query = try? SearchQuery(parsing: text, now: now) else { continue }
        var limits = SearchLimits()
        // Nothing selective enough: found by walking.
        if chance.next() % 2 == 0 { (limits.entries, limits.entriesOfRepository, limits.walk) = (40, 60, 11) }
        limits.goodEnough = Int(chance.next() % 3) * 5
        let size = Int(chance.next() % 40) + 1
        do {
          let found = try await Self.allPages(database, query, namespaces, size, limits)
          let expected = model.found(query, in: namespaces).map { "\($0.repository):\($0.entry)" }
          #expect(found == expected, "round \(round): \(text) in \(namespaces ?? ["all"]), \(limits.entries)")
          if found != expected { return }
        } catch is SearchTooWide {
          #expect([.built, .version, .size].contains(query.sort.key))
        }
      }
    }
  }

  static func allPages(
    _ database: any Database, _ query: SearchQuery, _ namespaces: [String]?, _ size: Int, _ limits: SearchLimits
  ) async throws -> [String] {
    var found: [String] = []
    var position: SearchPosition?
    repeat {
      let after = position
      let page = try await database.read {
        try $0.search(query, in: namespaces, after: after, limit: size, limits)
      }
      #expect(page.images.count <= size)
      found += page.images.map { "\($0.repository):\($0.tag?.text ?? $0.digest.description)" }
      position = page.next
    } while position != nil
    return found
  }

  /// Fills a database with images by chance. Answers the same as a model.
  static func fill(_ database: any Database, _ chance: SeededRandom) async throws -> SearchModel {
    var samples: [Int: SampleManifest] = [:]
    var model = try SearchModel.random(chance, count: 300) { number in
      let sample = SampleManifest.index([], note: "\(number)")
      samples[number] = sample
      return sample.digest
    }
    let byDigest = Dictionary(samples.values.map { ($0.digest, $0) }) { first, _ in first }
    for (index, image) in model.images.enumerated() {
      let record = try #require(byDigest[image.digest]).record()
      let key = try await database.write { transaction -> Int64 in
        let cause = TagCause(.push, by: Origin(actor: image.actor ?? "somebody"))
        _ = try transaction.push(
          record, to: image.repository, tags: image.tag.map { [$0] } ?? [], allowsMissing: false, cause)
        let id = try transaction.ensureRepository(image.repository)
        if let tag = image.tag {
          try transaction.execute(
            "UPDATE tag SET updated_at = \(image.pushedAt) WHERE repository_id = \(id) AND name = \(tag)")
        } else {
          try transaction.execute(
            """
            UPDATE manifest SET pushed_at = \(image.pushedAt)
            WHERE repository_id = \(id) AND digest = \(image.digest)
            """)
        }
        for label in image.labels {
          let target: LabelTarget =
            label.target == image.tag?.text ? try .tag(Tag(parsing: label.target)) : .digest(image.digest)
          _ = try transaction.setLabels(
            [label.key: label.value], on: target, in: id, by: Origin(actor: "somebody"), reason: nil)
        }
        return id.value
      }
      model.images[index].repositoryKey = key
      try await writeFacts(of: image, RepositoryID(value: key), database)
    }
    #expect(try await database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    // Whose tags are there already: a search asks for names only.
    let environments = model.environments
    try await database.write { transaction in
      for environment in environments {
        let patterns = JSONValue.array(environment.patterns.map { .string($0) }).text
        try transaction.execute(
          """
          INSERT INTO environment (namespace, name, repositories, settings, created_by, created_at)
          VALUES (\(environment.namespace), \(environment.name), \(patterns), '{}', 'admin', 0)
          """)
      }
    }
    return model
  }

  private static func writeFacts(of image: SearchModel.Image, _ id: RepositoryID, _ database: any Database) async throws
  {
    guard let facts = image.facts else { return }
    try await database.write { transaction in
      let key = try transaction.number(
        "SELECT id FROM manifest WHERE repository_id = \(id) AND digest = \(image.digest)")
      let due = DueFacts(
        key: key, repository: RepositoryRow(id: id, name: image.repository), digest: image.digest,
        mediaType: .ociIndex, bytes: [], tries: 0,
        takenUntil: Timestamp(microseconds: try transaction.number("SELECT facts_due FROM manifest WHERE id = \(key)")))
      try transaction.writeFacts(facts, of: due, retryAt: nil)
    }
  }

  /// Two replicas have an index and its image; the one that has the index has looked for the image's facts before they were there.
  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `reads an index again whose image was read meanwhile`(
    _ kind: DatabaseKind
  ) async throws {
    try await kind.withDatabase { database in
      let (name, config) = (try RepositoryName(parsing: "acme/api"), SampleBlob(seed: 1, size: 10))
      try await database.publish(config, to: name)
      let image = SampleManifest.image(config: config, layers: [])
      _ = try await database.push(image, to: name)
      _ = try await database.push(SampleManifest.index([image]), to: name)
      let due = try await database.write { try $0.takeDueFacts(limit: 10, until: $0.now + .seconds(60)) }
      try #require(due.count == 2)
      #expect(try await database.read { try $0.hasDueFacts() } == false)
      for one in due.sorted(by: { ($0.digest == image.digest ? 0 : 1) < ($1.digest == image.digest ? 0 : 1) }) {
        try await database.write { try $0.writeFacts(ImageFacts(), of: one, retryAt: nil) }
      }
      #expect(try await database.read { try $0.hasDueFacts() })
      let again = try await database.write { try $0.takeDueFacts(limit: 10, until: $0.now + .seconds(60)) }
      #expect(again.map(\.digest) != [image.digest] && again.count == 1)
      for one in again { try await database.write { try $0.writeFacts(ImageFacts(), of: one, retryAt: nil) } }
      #expect(try await database.read { try $0.hasDueFacts() } == false)
    }
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL]) func `finds old tags once their words are written`(
    _ kind: DatabaseKind
  ) async throws {
    try await kind.withDatabase { database in
      let sample = SampleManifest.index([], note: "old")
      let name = RepositoryName.sample("acme/old-api")
      _ = try await database.push(sample, to: name, tags: [.sample("2.1.0")])
      // As they were before the upgrade.
      try await database.write { transaction in
        try transaction.execute("DELETE FROM tag_word")
        try transaction.execute("DELETE FROM repository_word")
        try transaction.execute("UPDATE tag SET is_indexed = 0, version_key = NULL")
        try transaction.execute("UPDATE repository SET is_indexed = 0")
      }
      let query = try SearchQuery(parsing: "old version:2.1", now: .distantPast)
      #expect(try await Self.allPages(database, query, nil, 10, SearchLimits()).isEmpty)
      #expect(try await database.read { try $0.hasUnindexed() })
      #expect(try await database.write { try $0.indexOldNames(limit: 10) } == 2)
      #expect(try await !database.read { try $0.hasUnindexed() })
      #expect(try await Self.allPages(database, query, nil, 10, SearchLimits()) == ["acme/old-api:2.1.0"])
    }
  }

  @Test func `keeps no statement prepared that somebody put together`() async throws {
    let database = try await PostgresDatabase(try await PostgresSettings.fresh())
    let chance = SeededRandom(seed: 1)
    for _ in 0..<1200 {
      guard let query = try? SearchQuery(parsing: SearchModel.query(chance), now: .distantPast) else { continue }
      _ = try await database.read { try $0.search(query, in: nil, after: nil, limit: 1) }
    }
  }
}
