import Access
import BlobStorage
import Ground
import Metadata
import NIOCore
import OCI
import Scanning
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// From the layers of an image to what is wrong with it.
@Suite struct `Inspection` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  @Test(arguments: kinds)
  func `finds packages once for every image that shares the layer, and an advisory judges them without reading`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let first = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let app = InspectionStage.layer([("app/x-1.0.dist-info/METADATA", "Name: Some.Thing\nVersion: 1.0\n")])
      let second = try await stage.push([InspectionStage.base, app], as: .sample("2"))
      // The base is known: what is read now is the new layer alone.
      try await stage.inspect(by: OnlyInspector(allowed: [app.digest]))
      #expect(try await stage.inventory(first).packageCount == 2)
      #expect(try await stage.inventory(second).packageCount == 3)
      #expect(try await stage.inventory(second).osName == "Debian 12")
      #expect(try await stage.findings(first).isEmpty)
      #expect(
        try await stage.report(second).unjudged
          == "no advisories are here for Debian:12, PyPI")

      let report = try await stage.bring([InspectionStage.advisory()])
      #expect(report.changedCount == 1)
      #expect(report.findings.newCount == 1, "a version of a package is one finding, however many images hold it")
      for image in [first, second] {
        let found = try await stage.findings(image)
        #expect(found.map(\.vulnerability) == ["CVE-2026-1"])
        #expect(found.first?.severity == "critical")
        #expect(found.first?.fixed == "8.0-1")
      }
      let event = try #require(try await stage.events().first)
      #expect(event.kind == .new)
      #expect(event.imageCount == 2)
      // The same again changes nothing.
      #expect(try await stage.bring([InspectionStage.advisory()]).changedCount == 0)
      #expect(try await stage.events().count == 1)
    }
  }

  @Test(arguments: kinds) func `follows advisories that change, are withdrawn and vanish`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.bring([InspectionStage.advisory()])
      // What is new to the registry is judged by what is here.
      try await stage.inspect()
      #expect(try await stage.findings(image).first?.fixed == "8.0-1")
      try await stage.bring([InspectionStage.advisory(fixed: "9.0-1", modified: "2026-01-02T00:00:00Z")])
      #expect(try await stage.findings(image).first?.fixed == "9.0-1")
      try await stage.bring([InspectionStage.advisory(fixed: "7.0-1", modified: "2026-01-03T00:00:00Z")])
      #expect(try await stage.findings(image).isEmpty)
      try await stage.bring([InspectionStage.advisory(modified: "2026-01-04T00:00:00Z")])
      try await stage.bring([InspectionStage.advisory(modified: "2026-01-05T00:00:00Z", withdrawn: true)])
      #expect(try await stage.findings(image).isEmpty)
      try await stage.bring([InspectionStage.advisory("TEST-2")])
      #expect(try await stage.findings(image).map(\.advisory.advisory) == ["TEST-2"])
      // A feed of two that comes with one has shrunk by more than a fifth.
      await #expect(throws: AdvisoryImportRefusal.self) {
        try await stage.bring([InspectionStage.advisory()], whole: true)
      }
      #expect(try await stage.findings(image).count == 1)
      // Less than was told of takes nothing away.
      await #expect(throws: AdvisoryImportRefusal.self) {
        try await stage.bring([InspectionStage.advisory("TEST-3")], whole: true, expecting: 2)
      }
      #expect(try await stage.findings(image).first?.others == ["TEST-3"])
    }
  }

  @Test func `of two advisories of one flaw the fix is told that mends both`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      for (first, second) in [("8.9-1", "8.10-1"), ("8.10-1", "8.9-1")] {
        try await stage.bring([
          InspectionStage.advisory("TEST-1", fixed: first, modified: "2026-03-01T00:00:00Z"),
          InspectionStage.advisory("TEST-2", fixed: second, modified: "2026-03-01T00:00:00Z"),
        ])
        let found = try await stage.findings(image)
        #expect(found.map(\.vulnerability) == ["CVE-2026-1"])
        #expect(found.first?.fixed == "8.10-1")
      }
    }
  }

  @Test(arguments: kinds) func `everything can be judged again without a layer being read`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      // As no statement of ours would leave it.
      try await stage.registry.database.write { transaction in
        let keys = try transaction.packageSubjects(after: 0, limit: 10).map(\.key)
        _ = try transaction.replaceFindings(ofPackages: keys, by: [])
      }
      #expect(try await stage.findings(image).isEmpty)
      let report = try await stage.registry.rematch()
      #expect(report.packageCount == 2)
      #expect(report.findings.newCount == 1)
      #expect(try await stage.findings(image).map(\.vulnerability) == ["CVE-2026-1"])
      #expect(try await stage.registry.rematch().findings == FindingDifference())
      #expect(try await stage.events().map(\.kind) == [.new, .fixed, .new])
    }
  }

  /// Each sees of the other's layers only what was committed before.
  @Test(arguments: kinds) func `two that read layers of one image at the same time do not leave it waiting`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      for round in 0..<8 {
        let layers = (0...Upkeep.Inspection.layerBatchLimit).map { number in
          InspectionStage.layer([("etc/file-\(round)-\(number)", "\(round) \(number)")])
        }
        let image = try await stage.push(layers, as: .sample("r\(round)"))
        while try await stage.registry.readDueFacts() > 0 {}
        try await withThrowingTaskGroup { group in
          for _ in 0..<2 {
            group.addTask {
              let work = Upkeep.Inspection(registry: stage.registry, inspector: DirectInspector(), logger: .silent)
              while try await work.step() > 0 {}
            }
          }
          try await group.waitForAll()
        }
        try await stage.inspect()
        #expect(try await stage.inventory(image).state != .waiting, "round \(round)")
      }
    }
  }

  @Test(arguments: kinds) func `an image is folded again when a layer was read after it was taken`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let database = stage.registry.database
      func layers(below revision: Int) async throws -> [DueLayer] {
        try await database.write { transaction in
          try transaction.lockInspection()
          _ = try transaction.renewLayers(revisionBelow: revision, limit: 10)
          return try transaction.takeDueLayers(limit: 10, until: transaction.now + .seconds(60))
        }
      }
      func write(_ layer: Digest) async throws {
        try await database.write { transaction in
          try transaction.lockInspection()
          try transaction.writeLayer(
            layer, revision: 1000, .read(inventory: [], files: [], entries: 0, uncompressedBytes: 0))
        }
      }
      let layer = try #require(try await layers(below: 1000).first).digest
      try await write(layer)
      let taken = try await database.write { try $0.takeDueImages(limit: 10, until: $0.now + .seconds(60)) }
      #expect(taken.map(\.digest) == [image.digest])
      // Another replica has a layer of it read by a newer set of cataloguers.
      try await write(layer)
      for one in taken {
        try await stage.registry.writeInventories([(one, ImageFold.record(of: one))])
      }
      #expect(try await database.read { try $0.hasDueImages() })
    }
  }

  @Test func `never says clean of what it could not see`() async throws {
    try await InspectionStage.run { stage in
      try await stage.bring([InspectionStage.advisory()])
      let broken = try await stage.push([SampleBlob(Array("this is no archive".utf8))], as: .sample("broken"))
      let removed = try await stage.push(
        [InspectionStage.base, InspectionStage.layer([("var/lib/dpkg/.wh.status", "")])], as: .sample("removed"))
      let unknown = try await stage.push(
        [InspectionStage.layer([("var/lib/dpkg/status", InspectionStage.package("curl", "1"))])], as: .sample("unknown")
      )
      let foreign = try await stage.push(
        [
          InspectionStage.layer([
            ("etc/os-release", "ID=templeos\nVERSION_ID=5\n"),
            ("var/lib/dpkg/status", InspectionStage.package("curl", "1")),
          ])
        ], as: .sample("foreign"))
      try await stage.inspect()
      #expect(try await stage.inventory(broken).state == .failed)
      let reason = try #require(try await stage.inventory(broken).reason)
      #expect(reason.contains(": it is no archive: "), "\(reason)")
      #expect(try await stage.inventory(removed).state == .packageDatabaseRemoved)
      #expect(try await stage.inventory(removed).reason == "package database removed: var/lib/dpkg/status")
      #expect(try await stage.inventory(unknown).state == .unknownDistribution)
      let contents = try await stage.registry.contents(of: try await stage.inventory(foreign))
      #expect(contents.packages.first?.notJudged != nil)
      #expect(
        try await stage.report(foreign).unjudged
          == "its operating system's packages cannot be judged: no advisories are known for templeos 5")
    }
  }

  @Test func `what is not known of an image that is judged is told beside what is`() async throws {
    try await InspectionStage.run { stage in
      try await stage.bring([InspectionStage.advisory()])
      let app = InspectionStage.layer([("app/node_modules/x/package.json", "{"), ("app/program.jar", "PK no archive")])
      let image = try await stage.push([InspectionStage.base, app], as: .sample("1"))
      try await stage.inspect()
      let row = try await stage.inventory(image)
      #expect(row.state == .inventoried)
      let gaps = try await stage.report(image).gaps
      #expect(gaps.count == 2)
      #expect(gaps.first?.hasPrefix("not read: app/node_modules/x/package.json: node: it is no JSON") == true)
      #expect(gaps.last?.hasPrefix("not read: app/program.jar: java: ") == true)
    }
  }

  @Test(arguments: kinds) func `packages that nobody could judge are no gap beside those that are judged`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      try await stage.bring([InspectionStage.advisory()])
      let status = InspectionStage.package("curl", "9") + InspectionStage.package("linux-libc-dev", "6.1")
      let image = try await stage.push(
        [
          InspectionStage.layer([
            ("etc/os-release", "ID=debian\nVERSION_ID=12\n"), ("var/lib/dpkg/status", status),
          ])
        ], as: .sample("1"))
      try await stage.inspect()
      #expect(try await stage.report(image).unjudged == nil)
    }
  }

  @Test func `a policy refuses what it is about, an exception lets it through, and both end`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let manifest = try await stage.registry.manifest(.digest(image.digest), permit: stage.client.pull)
      func verdict(_ policy: String) async throws -> PolicyVerdict {
        let value = try RuleValue.validated(.policy, try JSONValue.parse(policy))
        return try await stage.registry.database.read { transaction in
          PolicyVerdict(
            try FindingPolicy(json: value),
            try Registry.policyFacts(
              image.digest, manifest.body, manifest.mediaType, in: stage.client.repository, transaction))
        }
      }
      #expect(try await verdict(#"{"block":{"unscanned":true}}"#).blocks.map(\.rule) == ["unscanned"])
      try await stage.inspect()
      // Read, and not judged: no advisory is here.
      #expect(try await verdict(#"{"block":{"unscanned":true}}"#).blocks.map(\.rule) == ["unscanned"])
      try await stage.bring([InspectionStage.advisory()])
      #expect(try await verdict(#"{"block":{"unscanned":true}}"#).blocks.isEmpty)
      #expect(
        try await verdict(#"{"block":{"severity":"high","onlyFixable":true}}"#).blocks.map(\.rule) == ["severity"])
      #expect(try await verdict(#"{"block":{"severity":"high","graceDays":1}}"#).blocks.isEmpty)
      #expect(try await verdict(#"{"block":{"exploited":true},"warn":{"severity":"low"}}"#).warnings.count == 1)
      let now = stage.registry.database.now
      _ = try await stage.registry.database.write {
        try $0.createException(
          namespace: "acme", pattern: "acme/api", vulnerability: "CVE-2026-1", package: "", reason: "why", by: "test",
          until: now + .seconds(3600))
      }
      #expect(try await verdict(#"{"block":{"severity":"low"}}"#).blocks.isEmpty)
      #expect(try await stage.findings(image).first?.suppression?.reason == "why")
    }
  }

  @Test(arguments: kinds) func `is asked by a search for packages and vulnerabilities, with everything else`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      _ = try await stage.push([InspectionStage.layer([("etc/motd", "hello")])], as: .sample("plain"))
      try await stage.client.push(SampleManifest.index([image]), tags: [.sample("multi")])
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func found(_ query: String) async throws -> [String] {
        let parsed = try SearchQuery(parsing: query, now: stage.registry.database.now)
        return try await stage.registry.search(parsed, after: nil, limit: 10, permit: permit).images.compactMap(
          \.tag?.text
        )
        .sorted()
      }
      #expect(try await found("package:curl") == ["1", "multi"])
      #expect(try await found("cve:cve-2026-1") == ["1", "multi"])
      #expect(try await found("cve:TEST-1 tag:1") == ["1"])
      #expect(try await found("-cve:CVE-2026-1") == ["plain"])
      #expect(try await found("package:wget OR cve:CVE-2026-2").isEmpty)
      // Below 7.88.1-10 comes what has a tilde, as Debian orders it.
      #expect(try await found("package:curl<7.88.1-10").isEmpty)
      #expect(try await found("package:curl>=7.88.1-10~rc1,<8 tag:1") == ["1"])
      #expect(try await found("severity:critical") == ["1", "multi"])
      #expect(try await found("severity:<critical").isEmpty)
      #expect(try await found("-severity:>=low") == ["plain"])
      #expect(throws: SearchError.self) { try SearchQuery(parsing: "package:<1", now: stage.registry.database.now) }
      #expect(throws: SearchError.self) { try SearchQuery(parsing: "severity:awful", now: stage.registry.database.now) }
    }
  }
}
