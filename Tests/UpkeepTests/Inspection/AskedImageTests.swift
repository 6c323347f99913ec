import Access
import Metadata
import OCI
import TestSupport
import Testing

@testable import RegistryCore

/// Which images a reference is asked about, and what is said of one before anything is known of it.
@Suite struct `An image that is asked about` {
  private static func state(_ image: InspectedImage, _ stage: InspectionStage) -> String? {
    image.members(now: stage.registry.database.now)["state"]?.string
  }

  private static func states(_ manifest: SampleManifest, _ stage: InspectionStage) async throws -> [String?] {
    try await stage.registry.inspectedImages(.digest(manifest.digest), permit: stage.client.pull)
      .map { state($0, stage) }
  }

  @Test func `waits from its push on, alone and in an index, unless it has no files`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let index = SampleManifest.index([image])
      try await stage.client.push(index, tags: [.sample("multi")])
      #expect(try await Self.states(image, stage) == ["waiting"])
      #expect(try await Self.states(index, stage) == ["waiting"])
      try await stage.inspect()
      #expect(try await Self.states(image, stage) == ["inventoried"])
      #expect(try await Self.states(index, stage) == ["inventoried"])
    }
  }

  @Test func `is found in an index of an index`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let inner = SampleManifest.index([image])
      let outer = SampleManifest.index([inner], note: "outer")
      let empty = SampleManifest.index([], note: "empty")
      for index in [inner, outer, empty] { try await stage.client.push(index, tags: []) }
      try await stage.inspect()
      let found = try await stage.registry.inspectedImages(.digest(outer.digest), permit: stage.client.pull)
      #expect(found.map(\.digest) == [image.digest])
      #expect(try await Self.states(empty, stage).isEmpty)
    }
  }

  @Test func `is none for another platform, nor one that does not say what it is for`() async throws {
    try await InspectionStage.run { stage in
      let config = SampleBlob(Array(#"{"os":"linux","architecture":"arm64","variant":"v8"}"#.utf8))
      try await stage.client.put(config)
      try await stage.client.upload(InspectionStage.base)
      let image = SampleManifest.image(config: config, layers: [InspectionStage.base])
      try await stage.client.push(image, tags: [.sample("arm")])
      let silent = try await stage.push([InspectionStage.base], as: .sample("silent"))
      func count(_ manifest: SampleManifest, _ platform: String) async throws -> Int {
        try await stage.registry.inspectedImages(
          .digest(manifest.digest), platform: platform, permit: stage.client.pull
        ).count
      }
      #expect(try await count(image, "linux/arm64") == 1)
      #expect(try await count(image, "linux/arm64/v8") == 1)
      for (manifest, platform) in [(image, "linux/amd64"), (image, "linux/arm"), (silent, "linux/amd64")] {
        await #expect(throws: RegistryError.self) { try await count(manifest, platform) }
      }
    }
  }

  @Test func `stands beside the index itself, where that has more in it than is looked at`() async throws {
    try await InspectionStage.run { stage in
      try await stage.client.put(InspectionStage.config)
      try await stage.client.upload(InspectionStage.base)
      var images: [SampleManifest] = []
      for number in 0...Registry.inspectedImageLimit {
        images.append(.image(config: InspectionStage.config, layers: [InspectionStage.base], note: "\(number)"))
      }
      for image in images { try await stage.client.push(image, tags: []) }
      let whole = SampleManifest.index(Array(images.dropLast()))
      let more = SampleManifest.index(images)
      for index in [whole, more] { try await stage.client.push(index, tags: []) }
      let waiting = Array(repeating: "waiting", count: Registry.inspectedImageLimit)
      #expect(try await Self.states(whole, stage) == waiting)
      #expect(try await Self.states(more, stage) == waiting + ["beyond-limit"])
      let permit = stage.client.pull
      let last = try await stage.registry.inspectedImages(.digest(more.digest), permit: permit).last
      #expect(last?.digest == more.digest)
      await #expect(throws: AdministrationError.self) {
        try await stage.registry.sbom(
          .digest(more.digest), as: .spdx, address: "", version: "0", permit: permit)
      }
    }
  }

  @Test func `stands beside the index itself, where that has more indexes in it than are looked at`() async throws {
    try await InspectionStage.run { stage in
      var indexes: [SampleManifest] = []
      for number in 0...Registry.nestedIndexLimit { indexes.append(.index([], note: "\(number)")) }
      let (whole, more) = (SampleManifest.index(Array(indexes.dropLast())), SampleManifest.index(indexes))
      for index in indexes + [whole, more] { try await stage.client.push(index, tags: []) }
      #expect(try await Self.states(whole, stage).isEmpty)
      #expect(try await Self.states(more, stage) == ["beyond-limit"])
    }
  }
}
