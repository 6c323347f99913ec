import Access
import Ground
import OCI
import Scanning
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore
@testable import Upkeep

/// Where the records of a package do not say how bad something is, others of the same vulnerability do, whoever asks.
@Suite struct `Severities by records of other packages` {
  private static let critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
  private static let low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:L/A:N"

  private static func record(_ id: String, about package: String, _ flaws: [String], _ vector: String? = nil) -> String
  {
    let severity = vector.map { #","severity":[{"type":"CVSS_V3","score":"\#($0)"}]"# } ?? ""
    let upstream = flaws.map { "\"\($0)\"" }.joined(separator: ",")
    let ecosystem = package == "curl" ? "Debian:12" : "PyPI"
    return
      #"{"id":"\#(id)","modified":"2026-01-01T00:00:00Z","upstream":[\#(upstream)],"affected":[{"package":{"ecosystem":"\#(ecosystem)","name":"\#(package)"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"8.0-1"}]}]}]\#(severity)}"#
  }

  private static func advisory(_ record: String) throws -> Advisory {
    try OSVReader.advisory(try JSONValue.parse(record))
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `are searched for`(kind: TestInstallation.Kind) async throws {
    try await InspectionStage.run(over: kind) { stage in
      _ = try await stage.push([InspectionStage.base], as: .sample("1"))
      try await stage.inspect()
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func isFound(_ severity: String) async throws -> Bool {
        let query = try SearchQuery(parsing: "severity:\(severity)", now: stage.registry.database.now)
        return try await !stage.registry.search(query, after: nil, limit: 10, permit: permit).images.isEmpty
      }
      let bundle = Self.record("DSA-9-1", about: "curl", ["CVE-2026-1", "CVE-2026-2"])
      try await stage.bring([try Self.advisory(bundle)])
      #expect(try await isFound("unknown"))
      #expect(try await !isFound(">=low"))
      try await stage.bring([try Self.advisory(Self.record("GHSA-a", about: "pycurl", ["CVE-2026-1"], Self.critical))])
      #expect(try await isFound("critical"))
      #expect(try await !isFound("low"))
      // Of the other nobody says anything yet.
      #expect(try await isFound("unknown"))
      try await stage.bring([try Self.advisory(Self.record("GHSA-b", about: "pycurl", ["CVE-2026-2"], Self.critical))])
      #expect(try await !isFound("unknown"))
      // What a record of the package says comes before.
      try await stage.bring([
        try Self.advisory(Self.record("DEBIAN-CVE-2026-1", about: "curl", ["CVE-2026-1"], Self.low))
      ])
      #expect(try await isFound("low"))
      #expect(try await isFound(">low"))
      try await stage.bring([
        try Self.advisory(Self.record("DEBIAN-CVE-2026-2", about: "curl", ["CVE-2026-2"], Self.low))
      ])
      #expect(try await !isFound(">low"))
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `are found a few packages at a time, of those that an image has`(kind: TestInstallation.Kind) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let packages = (1...5).map { InspectionStage.package("curl", "7.\($0)") }
      for (number, package) in packages.enumerated() {
        let layer = InspectionStage.layer([
          ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("var/lib/dpkg/status", package),
        ])
        _ = try await stage.push([layer], as: .sample("\(number)"))
      }
      try await stage.inspect()
      try await stage.bring([
        try Self.advisory(Self.record("DSA-9-1", about: "curl", ["CVE-2026-1"])),
        try Self.advisory(Self.record("GHSA-a", about: "pycurl", ["CVE-2026-1"], Self.critical)),
      ])
      func found(_ chunk: Int) async throws -> [Int64] {
        try await stage.registry.database.read { try $0.packages(withFindingsOf: ["critical"], chunk: chunk) }
      }
      let all = try await found(100)
      #expect(all.count == 5)
      for chunk in [1, 2, 5] { #expect(try await found(chunk) == all) }
      // No image has it any more.
      let gone = try #require(all.first)
      try await stage.registry.database.write {
        try $0.enqueue("DELETE FROM image_package WHERE package_id = \(gone)")
      }
      #expect(try await found(2) == Array(all.dropFirst()))
      #expect(try await stage.registry.database.read { try $0.packages(flawed: ["critical"]).doubtful.count } == 4)
    }
  }
}
