import HTTPService
import RegistryCore
import TestSupport
import Testing

/// The settings that say how much, and what they answer past it.
@Suite("limits and settings", .timeLimit(.minutes(10)))
struct LimitTests {
  @Test(
    "a head larger than the limit is 431, and the connection ends", arguments: ["one line", "many lines", "target"])
  func largeHead(_ kind: String) async throws {
    try await serving(http: limits { $0.headerBytes = 2000 }) { server in
      let text: String
      switch kind {
      case "one line": text = request("GET", "/v2/", "X-Long: \(String(repeating: "a", count: 3000))\r\n")
      case "target": text = request("GET", "/v2/\(String(repeating: "a", count: 3000))/tags/list")
      default: text = request("GET", "/v2/", (0..<100).map { "X-\($0): aaaaaaaaaaaaaaaaaaaa\r\n" }.joined())
      }
      let connection = try await server.connect()
      let answer = try await connection.exchange(text)
      #expect([414, 431].contains(answer.status))
      #expect(try await connection.receiveUntilClosed() == [])
      #expect(
        try await server.connect().exchange(request("GET", "/v2/", "X-A: \(String(repeating: "a", count: 500))\r\n"))
          .status == 200)
    }
  }

  @Test("a blob past the limit is 413, whether its length was told, comes in pieces or adds up over chunks")
  func blobLimit() async throws {
    var settings = Registry.Settings()
    settings.blobLimitBytes = 100_000
    try await serving(registry: settings) { server in
      let client = server.client
      let fitting = uniqueBytes(100_000)
      try await server.push(fitting)
      let large = uniqueBytes(100_001)
      let whole = try await client(
        "POST", "/v2/acme/api/blobs/uploads/?digest=\(digest(of: large))", body: .bytes(large))
      #expect(whole.status == 413)
      let upload = try await server.startUpload()
      #expect(try await client("PATCH", upload, body: .chunks([large])).status == 413)
      let other = try await server.startUpload()
      #expect(try await client("PATCH", other, body: .bytes(Array(large[..<60_000]))).status == 202)
      #expect(try await client("PATCH", other, body: .bytes(Array(large[60_000...]))).status == 413)
      #expect(try await client("GET", other).first("Range") == "0-59999")
      let text = whole.text
      #expect(text.contains("SIZE_INVALID") && text.contains("100000"))
    }
  }

  @Test("a blob limit below the size of small blobs holds for those that arrive whole")
  func smallBlobLimit() async throws {
    var settings = Registry.Settings()
    settings.blobLimitBytes = 1000
    try await serving(registry: settings) { server in
      let client = server.client
      let large = uniqueBytes(1001)
      let path = "/v2/acme/api/blobs/uploads/?digest=\(digest(of: large))"
      #expect(try await client("POST", path, body: .bytes(large)).status == 413)
      try await server.push(uniqueBytes(1000))
    }
  }

  @Test("a large upload that is refused gets its answer, then the connection ends", arguments: [true, false])
  func refusedUpload(_ waits: Bool) async throws {
    try await serving { server in
      let bytes = uniqueBytes(3 << 20)
      let head = request(
        "PATCH", "/v2/acme/api/blobs/uploads/nobody-made-this",
        "Content-Length: \(bytes.count)\r\n" + (waits ? "Expect: 100-continue\r\n" : ""))
      let connection = try await server.connect()
      let answer = try await connection.exchange(Array(head.utf8) + (waits ? [] : bytes), method: "PATCH")
      #expect(answer.status == 404)
      #expect(answer.interim == [])
      #expect(!answer.keepsConnection)
      #expect(try await connection.receiveUntilClosed() == [])
    }
  }

  @Test("a small upload that is refused leaves the connection usable")
  func refusedSmallUpload() async throws {
    try await serving { server in
      let connection = try await server.connect()
      let text = request("PATCH", "/v2/acme/api/blobs/uploads/nobody-made-this", "Content-Length: 5\r\n") + "abcde"
      let answer = try await connection.exchange(text, method: "PATCH")
      #expect(answer.status == 404 && answer.keepsConnection)
      #expect(try await connection.exchange(request("GET", "/v2/")).status == 200)
    }
  }

  @Test("more uploads than the limit are 429 with the time to wait, and go on when one has ended")
  func uploadLimit() async throws {
    var settings = Registry.Settings()
    settings.uploadLimit = 2
    try await serving(registry: settings) { server in
      let client = server.client
      var uploads: [String] = []
      for _ in 0..<3 { uploads.append(try await server.startUpload()) }
      for upload in uploads[..<2] { #expect(try await client("PATCH", upload, body: .text("a")).status == 202) }
      let refused = try await client("PATCH", uploads[2], body: .text("a"))
      #expect(refused.status == 429)
      #expect(refused.text.contains("TOOMANYREQUESTS"))
      #expect(refused.first("Retry-After") != nil)
      #expect(try await client("DELETE", uploads[0]).status == 204)
      #expect(try await client("PATCH", uploads[2], body: .text("a")).status == 202)
    }
  }

  @Test("an upload that nobody touched for its time has expired, one that was touched has not")
  func expiry() async throws {
    var settings = Registry.Settings()
    settings.uploadsExpireAfter = .seconds(100)
    let time = MovableTime()
    try await serving(registry: settings, time: time) { server in
      let client = server.client
      let idle = try await server.startUpload()
      let used = try await server.startUpload()
      let empty = try await server.startUpload()
      for upload in [idle, used] { #expect(try await client("PATCH", upload, body: .text("a")).status == 202) }
      time.advance(by: .seconds(60))
      #expect(try await client("PATCH", used, body: .text("b")).status == 202)
      time.advance(by: .seconds(60))
      for upload in [idle, empty] {
        let answer = try await client("GET", upload)
        #expect(answer.status == 404 && answer.text.contains("BLOB_UPLOAD_UNKNOWN"))
      }
      #expect(try await client("GET", used).first("Range") == "0-1")
      #expect(try await server.registry.expiredUploads().count == 1)
    }
  }

  @Test("the public URL stands before every location and link, and no header of a client changes it")
  func publicURL() async throws {
    var settings = HTTPServiceSettings()
    settings.publicURL = "https://hub.example/registry"
    try await serving(http: settings) { server in
      let client = server.client
      let upload = try await client("POST", "/v2/acme/api/blobs/uploads/", ["X-Forwarded-Host": "evil.example"])
      #expect(upload.first("Location")?.hasPrefix("https://hub.example/registry/v2/acme/api/blobs/uploads/") == true)
    }
  }

  @Test("forwarding headers are not believed from a peer that is not trusted")
  func untrustedProxy() async throws {
    var settings = HTTPServiceSettings()
    settings.trustsForwarded = { _ in false }
    try await serving(http: settings) { server in
      let fields = [
        "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Prefix": "/evil",
      ]
      for (name, value) in fields {
        let answer = try await server.client.send(
          RawRequest("POST", "/v2/acme/api/blobs/uploads/", [RawField(name, value)]))
        #expect(answer.first("Location")?.hasPrefix("/v2/acme/api/blobs/uploads/") == true)
      }
    }
  }

  @Test(
    "a least size of chunks is told to who begins an upload, and to nobody when it is 0", arguments: [0, 5_000_000])
  func chunkMinimum(_ bytes: Int) async throws {
    var settings = HTTPServiceSettings()
    settings.chunkMinimumBytes = bytes
    try await serving(http: settings) { server in
      let answer = try await server.client("POST", "/v2/acme/api/blobs/uploads/")
      #expect(answer.first("OCI-Chunk-Min-Length") == (bytes == 0 ? nil : "\(bytes)"))
    }
  }

  @Test(
    "an index or an image of what is not there is taken when the setting says so", arguments: [true, false],
    ["index", "image"])
  func sparse(_ accepted: Bool, _ kind: String) async throws {
    var settings = Registry.Settings()
    settings.acceptsSparseManifests = accepted
    try await serving(registry: settings) { server in
      let config = uniqueBytes(20)
      try await server.push(config)
      func descriptor(_ type: String, _ bytes: [UInt8]) -> String {
        #"{"mediaType":"application/vnd.oci.image.\#(type)","digest":"\#(digest(of: bytes))","size":\#(bytes.count)}"#
      }
      let absent = uniqueBytes(10)
      let members =
        kind == "index"
        ? #""manifests":[\#(descriptor("manifest.v1+json", absent))]"#
        : #""config":\#(descriptor("config.v1+json", config)),"layers":[\#(descriptor("layer.v1.tar", absent))]"#
      let type = "application/vnd.oci.image.\(kind == "index" ? "index" : "manifest").v1+json"
      let manifest = #"{"schemaVersion":2,"mediaType":"\#(type)",\#(members)}"#
      // The second is a referrers tag: what never was here is no part of it that was deleted.
      for tag in ["v1", "sha256-" + String(repeating: "ab", count: 32)] {
        let target = "/v2/acme/api/manifests/\(tag)"
        let answer = try await server.client("PUT", target, ["Content-Type": type], body: .text(manifest))
        #expect(answer.status == (accepted ? 201 : 400), "\(answer)")
        #expect(answer.first("Warning")?.hasPrefix("299 - \"acme/api does not have 1 of") ?? false == accepted)
        let pulled = try await server.client("GET", target)
        #expect(pulled.status == (accepted ? 200 : 404))
        if accepted { #expect(pulled.text == manifest) }
      }
    }
  }

  @Test("settings change while serving: the next request has the new ones")
  func live() async throws {
    try await serving { server in
      server.server.settings.publicURL = "https://hub.example"
      let answer = try await server.client("POST", "/v2/acme/api/blobs/uploads/")
      #expect(answer.first("Location")?.hasPrefix("https://hub.example/") == true)
      server.registry.settings.blobLimitBytes = 70_000
      let upload = try await server.startUpload()
      let target = String(upload.dropFirst("https://hub.example".count))
      #expect(try await server.client("PATCH", target, body: .bytes(uniqueBytes(80_000))).status == 413)
    }
  }
}
