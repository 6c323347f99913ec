import Access
import Ground
import OCI
import Scanning
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore
@testable import Upkeep

/// How bad an image is, is one answer, whoever is asked: its findings, a search, a policy.
@Suite struct `Findings, searches and policies` {
  private static let sources = ["CVSS_V4", "CVSS_V3", "CVSS_V2", "Debian", "database"]
  private static let cves = ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3"]
  private static let names =
    [
      "DSA-1", "DSA-2", "DEBIAN-CVE-2026-1", "DEBIAN-CVE-2026-2", "CVE-2026-3", "GHSA-a", "GHSA-b", "PYSEC-1",
      "RUSTSEC-1",
    ]
    + ["GO-1"]

  /// A record of curl, of zlib, or of what is not there, of whatever vulnerabilities, which says how bad it is or not.
  private static func record(_ name: String, _ chance: SeededRandom) -> Advisory {
    func oneOf(_ number: UInt64) -> Bool { chance.next() % number == 0 }
    func any<Element>(_ all: [Element]) -> Element { all[Int(chance.next() % UInt64(all.count))] }
    let (ecosystem, package) = any([
      ("Debian:12", "curl"), ("Debian:12", "curl"), ("Debian:12", "zlib"), ("PyPI", "pycurl"),
    ])
    var affected = Affected(ecosystem: Ecosystem(parsing: ecosystem), name: package)
    affected.ranges = [
      AdvisoryRange(
        .ecosystem, [.introduced("0")] + (oneOf(3) ? [] : [.fixed(oneOf(4) ? "a:1" : oneOf(6) ? "0.1" : "9.0-1")]))
    ]
    var advisory = Advisory(id: name)
    advisory.affected = [affected]
    advisory.upstream = cves.filter { _ in oneOf(4) }
    if oneOf(3) { advisory.aliases = [any(names)] }
    if oneOf(10) { advisory.withdrawn = "2026-02-01T00:00:00Z" }
    if !oneOf(3) {
      let source = any(sources)
      advisory.severities = [
        Severity(source: source, text: source, band: any(Array(Severity.Band.allCases.dropFirst())))
      ]
    }
    return advisory
  }

  @Test(arguments: [(TestInstallation.Kind.sqliteAndFiles, 60), (.postgresAndFiles, 15)])
  func `say the same of how bad an image is, whatever records there are`(
    kind: TestInstallation.Kind, rounds: Int
  ) async throws {
    let chance = SeededRandom(seed: 7)
    var (seen, undecidable): (Set<String>, Int) = ([], 0)
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func isFound(_ severity: String) async throws -> Bool {
        let query = try SearchQuery(parsing: "severity:\(severity)", now: stage.registry.database.now)
        return try await !stage.registry.search(query, after: nil, limit: 10, permit: permit).images.isEmpty
      }
      for round in 0..<rounds {
        let records = Self.names.map { Self.record($0, chance) }
        try await stage.bring(records)
        var facts = PolicyFacts(now: stage.registry.database.now)
        facts.findings = try await stage.findings(image)
        // What cannot be decided is shown, and counts for none of them.
        let counted = facts.findings.filter { $0.state != "undecidable" }.map(\.severity)
        undecidable += facts.findings.count - counted.count
        seen.formUnion(counted)
        for (place, severity) in ImageFinding.severities.enumerated() {
          let atLeast = ImageFinding.severities[place...].contains(where: counted.contains)
          #expect(try await isFound(severity) == counted.contains(severity), "\(round) \(severity): \(records)")
          #expect(try await isFound(">=\(severity)") == atLeast, "\(round) \(severity): \(records)")
          let policy = try FindingPolicy(json: try JSONValue.parse(#"{"block":{"severity":"\#(severity)"}}"#))
          #expect(!PolicyVerdict(policy, facts).blocks.isEmpty == atLeast, "\(round) \(severity): \(records)")
        }
        #expect(try await isFound("<negligible") == counted.contains("unknown"))
      }
    }
    #expect(seen == Set(ImageFinding.severities) && undecidable > 0, "\(seen), \(undecidable)")
  }

  @Test func `do not take a record's word where another of the same vulnerability comes first`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func found() async throws -> [String] {
        var found: [String] = []
        for severity in ImageFinding.severities {
          let query = try SearchQuery(parsing: "severity:\(severity)", now: stage.registry.database.now)
          let page = try await stage.registry.search(query, after: nil, limit: 10, permit: permit)
          if !page.images.isEmpty { found.append(severity) }
        }
        return found
      }
      var affected = Affected(ecosystem: Ecosystem(parsing: "Debian:12"), name: "curl")
      affected.ranges = [AdvisoryRange(.ecosystem, [.introduced("0")])]
      func record(_ id: String, _ cve: String, _ band: Severity.Band? = nil) -> Advisory {
        var advisory = Advisory(id: id)
        (advisory.affected, advisory.upstream) = ([affected], [cve])
        advisory.severities = band.map { [Severity(source: "Debian", text: "\($0)", band: $0)] } ?? []
        return advisory
      }
      // Of one that says nothing, another of the same vulnerability does; of two that differ the distribution's own counts.
      try await stage.bring([record("DSA-1", "CVE-2026-1"), record("DEBIAN-CVE-2026-1", "CVE-2026-1", .low)])
      #expect(try await found() == ["low"])
      try await stage.bring([record("DSA-1", "CVE-2026-1", .critical)])
      #expect(try await found() == ["low"])
      #expect(try await stage.findings(image).map(\.severity) == ["low"])
    }
  }
}
