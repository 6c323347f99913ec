import Ground
import OCI
import Scanning
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore
@testable import Upkeep

/// A finding is of one vulnerability, however many an advisory speaks of.
@Suite struct `Findings of one vulnerability` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]
  private static let critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
  private static let low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:L/A:N"

  /// A record about curl.
  private static func record(
    _ id: String, aliases: [String] = [], upstream: [String] = [], vector: String? = nil, fixed: String = "8.0-1"
  ) -> Advisory {
    var affected = Affected(ecosystem: Ecosystem(parsing: "Debian:12"), name: "curl")
    affected.ranges = [AdvisoryRange(.ecosystem, [.introduced("0"), .fixed(fixed)])]
    var advisory = Advisory(id: id)
    advisory.aliases = aliases
    advisory.upstream = upstream
    advisory.affected = [affected]
    if let vector {
      let rating = CVSS.rating(vector)
      advisory.severities = [
        Severity(source: "CVSS_V3", text: vector, band: rating?.band ?? .unknown, score: rating?.score)
      ]
    }
    return advisory
  }

  private static let bundle = record("DSA-9-1", upstream: ["CVE-2026-1", "CVE-2026-2"])
  private static let single = [
    record("DEBIAN-CVE-2026-1", upstream: ["CVE-2026-1"], vector: critical),
    record("DEBIAN-CVE-2026-2", upstream: ["CVE-2026-2"], vector: low, fixed: "8.1-1"),
  ]

  private static func judged(_ advisories: [Advisory], _ stage: InspectionStage) async throws -> SampleManifest {
    let image = try await stage.push([InspectionStage.base], as: .sample("1"))
    try await stage.inspect()
    try await stage.bring(advisories)
    return image
  }

  private static func blocks(
    _ policy: String, _ image: SampleManifest, _ stage: InspectionStage, at now: Timestamp? = nil
  )
    async throws -> [String]
  {
    var facts = PolicyFacts(now: now ?? stage.registry.database.now)
    facts.findings = try await stage.findings(image)
    let value = try RuleValue.validated(.policy, try JSONValue.parse(policy))
    return PolicyVerdict(try FindingPolicy(json: value), facts).blocks.map(\.message)
  }

  @Test(arguments: kinds) func `are told apart though one advisory mends several`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await Self.judged([Self.bundle] + Self.single, stage)
      let found = try await stage.findings(image)
      #expect(found.map(\.vulnerability) == ["CVE-2026-1", "CVE-2026-2"])
      #expect(found.map(\.severity) == ["critical", "low"])
      #expect(found.map(\.advisory.advisory) == ["DEBIAN-CVE-2026-1", "DEBIAN-CVE-2026-2"])
      #expect(found.map(\.others) == [["DSA-9-1"], ["DSA-9-1"]])
      #expect(found.map(\.fixed) == ["8.0-1", "8.1-1"])
      #expect(
        found.map(\.names) == [
          ["CVE-2026-1", "DEBIAN-CVE-2026-1", "DSA-9-1"], ["CVE-2026-2", "DEBIAN-CVE-2026-2", "DSA-9-1"],
        ])
    }
  }

  @Test func `are told for each CVE of an advisory that stands alone`() async throws {
    try await InspectionStage.run { stage in
      let image = try await Self.judged([Self.bundle, Self.record("DSA-10-1")], stage)
      let found = try await stage.findings(image)
      #expect(found.map(\.vulnerability) == ["CVE-2026-1", "CVE-2026-2", "DSA-10-1"])
      #expect(found.map(\.advisory.advisory) == ["DSA-9-1", "DSA-9-1", "DSA-10-1"])
    }
  }

  @Test func `are of the CVEs to which a distribution's record is related, where it names them no other way`()
    async throws
  {
    try await InspectionStage.run { stage in
      var record = Self.record("ALSA-2022:1")
      record.related = ["CVE-2026-1", "CVE-2026-2"]
      record.severities = [Severity(source: "AlmaLinux", text: "Important", band: .high)]
      let image = try await Self.judged([record], stage)
      let found = try await stage.findings(image)
      #expect(found.map(\.vulnerability) == ["CVE-2026-1", "CVE-2026-2"])
      #expect(found.map(\.severity) == ["high", "high"])
      #expect(found.map(\.severitySource) == ["AlmaLinux", "AlmaLinux"])
      #expect(try await stage.registry.database.read { try $0.packages(foundBy: "CVE-2026-2") }.count == 1)
    }
  }

  @Test func `are one by aliases, also over a name that is no CVE`() async throws {
    try await InspectionStage.run { stage in
      let image = try await Self.judged(
        [
          Self.record("GHSA-a", aliases: ["CVE-2026-1"], vector: Self.critical), Self.record("CVE-2026-1"),
          Self.record("PYSEC-1", aliases: ["GHSA-a"]), Self.record("GO-1", aliases: ["PYSEC-1"]),
          Self.record("UBUNTU-CVE-2026-1"),
          // Nobody has a CVE for these two.
          Self.record("GHSA-b"), Self.record("PYSEC-2", aliases: ["GHSA-b"]),
        ], stage)
      let found = try await stage.findings(image)
      #expect(found.map(\.vulnerability) == ["CVE-2026-1", "GHSA-b"])
      #expect(found.first?.others == ["GHSA-a", "GO-1", "PYSEC-1", "UBUNTU-CVE-2026-1"])
      #expect(found.last?.names == ["GHSA-b", "PYSEC-2"])
    }
  }

  @Test(arguments: kinds) func `do not vanish with another that one advisory names too`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await Self.judged([Self.bundle] + Self.single, stage)
      func take(_ vulnerability: String) async throws -> Int64 {
        try await stage.registry.database.write {
          try $0.createException(
            namespace: "acme", pattern: "", vulnerability: vulnerability, package: "", reason: "why", by: "test",
            until: $0.now + .seconds(86_400))
        }
      }
      func counted() async throws -> [String] {
        try await stage.findings(image).filter { $0.suppression == nil }.map(\.vulnerability)
      }
      let number = try await take("CVE-2026-1")
      #expect(try await counted() == ["CVE-2026-2"])
      let blocks = try await Self.blocks(#"{"block":{"severity":"low"}}"#, image, stage)
      #expect(blocks.count == 1 && blocks[0].contains("CVE-2026-2") && !blocks[0].contains("CVE-2026-1"))
      _ = try await stage.registry.database.write { try $0.endException(number, of: "acme", by: "test") }
      // Of what the advisory is about, all.
      let whole = try await take("dsa-9-1")
      #expect(try await counted().isEmpty)
      _ = try await stage.registry.database.write { try $0.endException(whole, of: "acme", by: "test") }
      let document =
        #"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:x","author":"us","timestamp":"2026-03-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-2"},"products":[{"@id":"pkg:deb/debian/curl"}],"status":"not_affected","justification":"vulnerable_code_not_present"}]}"#
      let rows = try stage.registry.vexRows(Array(document.utf8), named: "ours")
      _ = try await stage.registry.database.write { try $0.replaceVEX("ours", of: "acme", by: rows) }
      #expect(try await counted() == ["CVE-2026-1"])
    }
  }

  @Test func `are as old as the first advisory that spoke of them`() async throws {
    try await InspectionStage.run { stage in
      let image = try await Self.judged([Self.bundle] + Self.single, stage)
      let first = try #require(try await stage.findings(image).first?.foundAt)
      // Ten days later the record came that counts before the others.
      _ = try await stage.registry.database.write {
        try $0.execute(
          """
          UPDATE finding SET found_at = found_at + 864000000000
          WHERE advisory_id = (SELECT id FROM advisory WHERE name = 'DEBIAN-CVE-2026-1')
          """)
      }
      #expect(try await stage.findings(image).first?.foundAt == first)
      let policy = #"{"block":{"severity":"critical","graceDays":7}}"#
      #expect(try await Self.blocks(policy, image, stage, at: first + .seconds(6 * 86_400)).isEmpty)
      #expect(try await Self.blocks(policy, image, stage, at: first + .seconds(7 * 86_400)).count == 1)
    }
  }

  /// A record of the same flaws in what the image does not hold.
  private static func elsewhere(_ id: String, aliases: [String], vector: String, withdrawn: Bool = false) -> Advisory {
    var advisory = record(id, aliases: aliases, vector: vector)
    advisory.affected = [Affected(ecosystem: Ecosystem(parsing: "PyPI"), name: "pycurl")]
    advisory.withdrawn = withdrawn ? "2026-02-01T00:00:00Z" : nil
    return advisory
  }

  @Test(arguments: kinds) func `are as bad as records of other packages say, where none of theirs does`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await Self.judged(
        [
          Self.bundle,
          // As bad as the worst of several, which need not be this one.
          Self.elsewhere("RHSA-1", aliases: ["CVE-2026-1", "CVE-2026-2"], vector: Self.critical),
          Self.elsewhere("CVE-2026-1", aliases: [], vector: Self.critical, withdrawn: true),
        ], stage)
      #expect(try await stage.findings(image).map(\.severity) == ["unknown", "unknown"])
      #expect(try await Self.blocks(#"{"block":{"severity":"low"}}"#, image, stage).isEmpty)
      let every = try await Self.blocks(#"{"block":{"severity":"unknown"}}"#, image, stage)
      #expect(every.count == 1 && every[0].contains("2 findings of any severity, or none known"))

      try await stage.bring([
        Self.elsewhere("GHSA-a", aliases: ["CVE-2026-1"], vector: Self.low),
        Self.elsewhere("GHSA-b", aliases: ["CVE-2026-2"], vector: Self.critical),
      ])
      var found = try await stage.findings(image)
      #expect(found.map(\.vulnerability) == ["CVE-2026-2", "CVE-2026-1"])
      #expect(found.map(\.severity) == ["critical", "low"])
      #expect(found.map(\.severitySource) == ["CVSS_V3 of GHSA-b", "CVSS_V3 of GHSA-a"])
      #expect(found.map(\.score) == [98, 18])
      #expect(found.map(\.names) == [["CVE-2026-2", "DSA-9-1"], ["CVE-2026-1", "DSA-9-1"]], "they find nothing here")
      #expect(try await Self.blocks(#"{"block":{"severity":"low"}}"#, image, stage).count == 1)

      // The record of the CVE itself comes before others, and what the distribution says before that.
      try await stage.bring([Self.elsewhere("CVE-2026-2", aliases: [], vector: Self.low)])
      found = try await stage.findings(image)
      #expect(found.map(\.severitySource) == ["CVSS_V3 of GHSA-a", "CVSS_V3 of CVE-2026-2"])
      try await stage.bring(Self.single)
      found = try await stage.findings(image)
      #expect(found.map(\.severity) == ["critical", "low"])
      #expect(found.map(\.severitySource) == ["CVSS_V3", "CVSS_V3"])
    }
  }
}
