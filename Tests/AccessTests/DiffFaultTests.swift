import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// Comparing indexes by platform, and images whose configuration cannot be read.
@Suite struct `A comparison that needs a platform or a configuration` {
  private static let path = "/api/v1/diff"

  private static func add(_ blob: SampleBlob, _ registry: ClosedRegistry) async throws {
    let answer = try await registry.ask(
      "POST", "/v2/acme/api/blobs/uploads/?digest=\(blob.digest)", as: ClosedRegistry.admin, body: .bytes(blob.bytes))
    try #require(answer.status == 201, "\(answer)")
  }

  private static func put(_ manifest: SampleManifest, _ reference: String, _ registry: ClosedRegistry) async throws {
    let answer = try await registry.ask(
      "PUT", "/v2/acme/api/manifests/\(reference)", as: ClosedRegistry.admin,
      [("Content-Type", manifest.mediaType.text)], body: .bytes(manifest.content.bytes))
    try #require(answer.status == 201, "\(answer)")
  }

  @discardableResult
  private static func push(
    _ configuration: SampleBlob, as reference: String?, _ registry: ClosedRegistry
  ) async throws -> SampleManifest {
    try await add(configuration, registry)
    let image = SampleManifest.image(config: configuration, layers: [])
    try await put(image, reference ?? image.digest.description, registry)
    return image
  }

  private static func configuration(_ architecture: String, _ user: String) -> SampleBlob {
    SampleBlob(Array(#"{"os":"linux","architecture":"\#(architecture)","config":{"User":"\#(user)"}}"#.utf8))
  }

  /// An index of an image for each architecture, whose user tells the version.
  private static func pushIndex(
    _ architectures: [String], _ user: String, as tag: String, _ registry: ClosedRegistry
  ) async throws {
    var entries: [JSONValue] = []
    for architecture in architectures {
      let image = try await push(configuration(architecture, user), as: nil, registry)
      entries.append([
        "mediaType": .string(image.mediaType.text), "digest": .string(image.digest.description),
        "size": .integer(Int64(image.content.bytes.count)),
        "platform": ["os": "linux", "architecture": .string(architecture)],
      ])
    }
    let index: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.text), "manifests": .array(entries),
    ]
    let answer = try await registry.ask(
      "PUT", "/v2/acme/api/manifests/\(tag)", as: ClosedRegistry.admin, [("Content-Type", MediaType.ociIndex.text)],
      body: .text(index.text))
    try #require(answer.status == 201, "\(answer)")
  }

  @Test func `takes the platform that is named, the image's own, or all that both have`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.pushIndex(["amd64", "arm64"], "old", as: "1.0", registry)
      try await Self.pushIndex(["amd64", "riscv64"], "new", as: "2.0", registry)
      try await Self.push(Self.configuration("arm64", "single"), as: "3.0", registry)
      let reader = ClosedRegistry.basic("reader")
      func diff(_ query: String) async throws -> RawResponse {
        try await registry.api("GET", "\(Self.path)?\(query)", as: reader)
      }
      let named = try await diff("from=acme/api:1.0&to=acme/api:2.0&platform=linux/amd64")
      #expect(named.json["from"]?["platform"]?.string == "linux/amd64")
      #expect(
        named.json["configuration"]?["fields"] == [["field": "user", "from": ["old"], "to": ["new"]]], "\(named)")
      let both = try await diff("from=acme/api:1.0&to=acme/api:2.0")
      let platforms = both.json["platforms"]
      #expect(platforms?["added"]?.array?.map { $0["platform"]?.string } == ["linux/riscv64"], "\(both)")
      #expect(platforms?["removed"]?.array?.map { $0["platform"]?.string } == ["linux/arm64"])
      #expect(platforms?["changed"]?.array?.map { $0["platform"]?.string } == ["linux/amd64"])
      let own = try await diff("from=acme/api:1.0&to=acme/api:3.0")
      #expect(own.json["configuration"]?["fields"] == [["field": "user", "from": ["old"], "to": ["single"]]], "\(own)")
      for (query, side) in [
        ("from=acme/api:1.0&to=acme/api:2.0&platform=linux/s390x", "1.0"),
        ("from=acme/api:1.0&to=acme/api:2.0&platform=linux/arm64", "2.0"),
        ("from=acme/api:2.0&to=acme/api:3.0", "2.0"),
      ] {
        let none = try await diff(query)
        #expect(none.status == 404, "\(none)")
        #expect(none.json["detail"]?.string?.contains("acme/api:\(side) has no image for linux/") ?? false, "\(none)")
      }
    }
  }

  /// Bytes that are no configuration, and what is told of them.
  private static let broken: [(bytes: [UInt8], problem: String)] = [
    (Array("not JSON".utf8), "no JSON object"), (Array("[1]".utf8), "no JSON object"),
    (Array(#"{"os":""#.utf8) + [UInt8](repeating: 0x78, count: 4 << 20) + Array(#""}"#.utf8), "more than are read"),
  ]

  @Test(arguments: 0..<broken.count)
  func `tells which configuration is none, and compares the rest`(_ number: Int) async throws {
    try await ClosedRegistry.withOne { registry in
      let (bytes, problem) = Self.broken[number]
      try await Self.push(SampleBlob(bytes), as: "broken", registry)
      try await Self.push(Self.configuration("amd64", "a"), as: "whole", registry)
      let found = try await registry.api(
        "GET", "\(Self.path)?from=acme/api:whole&to=acme/api:broken", as: ClosedRegistry.basic("reader"))
      #expect(found.status == 200, "\(found.status)")
      let problems = (found.json["problems"]?.array ?? []).compactMap(\.string)
      #expect(problems.contains { $0.contains("acme/api:broken") && $0.contains(problem) }, "\(problems)")
      #expect(found.json["same"]?.bool == false)
      #expect(found.json["layers"] != nil)
    }
  }

  @Test func `tells that a configuration is not there, when it was set aside`() async throws {
    try await ClosedRegistry.withOne { registry in
      let configuration = Self.configuration("amd64", "a")
      try await Self.push(configuration, as: "lost", registry)
      try await Self.push(Self.configuration("amd64", "b"), as: "whole", registry)
      let core = registry.server.registry
      let row = try #require(try await core.database.read { try $0.blob(configuration.digest) })
      #expect(try await core.setAside(row.stored, because: "test") { true })
      let found = try await registry.api(
        "GET", "\(Self.path)?from=acme/api:lost&to=acme/api:whole", as: ClosedRegistry.basic("reader"))
      let problems = (found.json["problems"]?.array ?? []).compactMap(\.string)
      #expect(problems.contains { $0.contains("acme/api:lost") && $0.contains("is not there") }, "\(found)")
      #expect(found.json["same"]?.bool == false)
    }
  }
}
