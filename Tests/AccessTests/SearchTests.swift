import Foundation
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Facts, labels and search as people meet them: over the API.
@Suite struct `Searching over the API` {
  private static func push(
    _ registry: ClosedRegistry, _ name: String, _ tag: String, config: String, annotations: String = "{}"
  ) async throws -> Digest {
    let layer = SampleBlob(Array("layer of \(config)".utf8))
    let blob = SampleBlob(Array(config.utf8))
    for bytes in [layer, blob] {
      let answer = try await registry.ask(
        "POST", "/v2/\(name)/blobs/uploads/?digest=\(bytes.digest)", as: ClosedRegistry.admin, body: .bytes(bytes.bytes)
      )
      try #require(answer.status == 201)
    }
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest.text)","config":\#(blob.descriptor(.ociConfig).json.text),"#
      + #""layers":[\#(layer.descriptor().json.text)],"annotations":\#(annotations)}"#
    return try await put(registry, name, tag, text, .ociManifest)
  }

  private static func put(
    _ registry: ClosedRegistry, _ name: String, _ tag: String, _ text: String, _ type: MediaType
  ) async throws -> Digest {
    let answer = try await registry.ask(
      "PUT", "/v2/\(name)/manifests/\(tag)", as: ClosedRegistry.admin, [("Content-Type", type.text)], body: .text(text))
    try #require(answer.status == 201, "\(answer)")
    return SampleBlob(Array(text.utf8)).digest
  }

  /// What upkeep does all the time.
  private static func readFacts(_ registry: ClosedRegistry) async throws {
    while try await registry.server.registry.readDueFacts() > 0 {}
  }

  private static func find(
    _ query: String, as user: String = "reader", _ registry: ClosedRegistry
  ) async throws -> [String] {
    var found: [String] = []
    var cursor = ""
    repeat {
      let answer = try await registry.api(
        "GET", "/api/v1/search?q=\(PercentCoding.encoded(query))&n=2\(cursor)", as: ClosedRegistry.basic(user))
      try #require(answer.status == 200, "\(query): \(answer)")
      found += (answer.json["items"]?.array ?? []).map {
        "\($0["repository"]?.string ?? "")\($0["tag"]?.string.map { ":\($0)" } ?? "@")"
      }
      cursor = answer.json["next"]?.string.map { "&cursor=\(PercentCoding.encoded($0))" } ?? ""
    } while !cursor.isEmpty
    return found
  }

  private static let amd = """
    {"created":"2026-10-05T12:00:00.5+02:00","os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},\
    "config":{"Labels":{"team":"payments","org.opencontainers.image.version":"2.3.0","org.opencontainers.image.base.name":"docker.io/library/debian:12"}}}
    """
  private static let arm =
    #"{"created":"2026-10-06T00:00:00Z","os":"linux","architecture":"arm64","variant":"v8","config":{}}"#

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `finds images by what they say of themselves, an index by its images`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let amd = try await Self.push(
        registry, "acme/web", "2.3.0", config: Self.amd,
        annotations: #"{"org.opencontainers.image.revision":"4f2c1ab"}"#)
      let arm = try await Self.push(registry, "acme/web", "arm", config: Self.arm)
      let children = [(amd, "amd64"), (arm, "arm64")].map { digest, name in
        #"{"mediaType":"\#(MediaType.ociManifest.text)","digest":"\#(digest)","size":1,"platform":{"os":"linux","architecture":"\#(name)"}}"#
      }
      let text =
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex.text)","manifests":[\#(children.joined(separator: ","))],"#
        + #""annotations":{"org.opencontainers.image.title":"Web"}}"#
      _ = try await Self.put(registry, "acme/web", "both", text, .ociIndex)
      #expect(try await Self.find("platform:linux/arm64", registry) == [])
      try await Self.readFacts(registry)
      #expect(try await Self.find("platform:linux/arm64 sort:name", registry) == ["acme/web:arm", "acme/web:both"])
      #expect(try await Self.find("base:debian", registry).sorted() == ["acme/web:2.3.0", "acme/web:both"])
      #expect(try await Self.find("revision:4f2", registry).sorted() == ["acme/web:2.3.0", "acme/web:both"])
      #expect(try await Self.find("label:team=payments title", registry) == [])
      #expect(try await Self.find("built:2026-10-05 repo:acme/*", registry) == ["acme/web:2.3.0"])
      #expect(try await Self.find("repo:acme/api", registry) == ["acme/api:1"])
      let details = try await registry.api(
        "GET", "/api/v1/repositories/acme/web/-/images/both", as: ClosedRegistry.basic("reader"))
      let facts = details.json["facts"]
      #expect(facts?["platforms"] == ["linux/amd64", "linux/arm64"], "\(details)")
      #expect(facts?["builtAt"]?.string == "2026-10-06T00:00:00.000Z")
      #expect(facts?["title"]?.string == "Web")
      #expect(facts?["layers"]?.integer == 1)
      let images = details.json["images"]?.array ?? []
      #expect(
        images.map { $0["facts"]?["builtAt"]?.string } == ["2026-10-05T10:00:00.500Z", "2026-10-06T00:00:00.000Z"])
      let sizes = images.compactMap { $0["facts"]?["size"]?.integer }
      #expect(facts?["size"]?.integer == sizes.reduce(0, +))
    }
  }

  @Test func `shows the facts of an image, of which annotations go before labels, within bounds`() async throws {
    try await ClosedRegistry.withOne { registry in
      let labels =
        (10..<80).map { #""k\#($0)":"v""# } + [
          #""org.opencontainers.image.licenses":"MIT""#, #""org.opencontainers.image.source":"https://git.test/web""#,
          #""org.opencontainers.image.title":"\#(String(repeating: "x", count: 600))""#,
        ]
      let config =
        #"{"created":"2026-10-05T12:00:00Z","os":"linux","architecture":"arm","variant":"v7","config":{"Labels":{"#
        + labels.joined(separator: ",") + "}}}"
      let base = "sha256:\(String(repeating: "a", count: 64))"
      let annotations = [
        "licenses": "Apache-2.0", "created": "2026-10-07T00:00:00Z", "version": "2.3.1",
        "base.name": "docker.io/library/debian:12", "base.digest": base,
      ].map { #""org.opencontainers.image.\#($0)":"\#($1)""# }.sorted().joined(separator: ",")
      _ = try await Self.push(registry, "acme/web", "1.0.0", config: config, annotations: "{\(annotations)}")
      try await Self.readFacts(registry)
      let details = try await registry.api(
        "GET", "/api/v1/repositories/acme/web/-/images/1.0.0", as: ClosedRegistry.basic("reader"))
      let facts = try #require(details.json["facts"])
      #expect(facts["licenses"] == "Apache-2.0" && facts["source"] == "https://git.test/web", "\(facts)")
      #expect(facts["builtAt"] == "2026-10-07T00:00:00.000Z" && facts["version"] == "2.3.1", "\(facts)")
      #expect(facts["baseName"] == "docker.io/library/debian:12" && facts["baseDigest"]?.string == base, "\(facts)")
      #expect(facts["platforms"] == ["linux/arm/v7"] && facts["layers"] == 1, "\(facts)")
      #expect(facts["size"]?.integer == Int64(config.utf8.count + "layer of \(config)".utf8.count), "\(facts)")
      #expect(facts["title"]?.string?.utf8.count == ImageFacts.textLimitBytes, "\(facts)")
      #expect(facts["labels"]?.object?.members.count == ImageFacts.labelLimit, "\(facts)")
      // The tag's own version goes before the image's; what is beyond the bounds is not found, and is no error.
      #expect(try await Self.find("version:1.0.0 license:apache label:k10", registry) == ["acme/web:1.0.0"])
      #expect(try await Self.find("version:2.3.1", registry) == [])
      #expect(try await Self.find("label:k79", registry) == [])
    }
  }

  @Test func `tells why an image could not be read, and tries again`() async throws {
    try await ClosedRegistry.withOne { registry in
      _ = try await Self.push(registry, "acme/web", "1.0.0", config: "no JSON")
      try await Self.readFacts(registry)
      let answer = try await registry.api(
        "GET", "/api/v1/repositories/acme/web/-/images/1.0.0", as: ClosedRegistry.basic("reader"))
      #expect(answer.json["facts"]?["failure"]?.string?.contains("no JSON object") ?? false, "\(answer)")
      #expect(answer.json["facts"]?["layers"]?.integer == 1)
      // Later, not at once.
      #expect(try await registry.server.registry.readDueFacts() == 0)
      #expect(try await Self.find("version:1.0.0", registry) == ["acme/web:1.0.0"])
    }
  }

  @Test func `shows nobody what they may not pull`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.pushImage("acme/web", "1")
      try await registry.pushImage("secret/web", "1")
      try await registry.pushImage("secrets/web", "1")
      try await registry.administration.setPublic(true, "secrets", by: registry.admin)
      let all = ["acme/api:1", "acme/web:1", "secret/web:1", "secrets/web:1"]
      for query in ["sort:name", "1 sort:name", "tag:1 sort:name", "pushed:>=2020-01-01 sort:name"] {
        #expect(try await Self.find(query, as: "auditor", registry) == all, "\(query)")
        #expect(try await Self.find(query, registry) == ["acme/api:1", "acme/web:1", "secrets/web:1"], "\(query)")
        #expect(try await Self.find(query, as: "stranger", registry) == ["secrets/web:1"], "\(query)")
      }
      #expect(try await Self.find("repo:secret/web", registry) == [])
      let made = try await registry.api(
        "POST", "/api/v1/tokens", as: ClosedRegistry.basic("reader"),
        #"{"name":"limited","scope":[{"repository":"acme/web","actions":["pull"]}]}"#)
      let limited = ClosedRegistry.basic("reader", try #require(made.json["secret"]?.string))
      let answer = try await registry.api("GET", "/api/v1/search?q=1", as: limited)
      #expect(answer.json["items"]?.array?.map { $0["repository"]?.string } == ["acme/web"], "\(answer)")
    }
  }

  @Test func `finds by who pushed, when, and what no tag points to`() async throws {
    try await ClosedRegistry.withOne { registry in
      let first = try await Self.push(registry, "acme/web", "1.0", config: Self.amd)
      _ = try await Self.push(registry, "acme/web", "1.1", config: Self.arm)
      try await Self.readFacts(registry)
      #expect(try await Self.find("repo:acme/web by:admin sort:name", registry) == ["acme/web:1.0", "acme/web:1.1"])
      #expect(try await Self.find("repo:acme/web by:adm* tag:1.1", registry) == ["acme/web:1.1"])
      #expect(try await Self.find("repo:acme/web -by:admin", registry) == [])
      #expect(try await Self.find("repo:acme/web pushed:<1h base:library/debian", registry) == ["acme/web:1.0"])
      #expect(try await Self.find("repo:acme/web pushed:>1h", registry) == [])
      #expect(try await Self.find("repo:acme/web untagged:yes", registry) == [])
      let deleted = try await registry.ask("DELETE", "/v2/acme/web/manifests/1.0", as: ClosedRegistry.admin)
      #expect(deleted.status == 202)
      for query in ["base:debian", "pushed:<1h", "digest:\(first)"] {
        #expect(try await Self.find("repo:acme/web untagged:yes \(query)", registry) == ["acme/web@"], "\(query)")
      }
      #expect(try await Self.find("untagged:yes -label:nothing repo:acme/web", as: "stranger", registry) == [])
    }
  }

  @Test func `answers a wrong query and a wrong cursor with what is wrong`() async throws {
    try await ClosedRegistry.withOne { registry in
      let reader = ClosedRegistry.basic("reader")
      let wrong = try await registry.api("GET", "/api/v1/search?q=a%20tga:2", as: reader)
      #expect(wrong.status == 400)
      #expect(wrong.json["detail"]?.string == "column 3: there is no field “tga”; did you mean tag:?", "\(wrong)")
      try await registry.pushImage("acme/web", "1")
      let page = try await registry.api("GET", "/api/v1/search?n=1", as: reader)
      let cursor = PercentCoding.encoded(try #require(page.json["next"]?.string))
      #expect(try await registry.api("GET", "/api/v1/search?n=1&cursor=\(cursor)", as: reader).status == 200)
      for query in ["q=sort:name&cursor=\(cursor)", "cursor=xyz", "cursor=W10%3D", "n=0"] {
        #expect(try await registry.api("GET", "/api/v1/search?\(query)", as: reader).status == 400, "\(query)")
      }
      let wide = try await registry.api("GET", "/api/v1/search?q=sort:size", as: ClosedRegistry.admin)
      #expect(wide.status == 400 && wide.json["detail"]?.string?.contains("narrow") ?? false, "\(wide)")
    }
  }

  @Test func `labels are set without a push, have limits and a history`() async throws {
    try await ClosedRegistry.withOne { registry in
      let path = "/api/v1/repositories/acme/api/-/labels"
      let writer = ClosedRegistry.basic("writer")
      func put(_ body: String) async throws -> RawResponse { try await registry.api("PUT", path, as: writer, body) }
      let set = try await put(#"{"target":"1","set":{"team":"payments","tier":"1"},"reason":"sorted"}"#)
      #expect(set.json.array?.map { $0["key"]?.string } == ["team", "tier"], "\(set)")
      #expect(try await Self.find("label:team=payments", registry) == ["acme/api:1"])
      #expect(try await Self.find("PAYM", registry) == ["acme/api:1"])
      // On the digest: each of its tags has it, and what is set on the tag counts before it.
      _ = try await put(#"{"target":"\#(ClosedRegistry.manifestDigest)","set":{"tier":"2","owner":"a b"}}"#)
      let found = try await registry.api("GET", "/api/v1/search?q=label:owner", as: writer)
      #expect(
        found.json["items"]?.array?.first?["labels"] == ["owner": "a b", "team": "payments", "tier": "1"], "\(found)")
      _ = try await put(#"{"target":"1","set":{"team":null,"tier":"1"}}"#)
      #expect(try await Self.find("label:team", registry) == [])
      #expect(try await Self.find("paym", registry) == [])
      let history = try await registry.api("GET", path + "/history?target=1", as: writer)
      let events = (history.json["items"]?.array ?? []).map {
        "\($0["key"]?.string ?? "") \($0["from"]?.string ?? "-") \($0["to"]?.string ?? "-") \($0["reason"]?.string ?? "-")"
      }
      #expect(events == ["team payments - -", "tier - 1 sorted", "team - payments sorted"], "\(history)")
      let audit = try await registry.api("GET", "/api/v1/audit?kind=label.set", as: ClosedRegistry.admin)
      #expect(
        audit.json["items"]?.array?.map { $0["target"]?.string } == [
          "acme/api:1", "acme/api@\(ClosedRegistry.manifestDigest)", "acme/api:1",
        ], "\(audit)")

      let long = String(repeating: "x", count: 300)
      let many = (0..<65).map { #""k\#($0)":"v""# }.joined(separator: ",")
      for body in [
        #"{"target":"1","set":{}}"#, #"{"target":"1","set":{"-x":"a"}}"#, #"{"target":"1","set":{"a b":"a"}}"#,
        #"{"target":"1","set":{"\#(long)":"a"}}"#, #"{"target":"1","set":{"a":"\#(long)"}}"#,
        #"{"target":"1","set":{"a":"\u0000"}}"#, #"{"target":"1","set":{"a":1}}"#,
        #"{"target":"1","set":{"a":"1","a":"2"}}"#,
        #"{"target":"1","set":{\#(many)}}"#, #"{"target":"a/b","set":{"a":"b"}}"#, #"{"set":{"a":"b"}}"#,
      ] { #expect(try await put(body).status == 400, "\(body)") }
      let half = (0..<63).map { #""k\#($0)":"v""# }.joined(separator: ",")
      #expect(try await put(#"{"target":"1","set":{\#(half)}}"#).status == 200)
      #expect(try await put(#"{"target":"1","set":{"one":"more"}}"#).status == 400)
      #expect(try await put(#"{"target":"nothing","set":{"a":"b"}}"#).status == 404)
      #expect(try await registry.api("GET", path + "?target=nothing", as: writer).status == 404)
    }
  }

  @Test func `who holds a package is asked by any name, also one with slashes, and an unknown vulnerability is told`()
    async throws
  {
    try await ClosedRegistry.withOne { registry in
      let reader = ClosedRegistry.basic("reader")
      let path = "/api/v1/packages/images?package="
      for name in ["@babel/traverse", "%40babel%2Ftraverse", "github.com/x/y", "symfony/http-foundation"] {
        let found = try await registry.api("GET", path + name, as: reader)
        #expect(found.status == 200, "\(name): \(found)")
      }
      #expect(try await registry.api("GET", path, as: reader).status == 400)
      let unknown = try await registry.api("GET", "/api/v1/vulnerabilities/NO-SUCH-ID/images", as: reader)
      #expect(unknown.status == 404, "\(unknown)")
      #expect(unknown.json["detail"]?.string == "no advisory of the name NO-SUCH-ID is known", "\(unknown)")
    }
  }

  @Test func `an exception from what no advisory speaks of says so`() async throws {
    try await ClosedRegistry.withOne { registry in
      let body = #"{"vulnerability":"cve-2030-1","reason":"why","until":"\#(SystemTime().now + .seconds(86_400))"}"#
      let made = try await registry.api(
        "POST", "/api/v1/namespaces/acme/exceptions", as: ClosedRegistry.basic("owner"), body)
      #expect(made.status == 201, "\(made)")
      #expect(made.json["known"]?.bool == false, "\(made)")
    }
  }
}
