import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// Invariant I6 under many hands: whatever comes between, each event of a tag begins where the one before it ended.
@Suite struct `Events of a tag that many move` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let images = (0..<4).map { SampleManifest.image(config: config, layers: [], note: "\($0)") }
  private static let tag = OCI.Tag.sample("latest")

  @Test(arguments: DatabaseKind.allCases)
  func `are a chain, and its end is what the tag points to`(_ kind: DatabaseKind) async throws {
    let name = try RepositoryName(parsing: "acme/api")
    try await kind.withDatabase { database in
      try await database.publish(Self.config, to: name)
      for image in Self.images { _ = try await database.push(image, to: name, tags: [Self.tag]) }
      try await withThrowingTaskGroup { group in
        for number in 0..<6 {
          group.addTask {
            let chance = SeededRandom(seed: UInt64(number))
            for _ in 0..<12 { try await Self.act(chance, database, name) }
          }
        }
        try await group.waitForAll()
      }
      let events = try await database.read { try $0.tagEvents(.tag(name, Self.tag), limit: 1000) }
      #expect(events.count > Self.images.count)
      for (later, earlier) in zip(events, events.dropFirst()) {
        #expect(later.from == earlier.to, "event \(later.id)")
        #expect(later.from != later.to, "event \(later.id)")
      }
      #expect(events.first?.to == (try await database.read { try $0.digest(of: Self.tag, in: name) }))
      let found = try await database.read { try $0.inconsistencies(limit: 10) }
      #expect(found.isEmpty, "\(found)")
    }
  }

  private static func act(_ chance: SeededRandom, _ database: any Database, _ name: RepositoryName) async throws {
    let image = images[Int(chance.next() % UInt64(images.count))]
    let deed = chance.next() % 8
    if deed < 3 {
      _ = try await database.push(image, to: name, tags: [tag])
      return
    }
    let current = try await database.read { try $0.digest(of: tag, in: name) }
    try await database.write { transaction in
      guard let id = try transaction.repository(named: name) else { return }
      let row = RepositoryRow(id: id, name: name)
      switch deed {
      case 3: try transaction.deleteTag(tag, from: row, .test(.delete))
      case 4: _ = try transaction.deleteManifest(image.digest, from: row, keptUntil: transaction.now, .test(.delete))
      default:
        // Shown again if it was hidden; left alone if somebody was quicker.
        _ = try transaction.restoreTag(
          tag, to: image.digest, in: row, expected: current, allowsMissing: false, .test(.restore))
      }
    }
  }
}
