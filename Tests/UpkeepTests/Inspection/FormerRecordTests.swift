import Ground
import OCI
import Scanning
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore
@testable import Upkeep

/// Records as an older version kept them: those of module streams by the plain names of packages.
@Suite struct `Records that an older version has kept` {
  private static func advisory(_ id: String, _ title: String, fixed: String) throws -> Advisory {
    try OSVReader.advisory(
      try JSONValue.parse(
        #"{"id":"\#(id)","modified":"2026-01-01T00:00:00Z","summary":"\#(title)","affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"nodejs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]}"#
      ))
  }

  private static func formerRecord(_ advisory: Advisory) -> AdvisoryRecord {
    var record = AdvisoryRecord(advisory)
    record.hash = "former"
    record.packages = record.packages.prefix(1).map {
      .init(ecosystem: $0.ecosystem, package: "nodejs", content: $0.content)
    }
    return record
  }

  /// An image with nodejs of the stream 18.
  private static func image(_ stage: InspectionStage) async throws -> Digest {
    var component = Component(.rpm, name: "nodejs", version: "1:18.12.1-1.module_el9.1.0+16+91bc168f")
    (component.module, component.vendor) = ("nodejs:18:9010020221201:rhel9", "AlmaLinux")
    let subjects = try AdvisorySubject.of(component, in: Distribution(id: "almalinux", versionID: "9.4")).get()
    let package = PackageRecord(
      type: "rpm", name: component.name, version: component.version, distribution: "almalinux:9.4",
      module: "nodejs:18:9010020221201:rhel9", vendor: "AlmaLinux",
      subjects: subjects.map { .init(ecosystem: $0.ecosystem.description, name: $0.name, version: $0.version) })
    let digest = SampleBlob(Array("image".utf8)).digest
    let due = try await stage.registry.database.write { transaction in
      try transaction.registerImage(digest, layers: [])
      return try transaction.takeDueImages(limit: 1, until: transaction.now + .seconds(3600))
    }
    var record = ImageInventoryRecord(state: .inventoried)
    record.packages = [PackageUse(package: package, path: "var/lib/rpm/rpmdb.sqlite", layer: 0, ownedBy: nil)]
    let written = record
    try await stage.registry.writeInventories(due.map { ($0, written) })
    return digest
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `find packages of modules until their feed is read again, and then those of their stream`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let build = "1:18.20.0-1.module_el9.4.0+99+aa"
      let own = try Self.advisory("ALSA-1", "Important: nodejs:18 security update", fixed: build)
      let other = try Self.advisory("ALSA-2", "Important: nodejs:20 security update", fixed: build)
      // Kept by its plain name then and now: what is mended outside of modules.
      let outside = try Self.advisory("ALSA-3", "Important: nodejs security update", fixed: "1:99-1.el9")
      try await stage.bring([outside])
      try await stage.registry.database.write { transaction in
        let records = [own, other].map(Self.formerRecord)
        let heads = records.map { AdvisoryHead(name: $0.name, hash: $0.hash, modified: $0.modified) }
        _ = try transaction.writeAdvisories(heads, feed: "test") { records[$0] }
      }
      let image = try await Self.image(stage)
      func found() async throws -> [String] {
        let row = try #require(try await stage.registry.database.read { try $0.imageInventory(image) })
        return try await stage.registry.report(on: row, in: stage.client.repository).findings.map(\.vulnerability)
          .sorted()
      }
      #expect(try await found() == ["ALSA-1", "ALSA-2"])
      let report = try await stage.bring([own, other, outside], whole: true)
      #expect(report.changedCount == 2)
      #expect(report.findings.newCount == 0)
      #expect(try await found() == ["ALSA-1"])
      // What is outside of modules says nothing of them, however it comes.
      try await stage.bring([try Self.advisory("ALSA-3", "Critical: nodejs security update", fixed: "1:99-2.el9")])
      #expect(try await found() == ["ALSA-1"])
    }
  }
}
