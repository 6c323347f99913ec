import Metadata
import OCI
import Scanning
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// What vendors and teams say suppresses findings, and takes none away.
@Suite struct `Statements about vulnerabilities` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  private static func openVEX(
    _ product: String, _ status: String = "not_affected", at time: String = "2026-03-01T00:00:00Z"
  )
    -> [UInt8]
  {
    Array(
      #"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:x","author":"us","timestamp":"\#(time)","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"\#(product)"}],"status":"\#(status)","justification":"vulnerable_code_not_present"}]}"#
        .utf8)
  }

  private static func set(_ name: String, _ document: [UInt8], _ stage: InspectionStage) async throws {
    let rows = try stage.registry.vexRows(document, named: name)
    _ = try await stage.registry.database.write { try $0.replaceVEX(name, of: "acme", by: rows) }
  }

  @Test(arguments: kinds) func `uploaded for a namespace, the latest counts`(kind: TestInstallation.Kind) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let unfounded = String(decoding: Self.openVEX("pkg:deb/debian/curl"), as: UTF8.self)
        .split(separator: #","justification""#).joined(separator: #"","was""#)
      #expect(throws: ParseError.self) { try stage.registry.vexRows(Array(unfounded.utf8), named: "unfounded") }
      try await Self.set("other", Self.openVEX("pkg:deb/debian/wget"), stage)
      #expect(try await stage.findings(image).first?.suppression == nil)
      try await Self.set("ours", Self.openVEX("pkg:deb/debian/curl@7.88.1-10"), stage)
      let suppression = try #require(try await stage.findings(image).first?.suppression)
      #expect(suppression.source == .vex)
      #expect(suppression.reason == "vulnerable_code_not_present")
      #expect(suppression.reference == "ours")
      // Who knows better says so later.
      try await Self.set("better", Self.openVEX("pkg:deb/debian/curl", "affected", at: "2026-04-01T00:00:00Z"), stage)
      #expect(try await stage.findings(image).first?.suppression == nil)
      _ = try await stage.registry.database.write { try $0.replaceVEX("better", of: "acme", by: []) }
      #expect(try await stage.findings(image).first?.suppression != nil)
    }
  }

  @Test(arguments: kinds) func `attached to an image, they are said of it alone and for as long as they are there`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let app = InspectionStage.layer([("etc/motd", "hello")])
      let other = try await stage.push([InspectionStage.base, app], as: .sample("2"))
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let document = SampleBlob(Self.openVEX("pkg:deb/debian/curl"))
      try await stage.client.put(document)
      let referrer = SampleManifest.image(
        config: InspectionStage.config, layers: [document], subject: image, artifactType: "application/openvex+json")
      try await stage.client.push(referrer, tags: [])
      try await stage.inspect()
      #expect(try await stage.findings(image).first?.suppression?.reference == referrer.digest.description)
      #expect(try await stage.findings(other).first?.suppression == nil)
      try await stage.client.deleteManifest(referrer.digest)
      #expect(try await stage.findings(image).first?.suppression == nil)
    }
  }

  /// A document that is attached to an image.
  private static func attach(
    _ document: SampleBlob, to image: SampleManifest, as type: String = "application/openvex+json",
    _ stage: InspectionStage
  ) async throws -> SampleManifest {
    try await stage.client.put(document)
    let referrer = SampleManifest.image(
      config: InspectionStage.config, layers: [document], subject: image, artifactType: type)
    try await stage.client.push(referrer, tags: [])
    return referrer
  }

  @Test(arguments: kinds) func `that cannot be read are listed with the reason, and told beside what is wrong`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let read = try await Self.attach(SampleBlob(Self.openVEX("pkg:deb/debian/curl")), to: image, stage)
      let broken = try await Self.attach(SampleBlob(Array(#"{"@context""#.utf8)), to: image, stage)
      let idle = try await Self.attach(SampleBlob(Self.openVEX("https://example.org/curl")), to: image, stage)
      let wrapped = try await Self.attach(
        SampleBlob(Array(#"{"predicateType":"https://openvex.dev/ns/v0.2.0","predicate":{"statements":1}}"#.utf8)),
        to: image, as: "application/vnd.in-toto+json", stage)
      // Of something else, and not to be told.
      _ = try await Self.attach(
        SampleBlob(Array(#"{"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#.utf8)), to: image,
        as: "application/vnd.in-toto+json", stage)
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])

      func documents() async throws -> [String: VEXDocumentRow] {
        let found = try await stage.registry.database.read { try $0.vexDocuments(of: "acme", after: "", limit: 100) }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.document, $0) })
      }
      let found = try await documents()
      #expect(Set(found.keys) == Set([read, broken, idle, wrapped].map(\.digest.description)))
      let readable = try #require(found[read.digest.description])
      #expect(readable.failure == nil && readable.statementCount == 1)
      #expect(found.values.allSatisfy { $0.repositories == [stage.client.repository] && $0.subject == image.digest })
      for one in [broken, idle, wrapped] {
        #expect(found[one.digest.description]?.statementCount == 0)
        #expect(found[one.digest.description]?.failure?.isEmpty == false)
      }
      #expect(found[idle.digest.description]?.failure == Registry.nothingSaid)

      let gaps = try await stage.report(image).gaps
      #expect(gaps.filter { $0.hasPrefix("not read: the attached VEX document sha256:") }.count == 3, "\(gaps)")
      // The one that was read counts as before.
      #expect(try await stage.findings(image).first?.suppression?.reference == read.digest.description)
      for one in [broken, idle, wrapped] { try await stage.client.deleteManifest(one.digest) }
      #expect(try await stage.report(image).gaps.isEmpty)
    }
  }
}
