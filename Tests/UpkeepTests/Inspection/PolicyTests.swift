import Access
import Ground
import OCI
import Scanning
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore
@testable import Upkeep

/// What is wrong with an image decides where it may go.
@Suite struct `A policy of findings` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]
  private static let production: OCI.Tag = .sample("production")

  private static func actor() async throws -> ReleaseActor {
    try await Policy.open.releaseActor(in: "acme", for: .everybody)
  }

  private static func promote(_ tag: String, _ stage: InspectionStage, dryRun: Bool = false) async throws
    -> ReleaseOutcome
  {
    try await stage.registry.release(
      ReleaseWish(.images([ImageReference(parsing: "acme/api:\(tag)")]), reason: nil, key: nil, isDryRun: dryRun),
      to: production, by: actor())
  }

  private static func failures(_ body: () async throws -> some Sendable) async throws -> [String] {
    do {
      _ = try await body()
      return []
    } catch let refusal as ReleaseRefusal {
      return refusal.failures.map(\.rule)
    }
  }

  private static func setNamespacePolicy(_ json: String, _ stage: InspectionStage) async throws {
    let value = try RuleValue.validated(.policy, try JSONValue.parse(json))
    try await stage.registry.database.write {
      try $0.setRule(.policy, on: .everything, of: "acme", to: value, by: "test")
    }
  }

  @Test(arguments: kinds) func `holds promotions of images and of indexes, by namespace and by environment`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let index = SampleManifest.index([image])
      try await stage.client.push(index, tags: [.sample("multi")])
      _ = try await stage.registry.makeEnvironment(
        Self.production, try JSONValue.parse(#"{"policy":{"block":{"severity":"critical"}}}"#).object ?? [:],
        adopts: false, by: Self.actor())
      // Not read yet, and nothing is asked of that: it may go.
      _ = try await Self.promote("1", stage, dryRun: true)
      try await Self.setNamespacePolicy(#"{"at":["promotion"],"block":{"unscanned":true}}"#, stage)
      #expect(try await Self.failures { try await Self.promote("1", stage) } == ["policy unscanned"])
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      #expect(try await Self.failures { try await Self.promote("1", stage) } == ["policy severity"])
      #expect(try await Self.failures { try await Self.promote("multi", stage) } == ["policy severity"])
      // A laxer namespace does not make the environment laxer.
      try await Self.setNamespacePolicy(#"{"block":{"severity":"critical","graceDays":10}}"#, stage)
      #expect(try await Self.failures { try await Self.promote("1", stage) } == ["policy severity"])
      // A newer version of the package is the remedy.
      let mended = InspectionStage.layer([
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", InspectionStage.package("curl", "8.0-1")),
      ])
      _ = try await stage.push([mended], as: .sample("2"))
      try await stage.inspect()
      guard case .released(let state) = try await Self.promote("2", stage) else {
        Issue.record("it was not released")
        return
      }
      #expect(state.release.warnings.isEmpty)
    }
  }

  @Test func `never passes in silence what an index has beyond what is looked at`() async throws {
    try await InspectionStage.run { stage in
      let first = try await stage.push([InspectionStage.base], as: .sample("1"))
      var images = [first]
      for number in 1...Registry.inspectedImageLimit {
        images.append(.image(config: InspectionStage.config, layers: [InspectionStage.base], note: "\(number)"))
        try await stage.client.push(images[number], tags: [])
      }
      try await stage.client.push(.index(images), tags: [.sample("multi")])
      try await stage.inspect()
      _ = try await stage.registry.makeEnvironment(Self.production, [:], adopts: false, by: Self.actor())
      try await stage.bring([InspectionStage.advisory(fixed: "1.0-1")])
      try await Self.setNamespacePolicy(#"{"block":{"severity":"critical"}}"#, stage)
      guard case .planned(_, let warnings) = try await Self.promote("multi", stage, dryRun: true) else {
        Issue.record("it was not planned")
        return
      }
      #expect(warnings.map(\.rule) == ["unscanned"])
      #expect(warnings.first?.message.contains("it lists more than 64 images") == true)
      try await Self.setNamespacePolicy(#"{"block":{"unscanned":true}}"#, stage)
      #expect(try await Self.failures { try await Self.promote("multi", stage) } == ["policy unscanned"])
    }
  }

  @Test func `is met by an upgrade, whose difference tells what it brings and mends`() async throws {
    try await InspectionStage.run { stage in
      _ = try await stage.push([InspectionStage.base], as: .sample("1"))
      let newer = InspectionStage.layer([
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        (
          "var/lib/dpkg/status",
          InspectionStage.package("curl", "8.0-1") + InspectionStage.package("wget", "1.0")
        ),
      ])
      _ = try await stage.push([newer], as: .sample("2"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let pull = stage.client.pull
      let found = try await stage.registry.contentDifference(
        from: (.tag(.sample("1")), pull), to: (.tag(.sample("2")), pull))
      #expect(found.added.map(\.name) == ["wget"])
      #expect(found.removed.map(\.name) == ["zlib"])
      #expect(found.changed.map(\.to) == [["8.0-1"]])
      #expect(found.fixed.map(\.vulnerability) == ["CVE-2026-1"])
      #expect(found.introduced.isEmpty)
    }
  }

  @Test func `warns of a promotion, and the warning stays with the release`() async throws {
    try await InspectionStage.run { stage in
      _ = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      try await Self.setNamespacePolicy(#"{"at":["promotion"],"warn":{"severity":"high"}}"#, stage)
      _ = try await stage.registry.makeEnvironment(Self.production, [:], adopts: false, by: Self.actor())
      guard case .planned(_, let warnings) = try await Self.promote("1", stage, dryRun: true) else {
        Issue.record("it was not planned")
        return
      }
      #expect(warnings.map(\.rule) == ["severity"])
      _ = try await Self.promote("1", stage)
      let release = try await stage.registry.release(1, of: Self.production, by: Self.actor())
      #expect(release.release.warnings == warnings)
      #expect(release.release.warnings.first?.image == "acme/api:1")
      let records = try await stage.registry.database.read { transaction in
        var filter = AuditFilter()
        filter.kind = "policy.warning"
        return try transaction.auditRecords(filter, after: 0, newestFirst: true, limit: 10)
      }
      #expect(records.map(\.target) == ["production"], "what was only planned is not recorded")
      #expect(records.first?.detail.contains("acme/api:1") ?? false)
    }
  }

  @Test(arguments: kinds) func `tells beforehand what it would have refused of pulls and promotions`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let other = try await stage.push([InspectionStage.layer([("etc/motd", "hello")])], as: .sample("plain"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      _ = try await stage.registry.makeEnvironment(Self.production, [:], adopts: false, by: Self.actor())
      _ = try await Self.promote("1", stage)
      for pulled in [image, other, image] { stage.registry.notePull(of: pulled.digest, in: stage.client.repository) }
      try await stage.registry.flushPulls()
      try await stage.registry.database.write { transaction in
        for (actor, times) in [("ci", 1), ("alice", 3)] {
          let detail: JSONValue = ["digest": .string(image.digest.description), "times": .integer(Int64(times))]
          try transaction.record(
            AuditEntry(
              "pull", by: Origin(actor: actor), namespace: "acme", target: "acme/api", detail: detail.text))
        }
        try transaction.record(
          AuditEntry("pull", .refused, by: Origin(actor: "eve"), namespace: "acme", target: "acme/api"))
      }
      let policy = try FindingPolicy(json: try JSONValue.parse(#"{"block":{"severity":"high"}}"#))
      let since = stage.registry.database.now - .seconds(3600)
      let rehearsal = try await stage.registry.rehearse(policy, on: nil, of: "acme", since: since)
      #expect(rehearsal.pullCount == 2)
      #expect(rehearsal.promotionCount == 1)
      #expect(rehearsal.images.map(\.digest) == [image.digest, image.digest])
      #expect(rehearsal.images.first?.tags.map(\.text) == ["1", "production"])
      guard case .pull(let count, _, let recorded) = rehearsal.images.first?.event else {
        Issue.record("the first is no pull")
        return
      }
      #expect(count == 2)
      #expect(recorded?.count == 4)
      #expect(recorded?.actors == ["alice", "ci"])
      await #expect(throws: AdministrationError.self) {
        try await stage.registry.rehearse(policy, on: nil, environment: .sample("nosuch"), of: "acme", since: since)
      }
      // Elsewhere, and before: nothing.
      #expect(try await stage.registry.rehearse(policy, on: nil, of: "other", since: since).pullCount == 0)
      let later = stage.registry.database.now + .seconds(1)
      #expect(try await stage.registry.rehearse(policy, on: nil, of: "acme", since: later).images.isEmpty)
    }
  }

  @Test func `is not asked of a risk that was taken, however its vulnerability was spelled`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      func take(_ vulnerability: String, _ package: String) async throws -> Int64 {
        try await stage.registry.database.write {
          try $0.createException(
            namespace: "acme", pattern: "", vulnerability: vulnerability, package: package, reason: "why", by: "test",
            until: $0.now + .seconds(86_400))
        }
      }
      func isTaken() async throws -> Bool { try await stage.findings(image).allSatisfy { $0.suppression != nil } }
      _ = try await take("cve-2026-2", "")
      _ = try await take("", "curling")
      #expect(try await !isTaken())
      let number = try await take("cve-2026-1", "")
      #expect(try await isTaken())
      _ = try await stage.registry.database.write { try $0.endException(number, of: "acme", by: "test") }
      #expect(try await !isTaken())
    }
  }

  @Test(arguments: kinds) func `tells once of an exception that is about to end`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let now = stage.registry.database.now
      for days in [1, 3, 30] {
        _ = try await stage.registry.database.write {
          try $0.createException(
            namespace: "acme", pattern: "", vulnerability: "CVE-2026-\(days)", package: "", reason: "why", by: "test",
            until: now + .seconds(Int64(days) * 86_400))
        }
      }
      func announced() async throws -> [String] {
        try await stage.registry.database.write {
          try $0.announceExpiringExceptions(limit: 10).map(\.vulnerability)
        }
      }
      #expect(try await announced() == ["CVE-2026-1", "CVE-2026-3"])
      #expect(try await announced().isEmpty)
    }
  }

  @Test(arguments: kinds)
  func `images that older rules have judged are judged again, and layers that older readers read`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let work = Upkeep.Inspection(registry: stage.registry, inspector: DirectInspector(), logger: .silent)
      #expect(try await work.renew() == 0, "everything is of today")
      // As if yesterday's rules had known nothing.
      try await stage.registry.database.write { transaction in
        _ = try transaction.execute("UPDATE package SET matcher = 0")
        _ = try transaction.execute("UPDATE image_inventory SET matcher = 0")
        _ = try transaction.execute("DELETE FROM finding")
        _ = try transaction.execute("DELETE FROM package_subject")
        _ = try transaction.execute("UPDATE layer_inventory SET revision = 0")
      }
      #expect(try await stage.findings(image).isEmpty)
      #expect(try await work.renew() == 2)
      #expect(try await work.renew() == nil, "what is due comes first")
      while try await work.step() > 0 {}
      #expect(try await stage.findings(image).map(\.vulnerability) == ["CVE-2026-1"])
      #expect(try await work.renew() == 0)
      #expect(try await work.trim() == 0)
    }
  }
}
