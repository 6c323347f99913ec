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
  private static let config = SampleBlob(Array("{}".utf8))

  private static func layer(_ files: [(String, String)]) -> SampleBlob {
    var archive = LayerArchive()
    for (path, content) in files { archive.add(path, content) }
    return SampleBlob(archive.whole)
  }

  private static func package(_ name: String, _ version: String) -> String {
    "Package: \(name)\nStatus: install ok installed\nVersion: \(version)\nArchitecture: amd64\n\n"
  }

  private static let base = layer([
    ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n"),
    ("var/lib/dpkg/status", package("curl", "7.88.1-10") + package("zlib", "1.2")),
  ])

  private static func advisory(
    _ id: String = "TEST-1", fixed: String = "8.0-1", modified: String = "2026-01-01T00:00:00Z", withdrawn: Bool = false
  ) throws -> Advisory {
    let end = withdrawn ? #","withdrawn":"2026-02-01T00:00:00Z""# : ""
    return try OSVReader.advisory(
      try JSONValue.parse(
        #"{"id":"\#(id)","modified":"\#(modified)","aliases":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]\#(end)}"#
      ))
  }

  /// A registry with a client, and the inspection that works for it.
  private struct Stage {
    let registry: Registry
    let client: SimulatedClient

    func push(_ layers: [SampleBlob], as tag: OCI.Tag) async throws -> SampleManifest {
      try await client.put(Inspection.config)
      for layer in layers { try await client.upload(layer) }
      let image = SampleManifest.image(config: Inspection.config, layers: layers)
      try await client.push(image, tags: [tag])
      return image
    }

    /// Does all that is due.
    func inspect(by inspector: any LayerInspector = DirectInspector()) async throws {
      let work = Upkeep.Inspection(registry: registry, inspector: inspector, logger: .silent)
      while try await registry.readDueFacts() > 0 {}
      while try await work.step() > 0 {}
    }

    func inventory(_ image: SampleManifest) async throws -> ImageInventoryRow {
      let found = try await registry.inspectedImages(.digest(image.digest), permit: client.pull)
      return try #require(found.first?.inventory)
    }

    func findings(_ image: SampleManifest) async throws -> [ImageFinding] {
      try await registry.findings(of: try await inventory(image), in: client.repository)
    }

    @discardableResult
    func bring(_ advisories: [Advisory], whole: Bool = false, expecting: Int? = nil) async throws
      -> AdvisoryImportReport
    {
      var work = try await AdvisoryImport.begin(
        registry, feed: "test", kind: "osv", expecting: expecting ?? advisories.count, isWhole: whole)
      for advisory in advisories { try await work.add(advisory) }
      return try await work.finish()
    }

    func events() async throws -> [FindingEvent] { try await registry.findingEvents(before: 0, since: nil, limit: 100) }
  }

  private static func onStage(
    over kind: TestInstallation.Kind = .sqliteAndFiles, _ body: (Stage) async throws -> Void
  ) async throws {
    let installation = try await TestInstallation(kind)
    let server = try await TestRegistry.start(over: installation)
    let stage = Stage(registry: server.registry, client: try SimulatedClient(server.registry, "acme/api"))
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(stage)) } catch { outcome = .failure(error) }
    try await server.stop()
    try installation.remove()
    try outcome.get()
  }

  @Test(arguments: kinds)
  func `finds packages once for every image that shares the layer, and an advisory judges them without reading`(
    kind: TestInstallation.Kind
  ) async throws {
    try await Self.onStage(over: kind) { stage in
      let first = try await stage.push([Self.base], as: .sample("1"))
      try await stage.inspect()
      let app = Self.layer([("app/x-1.0.dist-info/METADATA", "Name: Some.Thing\nVersion: 1.0\n")])
      let second = try await stage.push([Self.base, app], as: .sample("2"))
      // The base is known: what is read now is the new layer alone.
      try await stage.inspect(by: OnlyInspector(allowed: [app.digest]))
      #expect(try await stage.inventory(first).packageCount == 2)
      #expect(try await stage.inventory(second).packageCount == 3)
      #expect(try await stage.inventory(second).osName == "Debian 12")
      #expect(try await stage.findings(first).isEmpty)
      #expect(
        try await stage.registry.unjudged(try await stage.inventory(second))
          == "no advisories are here for Debian:12, PyPI")

      let report = try await stage.bring([Self.advisory()])
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
      #expect(try await stage.bring([Self.advisory()]).changedCount == 0)
      #expect(try await stage.events().count == 1)
    }
  }

  @Test(arguments: kinds) func `follows advisories that change, are withdrawn and vanish`(
    kind: TestInstallation.Kind
  ) async throws {
    try await Self.onStage(over: kind) { stage in
      let image = try await stage.push([Self.base], as: .sample("1"))
      try await stage.bring([Self.advisory()])
      // What is new to the registry is judged by what is here.
      try await stage.inspect()
      #expect(try await stage.findings(image).first?.fixed == "8.0-1")
      try await stage.bring([Self.advisory(fixed: "9.0-1", modified: "2026-01-02T00:00:00Z")])
      #expect(try await stage.findings(image).first?.fixed == "9.0-1")
      try await stage.bring([Self.advisory(fixed: "7.0-1", modified: "2026-01-03T00:00:00Z")])
      #expect(try await stage.findings(image).isEmpty)
      try await stage.bring([Self.advisory(modified: "2026-01-04T00:00:00Z")])
      try await stage.bring([Self.advisory(modified: "2026-01-05T00:00:00Z", withdrawn: true)])
      #expect(try await stage.findings(image).isEmpty)
      try await stage.bring([Self.advisory("TEST-2")])
      #expect(try await stage.findings(image).map(\.advisory.advisory) == ["TEST-2"])
      // A feed of two that comes with one has shrunk by more than a fifth.
      await #expect(throws: AdvisoryImportRefusal.self) { try await stage.bring([Self.advisory()], whole: true) }
      #expect(try await stage.findings(image).count == 1)
      // Less than was told of takes nothing away.
      await #expect(throws: AdvisoryImportRefusal.self) {
        try await stage.bring([Self.advisory("TEST-3")], whole: true, expecting: 2)
      }
      #expect(try await stage.findings(image).first?.others == ["TEST-3"])
    }
  }

  @Test func `never says clean of what it could not see`() async throws {
    try await Self.onStage { stage in
      try await stage.bring([Self.advisory()])
      let broken = try await stage.push([SampleBlob(Array("this is no archive".utf8))], as: .sample("broken"))
      let removed = try await stage.push(
        [Self.base, Self.layer([("var/lib/dpkg/.wh.status", "")])], as: .sample("removed"))
      let unknown = try await stage.push(
        [Self.layer([("var/lib/dpkg/status", Self.package("curl", "1"))])], as: .sample("unknown"))
      let foreign = try await stage.push(
        [
          Self.layer([
            ("etc/os-release", "ID=templeos\nVERSION_ID=5\n"), ("var/lib/dpkg/status", Self.package("curl", "1")),
          ])
        ], as: .sample("foreign"))
      try await stage.inspect()
      #expect(try await stage.inventory(broken).state == .failed)
      #expect(try await stage.inventory(removed).state == .packageDatabaseRemoved)
      #expect(try await stage.inventory(removed).reason == "package database removed: var/lib/dpkg/status")
      #expect(try await stage.inventory(unknown).state == .unknownDistribution)
      let contents = try await stage.registry.contents(of: try await stage.inventory(foreign))
      #expect(contents.packages.first?.notJudged != nil)
    }
  }

  @Test func `a policy refuses what it is about, an exception lets it through, and both end`() async throws {
    try await Self.onStage { stage in
      let image = try await stage.push([Self.base], as: .sample("1"))
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
      try await stage.bring([Self.advisory()])
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
}

/// Reads some layers, and takes every other for a mistake.
private struct OnlyInspector: LayerInspector {
  let allowed: Set<Digest>

  func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
    let bytes = try await layer.collect()
    let digest = SampleBlob(Array(buffer: bytes)).digest
    #expect(allowed.contains(digest), "\(digest) was read again")
    return try await DirectInspector().inspect(layer)
  }
}
