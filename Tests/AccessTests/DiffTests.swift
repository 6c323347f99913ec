import OCI
import TestSupport
import Testing

/// Two images are compared over HTTP by those who may pull both.
@Suite struct `A comparison of two images` {
  private static let type = "application/vnd.oci.image.manifest.v1+json"

  /// Pushes an image, and answers its configuration's digest.
  @discardableResult
  private static func push(
    _ configuration: String, _ layer: String, to repository: String, _ tag: String, _ registry: ClosedRegistry
  ) async throws -> Digest {
    let blobs = [SampleBlob(Array(configuration.utf8)), SampleBlob(Array(layer.utf8))]
    for blob in blobs {
      let answer = try await registry.ask(
        "POST", "/v2/\(repository)/blobs/uploads/?digest=\(blob.digest)", as: ClosedRegistry.admin,
        body: .bytes(blob.bytes))
      try #require(answer.status == 201, "\(answer)")
    }
    let manifest =
      #"{"schemaVersion":2,"mediaType":"\#(type)","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(blobs[0].digest)","size":\#(blobs[0].bytes.count)},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\#(blobs[1].digest)","size":\#(blobs[1].bytes.count)}]}"#
    let answer = try await registry.ask(
      "PUT", "/v2/\(repository)/manifests/\(tag)", as: ClosedRegistry.admin, [("Content-Type", type)],
      body: .bytes(Array(manifest.utf8)))
    try #require(answer.status == 201, "\(answer)")
    return blobs[0].digest
  }

  @Test func `tells of both what differs, by tag and by digest, over two repositories`() async throws {
    try await ClosedRegistry.withOne { registry in
      let old = #"{"os":"linux","architecture":"amd64","config":{"User":"a","Env":["A=1"]}}"#
      let new = #"{"os":"linux","architecture":"amd64","config":{"User":"b","Env":["A=1","B=2"]}}"#
      try await Self.push(old, "old layer", to: "acme/api", "2.3", registry)
      try await Self.push(new, "a new layer", to: "acme/web", "2.4", registry)
      let reader = ClosedRegistry.basic("reader")
      let found = try await registry.api("GET", "/api/v1/diff?from=acme/api:2.3&to=acme/web:2.4", as: reader)
      try #require(found.status == 200, "\(found)")
      #expect(found.json["same"]?.bool == false)
      let configuration = found.json["configuration"]
      #expect(configuration?["fields"] == [["field": "user", "from": ["a"], "to": ["b"]]])
      #expect(configuration?["environment"]?["added"] == [["name": "B", "value": "2"]])
      #expect(found.json["layers"]?["added"]?.array?.first?["sizeBytes"]?.integer == 11)
      #expect(found.json["layers"]?["pullBytes"]?.integer == Int64(11 + new.utf8.count))
      let digest = try #require(found.json["to"]?["digest"]?.string)
      let same = try await registry.api(
        "GET", "/api/v1/diff?from=acme/web@\(digest)&to=acme/web:2.4", as: reader)
      #expect(same.json["same"]?.bool == true, "\(same)")
      let artifact = try await registry.api("GET", "/api/v1/diff?from=acme/api:1&to=acme/api:2.3", as: reader)
      #expect(artifact.status == 200 && artifact.json["problems"] == [], "\(artifact)")
    }
  }

  @Test func `of one that may not be pulled is answered as if it were not there`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.pushImage("hidden/api", "1")
      let reader = ClosedRegistry.basic("reader")
      for pair in [("hidden/api:1", "acme/api:1"), ("acme/api:1", "hidden/api:1")] {
        let hidden = try await registry.api("GET", "/api/v1/diff?from=\(pair.0)&to=\(pair.1)", as: reader)
        let absent = try await registry.api(
          "GET",
          "/api/v1/diff?from=\(pair.0.replacing("hidden", with: "absent"))&to=\(pair.1.replacing("hidden", with: "absent"))",
          as: reader)
        #expect(hidden.status == 404 && absent.status == 404, "\(hidden)")
        let told = [hidden, absent].map { $0.json["detail"]?.string?.replacing("absent", with: "hidden") }
        #expect(told[0] == told[1])
      }
      let unknown = try await registry.api("GET", "/api/v1/diff?from=acme/api:1&to=acme/api:none", as: reader)
      #expect(unknown.status == 404)
      for query in ["", "?from=acme/api:1", "?from=acme/api:1&to=acme/api", "?from=acme/api:1&to=A:1"] {
        let wrong = try await registry.api("GET", "/api/v1/diff\(query)", as: reader)
        #expect(wrong.status == 400, "\(query): \(wrong)")
      }
    }
  }
}
