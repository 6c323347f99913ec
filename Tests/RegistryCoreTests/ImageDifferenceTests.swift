import OCI
import RegistryCore
import TestSupport
import Testing

@Suite struct `The difference of two images` {
  private static func configuration(_ text: String) throws -> ImageConfiguration {
    try #require(Array(text.utf8).withUnsafeBytes { ImageConfiguration(parsing: $0) })
  }

  private static func manifest(layers: [String]) throws -> Manifest {
    let list = layers.map { layer in
      let digest = SampleBlob(Array(layer.utf8)).digest
      return
        #"{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\#(digest)","size":\#(layer.utf8.count)}"#
    }
    let config = SampleBlob(Array("config".utf8)).digest
    let text =
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(config)","size":6},"layers":[\#(list.joined(separator: ","))]}"#
    return try Array(text.utf8).withUnsafeBytes { try Manifest(parsing: $0, contentType: nil) }
  }

  private static func index(_ entries: [(platform: String?, content: String)]) throws -> Manifest {
    let list = entries.map { entry in
      let parts = entry.platform?.split(separator: "/") ?? []
      let platform = parts.count == 2 ? #","platform":{"os":"\#(parts[0])","architecture":"\#(parts[1])"}"# : ""
      let digest = SampleBlob(Array(entry.content.utf8)).digest
      return #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(digest)","size":9\#(platform)}"#
    }
    let text =
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(list.joined(separator: ","))]}"#
    return try Array(text.utf8).withUnsafeBytes { try Manifest(parsing: $0, contentType: nil) }
  }

  @Test(arguments: [
    (#""User":"a""#, #""User":"b""#, ["user: a > b"]),
    (#""Cmd":["x"]"#, "", ["command: x > -"]),
    ("", #""Entrypoint":["a","b c"]"#, ["entrypoint: - > a|b c"]),
    (
      #""WorkingDir":"/a","StopSignal":"HUP""#, #""WorkingDir":"/b""#,
      ["workingDirectory: /a > /b", "stopSignal: HUP > -"]
    ),
    (#""Env":["A=1","B=2","C=3"]"#, #""Env":["C=3","B=4","D=5"]"#, ["env -A=1", "env +D=5", "env B: 2 > 4"]),
    (#""Env":["A=1","A=2"]"#, #""Env":["A=2"]"#, []),
    (#""Env":["A"]"#, #""Env":["A=x=y"]"#, ["env A:  > x=y"]),
    (#""Labels":{"a":"1"}"#, #""Labels":{"a":"2","b":"3"}"#, ["label +b=3", "label a: 1 > 2"]),
    (#""ExposedPorts":{"80/tcp":{}}"#, #""ExposedPorts":{"443/tcp":{}}"#, ["port -80/tcp", "port +443/tcp"]),
    (#""Volumes":{"/a":{}}"#, #""Volumes":{"/a":{},"/b":{}}"#, ["volume +/b"]),
  ])
  func `in configuration is`(old: String, new: String, expected: [String]) throws {
    let found = ConfigurationDifference(
      from: try Self.configuration("{\"config\":{\(old)}}"), to: try Self.configuration("{\"config\":{\(new)}}"))
    func words(_ words: [String]?) -> String { words?.joined(separator: "|") ?? "-" }
    func named(_ kind: String, _ part: NamedDifference) -> [String] {
      part.removed.map { "\(kind) -\($0.key)=\($0.value)" } + part.added.map { "\(kind) +\($0.key)=\($0.value)" }
        + part.changed.map { "\(kind) \($0.name): \($0.from) > \($0.to)" }
    }
    func members(_ kind: String, _ part: MemberDifference) -> [String] {
      part.removed.map { "\(kind) -\($0)" } + part.added.map { "\(kind) +\($0)" }
    }
    let told =
      found.fields.map { "\($0.field): \(words($0.from)) > \(words($0.to))" } + named("env", found.environment)
      + named("label", found.labels) + members("port", found.exposedPorts) + members("volume", found.volumes)
    #expect(told == expected)
  }

  @Test(arguments: [
    (["a", "bb"], ["a", "ccc"], 1, 1, 1, false, 3),
    (["a", "bb"], ["bb", "a"], 0, 0, 2, true, 0),
    (["a"], ["a", "a"], 1, 0, 1, false, 0),
    ([], ["dddd", "dddd"], 2, 0, 0, false, 4),
    (["a", "bb"], [], 0, 2, 0, false, 0),
  ])
  func `in layers is by digest, and what must be pulled is counted once`(
    old: [String], new: [String], added: Int, removed: Int, shared: Int, isReordered: Bool, pullBytes: Int64
  ) throws {
    let found = LayerDifference(from: try Self.manifest(layers: old), to: try Self.manifest(layers: new))
    #expect(found.added.count == added && found.removed.count == removed && found.shared.count == shared)
    #expect(found.isReordered == isReordered)
    #expect(found.pullBytes == pullBytes)
  }

  private static func history(_ lines: [String]) throws -> [ImageConfiguration.Step] {
    try configuration("{\"history\":[\(lines.map { "{\"created_by\":\"\($0)\"}" }.joined(separator: ","))]}").history
  }

  @Test func `in history is the fewest lines, and of very many all between the first and last that differ`() throws {
    let few = HistoryDifference(
      from: try Self.history(["a", "b", "c", "d"]), to: try Self.history(["a", "c", "x", "d"]))
    #expect(few.removed == ["b"] && few.added == ["x"])
    let count = HistoryDifference.searchLimit + 2
    let old = ["a"] + (0..<count).map { "line \($0)" } + ["z"]
    let many = HistoryDifference(
      from: try Self.history(old), to: try Self.history(["a", "line 0", "b", "line 2", "z"]))
    #expect(many.removed.count == count - 1)
    #expect(many.added == ["b", "line 2"])
  }

  @Test func `of indexes is by platform, and what is for none is compared by digest`() throws {
    let old = try Self.index([
      ("linux/amd64", "1"), ("linux/arm64", "2"), ("linux/s390x", "3"), ("unknown/unknown", "4"), (nil, "5"),
    ])
    let new = try Self.index([
      ("linux/amd64", "1"), ("linux/arm64", "6"), ("windows/amd64", "7"), ("unknown/unknown", "8"), (nil, "5"),
    ])
    let found = PlatformDifference(from: old, to: new)
    #expect(found.added.map(\.platform) == ["windows/amd64", nil])
    #expect(found.removed.map(\.platform) == ["linux/s390x", nil])
    #expect(found.same.map(\.platform) == ["linux/amd64", nil])
    #expect(found.pairs.map(\.platform) == ["linux/arm64"])
  }

  @Test func `tells of a configuration that is missing, and compares the rest`() throws {
    let name = ImageReference(try RepositoryName(parsing: "acme/api"), .tag(try Tag(parsing: "1")))
    let from = LoadedImage(name, SampleBlob([1]).digest, try Self.manifest(layers: ["a"]), .missing("it is gone"))
    let to = LoadedImage(
      name, SampleBlob([2]).digest, try Self.manifest(layers: ["a", "b"]),
      .image(try Self.configuration(#"{"config":{"User":"x"}}"#)))
    let found = ImageDifference(from: from, to: to)
    #expect(found.problems == ["acme/api:1: it is gone"])
    #expect(found.configuration.fields.isEmpty)
    #expect(found.layers.added.count == 1)
    #expect(!found.isSame)
  }

  @Test(arguments: ["acme/api", "acme/api:", "Acme:1", "acme/api@sha256:ab", ":1", "@", ""])
  func `is of images that are named by tag or digest, and of nothing else`(text: String) {
    #expect(throws: ParseError.self) { try ImageReference(parsing: text) }
  }
}
