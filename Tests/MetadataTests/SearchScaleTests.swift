import Foundation
import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// Measures searches in a large registry, and asserts nothing: `BERTH_SCALE_TAGS=1000000 swift test --filter "At scale"`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["BERTH_SCALE_TAGS"] != nil)) struct `At scale` {
  private static let tagsOfRepository = 50

  @Test(arguments: [DatabaseKind.sqliteInFile, .postgreSQL]) func `a selective query is quick`(
    _ kind: DatabaseKind
  ) async throws {
    let wanted = ProcessInfo.processInfo.environment["BERTH_SCALE_TAGS"].flatMap { Int($0) } ?? 1_000_000
    for tags in [20_000, wanted] {
      try await kind.withDatabase { database in
        let repositories = tags / Self.tagsOfRepository
        let clock = ContinuousClock()
        let begin = clock.now
        try await Self.fill(database, repositories)
        // What the server does by itself, sooner or later.
        if kind == .postgreSQL { try await database.write { _ = try $0.execute("ANALYZE") } }
        Self.tell("\(kind) \(tags) tags, \(repositories) repositories: filled in \((clock.now - begin).inSeconds) s")
        try await Self.measure(database, repositories)
      }
    }
  }

  private static func measure(_ database: any Database, _ repositories: Int) async throws {
    let chance = SeededRandom(seed: 1)
    func repository() -> Int { Int(chance.next() % UInt64(repositories)) + 1 }
    func name() -> String {
      let number = repository()
      return "ns\(number % 200)/app\(number)"
    }
    func digest() -> String { "sha256:" + (String(repeating: "0", count: 64) + String(repository() * 50)).suffix(64) }
    let queries: [(String, () -> String)] = [
      ("repo:NAME", { "repo:" + name() }),
      ("repo:NAME version: sort:-version", { "repo:\(name()) version:>=2.1,<4 sort:-version" }),
      ("word", { "app\(repository())" }), ("words", { "\(name().split(separator: "/").joined(separator: " ")) 2.1" }),
      ("label:", { "label:team=team\(repository() % 500)" }),
      (
        "label: version: platform: size:",
        { "label:team=team\(repository() % 500) version:>=2 platform:linux/arm64 size:>1MB" }
      ),
      ("repo:NAMESPACE/* tag: built:", { "repo:ns\(repository() % 200)/* tag:2.* built:<900d" }),
      ("by: pushed:", { "by:user\(repository() % 1000) pushed:>=2026-10-02" }),
      ("env: label:", { "env:production label:team=team\(repository() % 500)" }),
      ("digest:", { "digest:" + digest() }), ("(not selective) -tag:", { "-tag:2.*" }),
    ]
    var all: [Double] = []
    let clock = ContinuousClock()
    for (name, make) in queries {
      var times: [Double] = []
      var found = 0
      for _ in 0..<60 {
        let query = try SearchQuery(parsing: make(), now: SearchModel.base)
        let begin = clock.now
        found += try await database.read { try $0.search(query, in: nil, after: nil, limit: 100) }.images.count
        times.append((clock.now - begin).inSeconds * 1000)
      }
      if !name.hasPrefix("(") { all += times }
      tell("  \(name): \(summary(times)), \(found / 60) found")
    }
    tell("  all that are selective: \(summary(all))")
  }

  private static func summary(_ times: [Double]) -> String {
    let sorted = times.sorted()
    func shown(_ value: Double) -> String { String(format: "%.1f", value) }
    return "median \(shown(sorted[sorted.count / 2])) ms, 95 % \(shown(sorted[sorted.count * 95 / 100])) ms"
  }

  private static func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// Rows as pushes and upkeep would have written them, many at a time.
  private static func fill(_ database: any Database, _ repositories: Int) async throws {
    let zeros = String(repeating: "0", count: 64)
    try await database.write { transaction in
      try transaction.execute(
        """
        INSERT INTO repository (id, name, manifests, created_at, is_indexed)
        WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < \(repositories))
        SELECT i, 'ns' || (i % 200) || '/app' || i, \(tagsOfRepository), 0, 1 FROM n
        """)
      try transaction.execute(
        """
        INSERT INTO repository_word (repository_id, word)
        SELECT id, name FROM repository UNION ALL SELECT id, 'app' || id FROM repository
        """)
      try transaction.execute(
        """
        INSERT INTO environment (namespace, name, repositories, settings, created_by, created_at)
        SELECT name, 'production', '["' || name || '/*"]', '{}', 'admin', 0
        FROM (SELECT DISTINCT substr(name, 1, {POSITION}(name, '/') - 1) AS name FROM repository) x
        """)
    }
    let step = 1000
    for first in stride(from: 1, through: repositories, by: step) {
      try await database.write { transaction in
        try fill(transaction, from: first, to: min(first + step - 1, repositories), zeros)
      }
    }
  }

  private static func fill(_ transaction: borrowing Transaction, from: Int, to: Int, _ zeros: String) throws {
    let base = SearchModel.base.microseconds
    // Manifest `r.id * 50 + j` is the j-th of repository r.
    try transaction.execute(
      """
      INSERT INTO manifest (id, repository_id, digest, media_type, kind, size, tags, parents, idle_since, pushed_at, facts_due)
      WITH RECURSIVE n(j) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT j + 1 FROM n WHERE j < 49)
      SELECT r.id * 50 + n.j, r.id,
        'sha256:' || substr(\(zeros) || CAST(r.id * 50 + n.j AS TEXT), length(CAST(r.id * 50 + n.j AS TEXT)) + 1),
        'application/vnd.oci.image.manifest.v1+json', 0, 500, 1, 0, 0, \(base) - (r.id * 7919 + n.j * 104729) % 5000000 * 1000000,
        NULL
      FROM repository r CROSS JOIN n WHERE r.id >= \(from) AND r.id <= \(to)
      """)
    let (low, high) = (from * 50, to * 50 + 49)
    // 0.0.x … 4.8.x, and `production` for the last of each.
    try transaction.execute(
      """
      INSERT INTO tag (repository_id, name, digest, updated_at, actor, version_key, is_indexed)
      SELECT repository_id,
        CASE WHEN id % 50 = 49 THEN 'production' ELSE (id % 50 / 10) || '.' || (id % 10) || '.0' END, digest, pushed_at,
        'user' || (repository_id % 1000),
        CASE WHEN id % 50 = 49 THEN NULL ELSE 'b' || (id % 50 / 10) || 'b' || (id % 10) || 'b0~' END, 1
      FROM manifest WHERE id >= \(low) AND id <= \(high)
      """)
    try transaction.execute(
      """
      INSERT INTO tag_word (repository_id, tag, word)
      SELECT repository_id, name, name FROM tag WHERE repository_id >= \(from) AND repository_id <= \(to)
      """)
    try transaction.execute(
      """
      INSERT INTO image_fact (manifest_id, state, built_at, platforms, size, layers, base_name)
      SELECT id, 'read', pushed_at, CASE WHEN id % 3 = 0 THEN 'linux/amd64,linux/arm64' ELSE 'linux/amd64' END,
        id % 1000 * 1000000, 5, 'docker.io/library/debian:12'
      FROM manifest WHERE id >= \(low) AND id <= \(high)
      """)
    try transaction.execute(
      """
      INSERT INTO image_label (manifest_id, key, value)
      SELECT id, 'team', 'team' || (repository_id % 500) FROM manifest WHERE id >= \(low) AND id <= \(high)
      """)
    try transaction.execute(
      """
      INSERT INTO manifest_word (manifest_id, word)
      SELECT id, 'team' || (repository_id % 500) FROM manifest WHERE id >= \(low) AND id <= \(high)
      UNION ALL SELECT id, 'debian:12' FROM manifest WHERE id >= \(low) AND id <= \(high)
      """)
  }
}
