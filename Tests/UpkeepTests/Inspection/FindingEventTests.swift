import Access
import Metadata
import OCI
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// What changed in what is wrong with images is told once, with whom it concerns.
@Suite struct `A difference that advisories make` {
  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  private static func binary(_ name: String) -> String {
    "Package: \(name)\nStatus: install ok installed\nSource: curl\nVersion: 7.88.1-10\nArchitecture: amd64\n\n"
  }

  private static func layer(_ binaries: [String]) -> SampleBlob {
    InspectionStage.layer([
      ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), ("var/lib/dpkg/status", binaries.map(binary).joined()),
    ])
  }

  @Test(arguments: kinds) func `is one event for all packages of a source, with images, tags and environments`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([Self.layer(["libcurl4", "libcurl3-gnutls"])], as: .sample("1"))
      _ = try await stage.push([Self.layer(["libcurl4"])], as: .sample("small"))
      let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
      _ = try await stage.registry.makeEnvironment(.sample("production"), [:], adopts: false, by: actor)
      _ = try await stage.registry.release(
        ReleaseWish(.images([ImageReference(parsing: "acme/api:1")]), reason: nil, key: nil, isDryRun: false),
        to: .sample("production"), by: actor)
      try await stage.inspect()
      try await stage.bring([InspectionStage.advisory()])
      let events = try await stage.events()
      #expect(events.map(\.kind) == [.new])
      let event = try #require(events.first)
      #expect(event.name == "curl" && event.version == "7.88.1-10" && event.packages.count == 2)
      #expect(event.imageCount == 2)
      #expect(event.environments == ["acme/production"])
      let images = try await stage.registry.images(of: events)[event.packages] ?? []
      #expect(images.count == 2)
      let running = try #require(images.first { $0.digest == image.digest })
      #expect(running.tags == ["1"] && running.environments == ["production"])
      // A namespace sees its own, and another one nothing.
      let permit = try await Policy.open.cataloguePermit(for: .everybody)
      for (namespace, count) in [("acme", 2), ("globex", 0)] {
        let shown = try await stage.registry.images(of: events, in: namespace, permit: permit)
        #expect(shown[event.packages]?.count == count)
      }
      // What changes says what.
      try await stage.bring([InspectionStage.advisory(fixed: "8.1-1", modified: "2026-01-02T00:00:00Z")])
      let changed = try #require(try await stage.events().first)
      #expect(changed.kind == .changed && changed.change == "fixed 8.0-1 → 8.1-1", "\(changed)")
      #expect(try await stage.events().count == 2)
    }
  }

  @Test(arguments: kinds) func `is also that a vulnerability is exploited from now on, and not any more`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      _ = try await stage.push([Self.layer(["libcurl4", "libcurl3-gnutls"])], as: .sample("1"))
      try await stage.inspect()
      // Two advisories speak of it.
      try await stage.bring([InspectionStage.advisory(), InspectionStage.advisory("TEST-2")])
      let count = try await stage.events().count
      func tell(_ days: [String: String], feed: String = "kev") async throws -> [FindingEvent] {
        let entries = days.map { ExploitedVulnerability(name: $0.key, added: $0.value, due: nil, note: "") }
        try await stage.registry.database.write { transaction in
          try transaction.lockInspection()
          _ = try transaction.replaceExploited(entries, feed: feed)
        }
        return Array(try await stage.events().dropLast(count))
      }
      let known = try await tell(["CVE-2026-1": "2026-02-01", "CVE-2026-9": "2026-02-01"])
      #expect(known.map(\.advisory) == ["CVE-2026-1"])
      let event = try #require(known.first)
      #expect(event.kind == .changed && event.feed == "kev" && event.name == "curl" && event.severity == "critical")
      #expect(event.change == "known to be exploited since 2026-02-01")
      // Another day, or another catalogue, is no news; that the last one forgets it is.
      #expect(try await tell(["CVE-2026-1": "2026-01-01"]).count == 1)
      #expect(try await tell(["CVE-2026-1": "2026-01-02"], feed: "second").count == 1)
      #expect(try await tell([:]).count == 1)
      let all = try await tell([:], feed: "second")
      #expect(all.count == 2)
      #expect(all.first?.change == "not known to be exploited any more")
      #expect(all.first?.detail == "known to be exploited since 2026-01-02")
    }
  }
}
