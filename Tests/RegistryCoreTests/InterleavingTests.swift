import Access
import BlobStorage
import Glibc
import Ground
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

@testable import Metadata

/// Transactions of two replicas, held at the moment at which one could miss what the other does: at READ COMMITTED every
/// statement sees a state of its own (docs/decisions/0011).
@Suite struct `Two replicas at once` {
  private struct Stage {
    let database: any Database
    let registry: Registry
    let administration: Administration
    let client: SimulatedClient

    static let image = SampleManifest.image(config: RegistryScenario.config, layers: [])

    static func run(sparse: Bool = false, _ body: (Stage) async throws -> Void) async throws {
      let installation = try await TestInstallation(.postgresAndFiles)
      let parts = try await installation.open()
      let registry = try await Registry(database: parts.database, store: parts.store, logger: .silent)
      let http = NetworkHTTP()
      let access = try await AccessControl(database: parts.database, isOpen: true, http: http)
      let client = try SimulatedClient(registry, "acme/api")
      try await client.put(RegistryScenario.config)
      try await body(
        Stage(
          database: parts.database, registry: registry, administration: access.administration, client: client))
      #expect(try await parts.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
      await http.close()
      await parts.close()
      try installation.remove()
    }

    /// Runs `first` in a transaction of another replica, then `body`, and once that waits for a lock of the other, `then` and
    /// the commit.
    func beside<Answer: Sendable>(
      _ first: @escaping @Sendable (borrowing Transaction) throws -> Void,
      then: @escaping @Sendable (borrowing Transaction) throws -> Void = { _ in },
      _ body: () async throws -> Answer
    ) async throws -> Answer {
      // Threads of its own: all of them wait.
      let pool = WorkerPool(name: "test-replicas", threads: 3)
      defer { pool.stop() }
      return try await withTaskExecutorPreference(pool) {
        let (begun, begins) = AsyncStream<Void>.makeStream()
        async let other: Void = database.write { transaction in
          try first(transaction)
          // Sends what waits to be sent.
          _ = try transaction.number("SELECT 1")
          begins.finish()
          var rounds = 0
          while try transaction.number(Self.waiting) == 0, rounds < 200 {
            usleep(5000)
            rounds += 1
          }
          try then(transaction)
        }
        for await _ in begun {}
        let answer = try await body()
        try await other
        return answer
      }
    }

    private static let waiting: SQL =
      "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    func id(_ name: RepositoryName) async throws -> RepositoryID {
      try #require(try await database.read { try $0.repository(named: name) })
    }

    func number(_ sql: SQL) async throws -> Int64 { try await database.read { try $0.number(sql) } }
  }

  @Test func `do not delete a tag that becomes immutable meanwhile`() async throws {
    try await Stage.run { stage in
      try await stage.client.push(Stage.image, tags: [RegistryScenario.tag])
      let pattern = try #require(RepositoryPattern(parsing: "*"))
      await #expect(throws: RegistryError.self) {
        try await stage.beside {
          try $0.lockNamespace("acme")
          try $0.lockRepositories(of: "acme")
        } then: {
          try $0.setRule(.immutable, on: pattern, of: "acme", to: ["*"], by: "somebody")
        } _: {
          try await stage.client.deleteTag(RegistryScenario.tag)
        }
      }
    }
  }

  @Test func `do not delete a namespace into which an image is pushed meanwhile, nor lose its history`() async throws {
    try await Stage.run { stage in
      let record = try Stage.image.record()
      let repository = stage.client.repository
      let error = await #expect(throws: AdministrationError.self) {
        try await stage.beside {
          _ = try $0.push(
            record, to: repository, tags: [RegistryScenario.tag], allowsMissing: false,
            TagCause(.push, by: Origin(actor: "somebody")))
        } _: {
          try await stage.administration.deleteNamespace("acme", by: .everybody)
        }
      }
      #expect(error?.kind == .conflict)
      #expect(try await stage.number("SELECT events FROM manifest") == 1)
    }
  }

  @Test func `begin a namespace anew that is deleted meanwhile, or was before`() async throws {
    try await Stage.run { stage in
      let namespaces: SQL = "SELECT COUNT(*) FROM namespace WHERE name = 'acme'"
      let web = try SimulatedClient(stage.registry, "acme/web")
      try await stage.beside {
        try $0.lockNamespace("acme")
        try $0.deleteNamespace("acme")
      } _: {
        try await web.put(RegistryScenario.config)
      }
      #expect(try await stage.number(namespaces) == 1)
      try await stage.administration.deleteNamespace("acme", by: .everybody)
      #expect(try await stage.number(namespaces) == 0)
      // The repository is known, and empty.
      try await stage.client.push(Stage.image, tags: [RegistryScenario.tag])
      #expect(try await stage.number(namespaces) == 1)
    }
  }

  @Test func `count a blob that comes while the manifest goes that was pushed before it`() async throws {
    try await Stage.run { stage in
      let (small, repository) = (RegistryScenario.small, stage.client.repository)
      let image = SampleManifest.image(config: RegistryScenario.config, layers: [small])
      let record = try image.record()
      try await stage.database.write { transaction in
        _ = try transaction.push(
          record, to: repository, tags: [], allowsMissing: true, TagCause(.push, by: Origin(actor: "somebody")))
      }
      try await stage.beside { transaction in
        _ = try transaction.publish(
          PublishedBlob(digest: small.digest, sizeBytes: Int64(small.bytes.count), place: nil), to: repository,
          leasedUntil: transaction.now + .seconds(60))
      } _: {
        try await stage.registry.deleteManifest(image.digest, forGood: true, permit: stage.client.delete)
      }
      #expect(try await stage.number("SELECT refs FROM repository_blob WHERE digest = \(small.digest)") == 0)
    }
  }

  @Test func `leave one VEX document of two that replace it`() async throws {
    try await Stage.run { stage in
      func row(_ status: String) -> VEXRow {
        VEXRow(
          document: "doc", vulnerability: "CVE-2026-1", product: "pkg:deb/debian/curl", status: status,
          justification: "", detail: "", author: "", statedAt: Timestamp(microseconds: 0))
      }
      try await stage.administration.setVEX("doc", of: "acme", to: [row("under_investigation")], by: .everybody)
      let first = row("not_affected")
      try await stage.beside {
        try $0.lockNamespace("acme")
        _ = try $0.replaceVEX("doc", of: "acme", by: [first])
      } _: {
        try await stage.administration.setVEX("doc", of: "acme", to: [row("affected")], by: .everybody)
      }
      let left = try await stage.database.read { try $0.vexStatements(of: "acme", about: ["CVE-2026-1"]) }
      #expect(left.map(\.status) == ["affected"])
    }
  }

  @Test func `move no tag once it was answered that it is immutable`() async throws {
    try await Stage.run { stage in
      let repository = stage.client.repository
      try await stage.client.push(Stage.image, tags: [RegistryScenario.tag])
      let other = SampleManifest.image(config: RegistryScenario.config, layers: [], note: "other")
      let record = try other.record()
      let seen = try await stage.beside {
        _ = try $0.push(
          record, to: repository, tags: [RegistryScenario.tag], allowsMissing: false,
          TagCause(.push, by: Origin(actor: "somebody")))
      } _: { () -> Digest? in
        try await stage.administration.setRule(
          .immutable, on: nil, of: "acme", to: ["*"], by: .everybody)
        return try await stage.database.read {
          try $0.first("SELECT digest FROM tag WHERE name = \(RegistryScenario.tag)") { try $0.digest(0) }
        }
      }
      #expect(seen == other.digest)
    }
  }

  @Test func `do not go on with an upload that ends meanwhile`() async throws {
    try await Stage.run { stage in
      let until = stage.database.now + .seconds(600)
      _ = try await stage.database.write { try $0.claimUpload("one", token: "first", until: until) }
      let outcome = try await stage.beside {
        _ = try $0.deleteUpload("one", token: "first")
      } _: {
        try await stage.database.write { try $0.claimUpload("one", token: "second", until: until) }
      }
      guard case .ended = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(try await stage.number("SELECT COUNT(*) FROM upload") == 0)
      // Its end is told again to who has lost the answer to it.
      #expect(try await stage.database.write { try $0.deleteUpload("one", token: "first") } == .endedBefore)
    }
  }
}
