import Access
import OCI
import RegistryCore
import Scanning
import TestSupport
import Testing

/// Bills of materials of what is here.
@Suite struct `A bill of materials` {
  private static func document(
    _ reference: Reference, _ form: SBOMForm, _ stage: InspectionStage
  ) async throws -> JSONValue {
    let bytes = try await stage.registry.sbom(
      reference, as: form, address: "", version: "1", permit: stage.client.pull)
    return try JSONValue.parse(String(decoding: bytes, as: UTF8.self))
  }

  @Test func `of an index describes what is known, and says of the other images why they are not`() async throws {
    try await InspectionStage.run { stage in
      stage.registry.settings.acceptsSparseManifests = true
      let known = try await stage.push([InspectionStage.base], as: .sample("1"))
      let broken = try await stage.push([SampleBlob(Array("this is no archive".utf8))], as: .sample("2"))
      let absent = SampleManifest.image(config: InspectionStage.config, layers: [], note: "nobody copied it here")
      let index = SampleManifest.index([known, broken, absent])
      try await stage.client.push(index, tags: [.sample("multi")])
      await #expect(throws: AdministrationError.self, "an image that waits is waited for") {
        try await Self.document(.tag(.sample("multi")), .cyclonedx, stage)
      }
      try await stage.inspect()

      let cyclone = try await Self.document(.tag(.sample("multi")), .cyclonedx, stage)
      let images = cyclone["components"]?.array ?? []
      #expect(images.compactMap { $0["bom-ref"]?.string } == [known, broken, absent].map(\.digest.description))
      let gaps = images.map { $0["properties"]?.array?.first?["value"]?.string }
      #expect(gaps[0] == nil)
      #expect(gaps[1]?.hasPrefix("it could not be read: ") == true, "\(gaps)")
      #expect(gaps[2] == "it is listed by the index, and is not here")
      #expect((images[0]["components"]?.array ?? []).contains { $0["name"] == "curl" })
      let partial = cyclone["compositions"]?.array?.first
      #expect(partial?["aggregate"] == "incomplete")

      let spdx = try await Self.document(.tag(.sample("multi")), .spdx, stage)
      let comments = (spdx["packages"]?.array ?? []).compactMap { $0["comment"]?.string }
      #expect(comments.count == 2, "\(comments)")

      // Of nothing there is no document.
      for part in [[broken], [absent]] {
        let nothing = SampleManifest.index(part)
        try await stage.client.push(nothing, tags: [])
        await #expect(throws: AdministrationError.self) {
          try await Self.document(.digest(nothing.digest), .spdx, stage)
        }
      }
    }
  }
}
