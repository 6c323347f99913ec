import OCI
import TestSupport
import Testing

@testable import Metadata

/// What `berth check` finds when a row contradicts another one.
@Suite struct `A check of the rows` {
  private static let repository = RepositoryName.sample("acme/api")
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let image = SampleManifest.image(config: config, layers: [])

  /// An image with a tag, a label and facts, which an environment runs.
  private static func fill(_ database: any Database) async throws {
    try await database.publish(config, to: repository)
    _ = try await database.push(image, to: repository, tags: [.sample("2.1.7")])
    try await database.write { transaction in
      let row = RepositoryRow(id: try transaction.ensureRepository(repository), name: repository)
      for due in try transaction.takeDueFacts(limit: 10, until: transaction.now) {
        try transaction.writeFacts(ImageFacts(), of: due, retryAt: nil)
      }
      let origin = Origin(actor: "somebody")
      _ = try transaction.setLabels(
        ["team": "payments"], on: .tag(.sample("2.1.7")), in: row.id, by: origin, reason: nil)
      guard
        let environment = try transaction.insertEnvironment(
          .sample("production"), of: "acme", repositories: .array([.string("acme/a*")]), settings: [:], by: "somebody")
      else { return }
      let images = [ReleaseImage(repository: row, from: nil, to: image.digest, source: "2.1.7")]
      let release = try transaction.insertRelease(
        ReleaseRequest(.promotion, reason: nil, idempotencyKey: nil, bodyHash: nil), of: environment, images: images,
        by: origin)
      try transaction.pointTag(.sample("production"), to: image.digest, in: row, from: nil, .test(.promotion))
      try transaction.applyRelease(release, of: environment, images: images, effective: release.number, base: nil)
    }
  }

  private static let damages: [(SQL, String)] = [
    ("DELETE FROM deployment", "runs nothing there"),
    ("UPDATE deployment SET digest = 'sha256:0'", "runs something else"),
    ("DELETE FROM tag_word WHERE tag = '2.1.7'", "other words"),
    ("UPDATE tag SET version_key = NULL", "another version"),
    ("DELETE FROM repository_word WHERE word = 'api'", "other words"),
    ("DELETE FROM label_word", "no words"), ("DELETE FROM label", "does not have"),
    ("DELETE FROM image_fact", "nobody is to read them"),
    ("UPDATE manifest SET parents = parents + 1", "counted wrong"),
  ]

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL], 0..<damages.count)
  func `finds what was damaged, and nothing before`(_ kind: DatabaseKind, _ number: Int) async throws {
    try await kind.withDatabase { database in
      try await Self.fill(database)
      let before = try await database.read { try $0.inconsistencies(limit: 10) }
      #expect(before.isEmpty, "\(before)")
      let (damage, words) = Self.damages[number]
      try await database.write { try $0.enqueue(damage) }
      let after = try await database.read { try $0.inconsistencies(limit: 10) }
      #expect(after.contains { $0.description.contains(words) }, "\(after)")
    }
  }

  @Test func `counts parents of both kinds`() async throws {
    let database = try SQLiteDatabase.inMemory()
    try await Self.fill(database)
    for sample in [SampleManifest.index([Self.image]), .image(config: Self.config, layers: [], subject: Self.image)] {
      _ = try await database.push(sample, to: Self.repository)
    }
    #expect(try await database.read { try $0.number("SELECT MAX(parents) FROM manifest") } > 0)
    let found = try await database.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }

  @Test func `asks for no walk over a repository for each of its manifests`() async throws {
    let database = try SQLiteDatabase.inMemory()
    let plan = try await database.read { transaction in
      try transaction.all("EXPLAIN QUERY PLAN \(Transaction.wrongManifestCounts(10))") { $0.text(3) }
    }
    #expect(!plan.isEmpty && plan.allSatisfy { !$0.hasSuffix("(repository_id=?)") }, "\(plan)")
  }

  @Test func `leaves a tag alone whose repository the environment does not cover`() async throws {
    let database = try SQLiteDatabase.inMemory()
    try await Self.fill(database)
    let other = RepositoryName.sample("acme/web")
    try await database.publish(Self.config, to: other)
    _ = try await database.push(Self.image, to: other, tags: [.sample("production")])
    let found = try await database.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }
}
