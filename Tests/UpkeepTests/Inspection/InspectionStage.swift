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

/// A registry with a client, and the inspection that works for it.
struct InspectionStage {
  static let config = SampleBlob(Array("{}".utf8))

  static func layer(_ files: [(String, String)]) -> SampleBlob {
    var archive = LayerArchive()
    for (path, content) in files { archive.add(path, content) }
    return SampleBlob(archive.whole)
  }

  static func package(_ name: String, _ version: String) -> String {
    "Package: \(name)\nStatus: install ok installed\nVersion: \(version)\nArchitecture: amd64\n\n"
  }

  static let base = layer([
    ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n"),
    ("var/lib/dpkg/status", package("curl", "7.88.1-10") + package("zlib", "1.2")),
  ])

  static func advisory(
    _ id: String = "TEST-1", fixed: String = "8.0-1", modified: String = "2026-01-01T00:00:00Z", withdrawn: Bool = false
  ) throws -> Advisory {
    let end = withdrawn ? #","withdrawn":"2026-02-01T00:00:00Z""# : ""
    return try OSVReader.advisory(
      try JSONValue.parse(
        #"{"id":"\#(id)","modified":"\#(modified)","aliases":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"curl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]\#(end)}"#
      ))
  }

  let registry: Registry
  let client: SimulatedClient

  func push(_ layers: [SampleBlob], as tag: OCI.Tag) async throws -> SampleManifest {
    try await client.put(Self.config)
    for layer in layers { try await client.upload(layer) }
    let image = SampleManifest.image(config: Self.config, layers: layers)
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

  func report(_ image: SampleManifest) async throws -> ImageReport {
    try await registry.report(on: try await inventory(image), in: client.repository)
  }

  func findings(_ image: SampleManifest) async throws -> [ImageFinding] { try await report(image).findings }

  @discardableResult
  func bring(_ advisories: [Advisory], whole: Bool = false, expecting: Int? = nil) async throws
    -> AdvisoryImportReport
  {
    try await AdvisoryImport.run(
      registry, feed: "test", kind: "osv", expecting: expecting ?? advisories.count, isWhole: whole
    ) { work in
      for advisory in advisories { try await work.add(advisory) }
    }
  }

  func events() async throws -> [FindingEvent] { try await registry.findingEvents(before: 0, since: nil, limit: 100) }

  static func run(
    over kind: TestInstallation.Kind = .sqliteAndFiles, _ body: (InspectionStage) async throws -> Void
  ) async throws {
    let installation = try await TestInstallation(kind)
    let server = try await TestRegistry.start(over: installation)
    let stage = InspectionStage(registry: server.registry, client: try SimulatedClient(server.registry, "acme/api"))
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(stage)) } catch { outcome = .failure(error) }
    try await server.stop()
    try installation.remove()
    try outcome.get()
  }
}

/// Reads some layers, and takes every other for a mistake.
struct OnlyInspector: LayerInspector {
  let allowed: Set<Digest>

  func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
    let bytes = try await layer.collect()
    let digest = SampleBlob(Array(buffer: bytes)).digest
    #expect(allowed.contains(digest), "\(digest) was read again")
    return try await DirectInspector().inspect(layer)
  }
}
