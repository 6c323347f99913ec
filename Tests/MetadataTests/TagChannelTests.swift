import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// What a push asks of the versions in its repository, so that channels follow the highest.
@Suite struct `A release later than another` {
  private static let repository = RepositoryName.sample("acme/api")
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let image = SampleManifest.image(config: config, layers: [])

  private static func version(_ text: String) throws -> SemanticVersion {
    try #require(SemanticVersion(parsing: text))
  }

  /// A repository with these tags; answers its key.
  private static func fill(_ database: any Database, _ tags: [String]) async throws -> RepositoryID {
    try await database.publish(config, to: repository)
    _ = try await database.push(image, to: repository)
    return try await database.write { transaction in
      let id = try transaction.ensureRepository(repository)
      for tag in tags {
        try transaction.pointTag(
          .sample(tag), to: image.digest, in: RepositoryRow(id: id, name: repository), from: nil, .test(.push))
      }
      return id
    }
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `is found as a look at all tags finds it`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let chance = SeededRandom(seed: 7)
      func number() -> UInt64 { [0, 1, 2, 9, 10, 11, 100][Int(chance.next() % 7)] }
      let ends = ["", "", "-rc.1", "-rc.2", "-alpha", "-1", "-x-y", "-9.a"]
      var names: Set<String> = ["latest", "2", "2.1", "nightly"]
      for _ in 0..<120 {
        names.insert(
          "\(chance.next() % 3 == 0 ? "v" : "")\(number() % 12).\(number() % 3).\(number())\(ends[Int(chance.next() % 8)])"
        )
      }
      let id = try await Self.fill(database, names.sorted())
      let all = names.compactMap { SemanticVersion(parsing: $0) }
      let releases = all.filter { !$0.isPrerelease }
      for version in all {
        for channel in TagChannel.allCases {
          let wanted = releases.contains { channel.takes($0, like: version) && version < $0 }
          let found = try await database.read {
            try $0.number(Transaction.laterRelease(in: id, ReleaseBounds(after: version, in: channel)))
          }
          #expect(found == (wanted ? 1 : 0), "\(channel) after \(version)")
        }
      }
      for numbers in [[], [1], [2], [2, 1], [10], [10, 2], [9, 9]] as [[UInt64]] {
        let wanted = releases.contains { zip(numbers, [$0.major, $0.minor]).allSatisfy { $0 == $1 } }
        let found = try await database.read {
          try $0.number(Transaction.laterRelease(in: id, ReleaseBounds(allOf: numbers)))
        }
        #expect(found == (wanted ? 1 : 0), "\(numbers)")
      }
    }
  }

  /// The plan, and for PostgreSQL what it came to: rows that were read.
  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `costs looks into an index, and no walk over the tags`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let names = (0..<3000).map { "1.0.\($0)" } + (0..<2000).map { "2.0.0-nightly.\($0)" }
      let id = try await Self.fill(database, names)
      let plans = try [
        Transaction.laterRelease(in: id, ReleaseBounds(after: Self.version("1.0.2999"), in: .latest)),
        Transaction.laterRelease(in: id, ReleaseBounds(after: Self.version("1.0.5"), in: .major)),
        Transaction.laterRelease(in: id, ReleaseBounds(allOf: [])),
      ]
      if kind == .postgreSQL { try await database.write { _ = try $0.execute("ANALYZE") } }
      for plan in plans {
        let lines = try await database.read { transaction in
          kind == .postgreSQL
            ? try transaction.all("EXPLAIN (ANALYZE, TIMING OFF) \(plan)") { $0.text(0) }
            : try transaction.all("EXPLAIN QUERY PLAN \(plan)") { $0.text(3) }
        }
        let looks = lines.filter { $0.contains("tag_version") }
        let walks = lines.filter { line in ["SCAN tag", "SCAN t ", "Seq Scan"].contains { line.contains($0) } }
        #expect(looks.count == 2 && walks.isEmpty, "\(lines)")
        guard kind == .postgreSQL else { continue }
        let long = looks.filter { line in
          !["rows=1 loops", "rows=0 loops", "never executed"].contains { line.contains($0) }
        }
        #expect(long.isEmpty, "\(long)")
      }
    }
  }

  @Test func `is looked for among tags without a key too, as a version before made them`() async throws {
    let database = try SQLiteDatabase.inMemory()
    let id = try await Self.fill(database, ["2.1.9"])
    try await database.write { transaction in
      try transaction.enqueue("UPDATE tag SET version_key = NULL, is_indexed = 0 WHERE repository_id = \(id)")
      try transaction.setRule(
        .channels, on: .everything, of: "acme", to: ["channels": .array([.string("latest")])], by: "test")
    }
    let other = SampleManifest.image(config: Self.config, layers: [], note: "older")
    _ = try await database.push(other, to: Self.repository, tags: [.sample("2.1.8")])
    #expect(try await database.read { try $0.digest(of: .sample("latest"), in: Self.repository) } == nil)
    await #expect(throws: TagRefusal.self) {
      try await database.push(other, to: Self.repository, tags: [.sample("latest")])
    }
    _ = try await database.push(other, to: Self.repository, tags: [.sample("2.2.0")])
    #expect(try await database.read { try $0.digest(of: .sample("latest"), in: Self.repository) } == other.digest)
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `is minded by the channels that came to it when its tag is gone`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let row = RepositoryRow(id: try await Self.fill(database, []), name: Self.repository)
      try await database.write { transaction in
        let channels: JSONValue = ["channels": ["minor", "latest"]]
        try transaction.setRule(.channels, on: .everything, of: "acme", to: channels, by: "test")
      }
      func push(_ note: String, _ tags: String...) async throws -> Digest {
        let image = SampleManifest.image(config: Self.config, layers: [], note: note)
        _ = try await database.push(image, to: Self.repository, tags: tags.map { .sample($0) })
        return image.digest
      }
      func delete(_ tags: String...) async throws {
        for tag in tags {
          let was = try await database.write { try $0.deleteTag(.sample(tag), from: row, .test(.delete)) }
          #expect(was != nil, "\(tag)")
        }
      }
      func expect(_ tag: String, at digest: Digest, line: Int = #line) async throws {
        let found = try await database.read { try $0.digest(of: .sample(tag), in: Self.repository) }
        #expect(found == digest, "\(tag) in line \(line)")
      }
      _ = try await push("older", "2.1.6")
      let newer = try await push("newer", "2.1.7")
      try await delete("2.1.7")
      _ = try await push("older, built again", "2.1.6")
      try await expect("2.1", at: newer)
      try await expect("latest", at: newer)
      let next = try await push("next", "2.1.8")
      try await expect("2.1", at: next)
      // Of one push that names two, each channel minds its own.
      let both = try await push("both", "2.1.9", "3.0.0")
      try await delete("2.1.9", "3.0.0")
      let last = try await push("last", "2.1.10")
      try await expect("2.1", at: last)
      try await expect("latest", at: both)
      // What is deleted is begun anew.
      try await delete("latest", "2.1.10", "2.1.8", "2.1.6")
      let low = try await push("low", "1.0.0")
      try await expect("latest", at: low)
    }
  }

  @Test(arguments: [DatabaseKind.sqliteInMemory, .postgreSQL])
  func `is told of a channel also when it is the same image, and no lower one takes it away`(
    _ kind: DatabaseKind
  ) async throws {
    try await kind.withDatabase { database in
      let row = RepositoryRow(id: try await Self.fill(database, []), name: Self.repository)
      try await database.write { transaction in
        let channels: JSONValue = ["channels": ["latest"]]
        try transaction.setRule(.channels, on: .everything, of: "acme", to: channels, by: "test")
      }
      func push(_ note: String, _ tags: String...) async throws -> Digest {
        let image = SampleManifest.image(config: Self.config, layers: [], note: note)
        let outcome = try await database.push(image, to: Self.repository, tags: tags.map { .sample($0) })
        #expect(outcome.moved.allSatisfy { $0.from != image.digest }, "\(outcome.moved)")
        return image.digest
      }
      func latest() async throws -> [TagEvent] {
        try await database.read { try $0.tagEvents(.tag(Self.repository, .sample("latest")), limit: 10) }
      }
      let same = try await push("same", "v2.1.6")
      for tag in ["2.1.7", "2.1.7", "v2.1.7", "v2.1.6"] { _ = try await push("same", tag) }
      let events = try await latest()
      #expect(events.map(\.reason) == ["follows 2.1.7", "follows 2.1.6"])
      #expect(events.map(\.from) == [same, nil] && events.map(\.to) == [same, same])
      #expect(events.map(\.isMove) == [false, true] && events.map(\.kind) == ["channel", "channel"])
      for tag in ["2.1.7", "v2.1.7", "v2.1.6"] {
        _ = try await database.write { try $0.deleteTag(.sample(tag), from: row, .test(.delete)) }
      }
      _ = try await push("built again", "2.1.6")
      #expect(try await latest().map(\.id) == events.map(\.id))
      let next = try await push("next", "2.1.8")
      #expect(try await latest().first?.to == next)
      #expect(try await database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }
}
