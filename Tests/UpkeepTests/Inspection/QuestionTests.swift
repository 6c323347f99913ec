import Access
import Metadata
import OCI
import RegistryCore
import Scanning
import TestSupport
import Testing

/// Questions that need no layer to be read.
@Suite struct `Questions to the inspection` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  private static func advisory(_ name: String, ecosystem: String, package: String, fixed: String) throws -> Advisory {
    try OSVReader.advisory(
      try JSONValue.parse(
        #"{"id":"\#(name)","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"\#(ecosystem)","name":"\#(package)"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]}"#
      ))
  }

  @Test(arguments: kinds) func `a base is found by its layers, and it is known what the next one would mend`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let bases = InspectionStage(registry: stage.registry, client: try SimulatedClient(stage.registry, "acme/base"))
      let old = try await bases.push([InspectionStage.base], as: .sample("12"))
      let own = InspectionStage.layer([("app/x-1.0.dist-info/METADATA", "Name: x\nVersion: 1.0\n")])
      let image = try await stage.push([InspectionStage.base, own], as: .sample("1"))
      // A sibling with another layer on the same base is none.
      _ = try await stage.push(
        [InspectionStage.base, InspectionStage.layer([("etc/motd", "hello")])], as: .sample("sibling"))
      try await stage.inspect()
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      let row = try await stage.inventory(image)
      let before = try #require(try await stage.registry.base(of: row, shownTo: permit))
      #expect(before.digest == old.digest)
      #expect(before.places.map(\.repository) == [bases.client.repository])
      #expect(before.places.map(\.tags) == [["12"]])
      #expect(before.places.map(\.movedTags) == [[]])
      #expect(before.successor == nil)

      let next = InspectionStage.layer([
        ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ("var/lib/dpkg/status", InspectionStage.package("curl", "8.0-1") + InspectionStage.package("zlib", "1.2")),
      ])
      _ = try await bases.push([next], as: .sample("12"))
      try await stage.inspect()
      try await stage.bring([
        try InspectionStage.advisory(), try Self.advisory("T-Z", ecosystem: "Debian:12", package: "zlib", fixed: "1.3"),
        try Self.advisory("T-X", ecosystem: "PyPI", package: "x", fixed: "2.0"),
      ])
      let base = try #require(try await stage.registry.base(of: row, shownTo: permit))
      #expect(base.successor?.description == "acme/base:12")
      let asked = try await stage.registry.inspectedImages(.tag(.sample("1")), permit: stage.client.pull)
      let candidates = try await stage.registry.inspectedImages(.tag(.sample("12")), permit: bases.client.pull)
      let upgrade = try await stage.registry.baseUpgrade(
        of: try #require(asked.first), on: base, to: try #require(candidates.first), in: stage.client.repository)
      #expect(upgrade.fixed.map(\.vulnerability) == ["CVE-2026-1"])
      #expect(upgrade.remaining.map(\.vulnerability) == ["T-Z"])
      #expect(upgrade.introduced.isEmpty)
      #expect(upgrade.ownCount == 1)
    }
  }

  @Test(arguments: kinds) func `what is new is told of a namespace's own images`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let other = InspectionStage(registry: stage.registry, client: try SimulatedClient(stage.registry, "globex/app"))
      _ = try await stage.push([InspectionStage.base], as: .sample("1"))
      _ = try await other.push(
        [InspectionStage.layer([("x-1.0.dist-info/METADATA", "Name: x\nVersion: 1.0\n")])], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([
        try InspectionStage.advisory(), try Self.advisory("T-X", ecosystem: "PyPI", package: "x", fixed: "2.0"),
      ])
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func changes(_ namespace: String, limit: Int = 10) async throws -> [String] {
        let found = try await stage.registry.findingEvents(
          of: namespace, before: 0, since: nil, limit: limit, permit: permit)
        return found.events.map { "\($0.event.advisory) \($0.repositories.map(\.text).joined(separator: ","))" }
      }
      #expect(try await changes("acme") == ["TEST-1 acme/api"])
      #expect(try await changes("globex", limit: 1) == ["T-X globex/app"])
      #expect(try await changes("glob").isEmpty)
    }
  }

  @Test(arguments: kinds) func `packages and vulnerabilities are found however they are spelled`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let layer = InspectionStage.layer([
        ("x/Django-1.0.dist-info/METADATA", "Name: Django\nVersion: 1.0\n"),
        ("x/ruamel.yaml-1.0.dist-info/METADATA", "Name: ruamel.yaml\nVersion: 1.0\n"),
        ("y/node_modules/lodash-merge/package.json", #"{"name":"lodash-merge","version":"1.0.0"}"#),
      ])
      _ = try await stage.push([InspectionStage.base, layer], as: .sample("1"))
      try await stage.inspect()
      try await stage.bring([try InspectionStage.advisory()])
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func count(_ package: String, below version: String? = nil) async throws -> Int {
        try await stage.registry.images(
          holding: package, below: version, after: ("", ""), limit: 10, permit: permit
        ).images.count
      }
      for name in ["django", "Django", "ruamel.yaml", "ruamel-yaml", "Ruamel_Yaml", "curl", "Curl"] {
        #expect(try await count(name) == 1, "\(name)")
      }
      // Of npm these are two packages.
      #expect(try await count("lodash-merge") == 1)
      #expect(try await count("lodash.merge") == 0)
      #expect(try await count("wget") == 0)
      #expect(try await count("wget", below: "bad ver") == 0)
      #expect(try await count("Django", below: "2.0") == 1)
      #expect(try await count("Django", below: "1.0") == 0)
      await #expect(throws: AdministrationError.self) { try await count("curl", below: "bad ver") }
      for name in ["CVE-2026-1", "cve-2026-1", "TEST-1", "test-1"] {
        #expect(try await stage.registry.knownVulnerability(name)?.lowercased() == name.lowercased())
      }
      #expect(try await stage.registry.knownVulnerability("NO-SUCH-ID") == nil)
      #expect(try await stage.registry.knownVulnerability("") == nil)
    }
  }

  @Test(arguments: kinds) func `an image is told with what in it is asked for, and with nothing else`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let layer = InspectionStage.layer([
        ("x/Django-1.0.dist-info/METADATA", "Name: Django\nVersion: 1.0\n"),
        ("y/Django-1.0.dist-info/METADATA", "Name: Django\nVersion: 1.0\n"),
        ("z/Django-2.0.dist-info/METADATA", "Name: Django\nVersion: 2.0\n"),
      ])
      let first = try await stage.push([InspectionStage.base], as: .sample("1"))
      let second = try await stage.push([InspectionStage.base, layer], as: .sample("2"))
      try await stage.inspect()
      try await stage.bring([try InspectionStage.advisory()])
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      func told(_ found: ConcernedImages) -> [Digest: [String]] {
        Dictionary(
          uniqueKeysWithValues: found.images.map { image in
            (image.digest, image.packages.map { "\($0.type) \($0.name) \($0.version)" })
          })
      }
      let affected = try await stage.registry.images(with: "CVE-2026-1", after: ("", ""), limit: 10, permit: permit)
      #expect(told(affected) == [first.digest: ["deb curl 7.88.1-10"], second.digest: ["deb curl 7.88.1-10"]])
      func holding(below version: String?) async throws -> [Digest: [String]] {
        told(
          try await stage.registry.images(
            holding: "Django", below: version, after: ("", ""), limit: 10, permit: permit))
      }
      #expect(try await holding(below: nil) == [second.digest: ["pypi django 1.0", "pypi django 2.0"]])
      #expect(try await holding(below: "2.0") == [second.digest: ["pypi django 1.0"]])
    }
  }
}
