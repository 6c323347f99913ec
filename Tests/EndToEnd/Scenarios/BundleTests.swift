import Foundation
import OCI
import TestSupport
import Testing

extension EndToEnd {
  /// A registry with internet and one without: advisories go from one to the other as a signed file, and as an artifact.
  @Suite struct BundleTests {
    private static let advisories = (1...3).map { number in
      #"{"id":"TEST-2026-\#(number)","modified":"2026-11-25T00:00:00Z","aliases":["CVE-2026-\#(number)"],"affected":[{"package":{"ecosystem":"PyPI","name":"Made.Up"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(number).0"}]}]}]}"#
    }.joined(separator: "\n")

    private static let exploited =
      #"{"vulnerabilities":[{"cveID":"CVE-2026-2","dateAdded":"2026-02-03","vulnerabilityName":"Made up"}]}"#

    /// Python's package, and nothing else.
    private static func image(_ workspace: Workspace) async throws -> LayoutImage {
      var writer = try LayoutWriter(workspace.file("bundled"))
      let layer = try await MultiArchitectureImage.layer(
        ["app/made_up-1.0.dist-info/METADATA": Array("Metadata-Version: 2.1\nName: Made_Up\nVersion: 1.0\n".utf8)],
        in: workspace)
      let configuration = """
        {"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\(layer.diffID)"]}}
        """
      let manifest = ImageManifest(
        mediaType: MediaTypes.manifest, config: try writer.add(Array(configuration.utf8), MediaTypes.config),
        layers: [try writer.add(layer.compressed, MediaTypes.layerGzip)])
      return try writer.tag("1.0", try writer.add(try manifest.encoded(), MediaTypes.manifest))
    }

    private static func berth(_ server: ServerProcess, _ arguments: [String]) async throws -> ProgramOutcome {
      try await ProgramRunner.run(
        ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
    }

    @Test("a signed file carries advisories over, and only if nobody touched it; so does any registry")
    func carriedOver() async throws {
      try await withServer(isOpen: true) { outside, files in
        func made(_ arguments: String...) async throws -> ProgramOutcome {
          let outcome = try await Self.berth(outside, arguments)
          #expect(outcome.succeeded, "\(outcome.story)")
          return outcome
        }
        let records = try files.write(Self.advisories, to: "records.jsonl")
        _ = try await made("advisories", "import", "pypi", records, "--whole")
        let catalogue = try files.write(Self.exploited, to: "exploited.json")
        _ = try await made("advisories", "import", "kev", catalogue, "--format", "kev")
        let (key, trusted, bundle) = (files.file("k.pem"), files.file("k.pub.pem"), files.file("advisories.tar"))
        _ = try await made("advisories", "key", key)
        _ = try await made("advisories", "export", "--key", key, "--to", bundle)
        let shown = try await made("advisories", "verify", bundle, "--trust", trusted)
        #expect(shown.text.contains("pypi  osv   3"), "\(shown.story)")
        // What the documentation says how others check it.
        _ = try await ProgramRunner.succeed("tar", ["-xf", bundle, "-C", files.path])
        _ = try await ProgramRunner.succeed(
          "openssl",
          [
            "pkeyutl", "-verify", "-pubin", "-inkey", trusted, "-rawin", "-in", files.file("manifest.json"), "-sigfile",
            files.file("manifest.sig"),
          ])

        try await withServer(isOpen: true) { inside, workspace in
          func taken(_ arguments: String...) async throws -> ProgramOutcome {
            try await Self.berth(inside, ["advisories", "import"] + arguments)
          }
          let skopeo = try Skopeo(in: workspace)
          try await skopeo.push(try await Self.image(workspace), to: "\(inside.address.authority)/acme/api:1.0")
          // Refused before anything is read of it.
          var altered = try readFile(bundle)
          altered[altered.count / 2] ^= 1
          let foreign = files.file("other.pem")
          _ = try await made("advisories", "key", foreign)
          let broken = try workspace.write(altered, to: "altered.tar")
          let short = try workspace.write(Array(altered.dropLast(700)), to: "short.tar")
          for (file, keys) in [
            (broken, trusted), (short, trusted), (bundle, files.file("other.pub.pem")), (records, trusted),
          ] {
            let refused = try await taken(file, "--trust", keys)
            #expect(!refused.succeeded && refused.errors.contains("\(file) is refused"), "\(refused.story)")
          }
          let untrusted = try await taken(bundle)
          #expect(!untrusted.succeeded && untrusted.errors.contains("--trust"), "\(untrusted.story)")
          #expect(try await Self.berth(inside, ["advisories", "list", "-o", "json"]).trimmed == "[]")

          // By way of a registry: the inner one itself.
          let address = "\(inside.address.authority)/security/advisories:latest"
          let pushed = try await made("advisories", "push", address, bundle)
          #expect(pushed.text.contains("sha256:"), "\(pushed.story)")
          #expect(try await made("advisories", "push", address, bundle).text == pushed.text)
          try await eventually("the image is inspected") {
            try await Self.berth(inside, ["inventory", "acme/api:1.0"]).text.contains("made-up")
          }
          let imported = try await taken("oci://\(address)", "--trust", files.file("other.pub.pem"), "--trust", trusted)
          #expect(imported.succeeded, "\(imported.story)")
          let findings = try await Self.berth(inside, ["findings", "acme/api:1.0"])
          #expect(findings.text.contains("CVE-2026-2") && findings.text.contains("CVE-2026-3"), "\(findings.story)")
          for server in [outside, inside] {
            let list = try await Self.berth(server, ["advisories", "list"])
            #expect(list.text.contains("kev   kev   1") && list.text.contains("pypi  osv   3"), "\(list.story)")
          }

          // A newer one, and then the first again.
          _ = try await made("advisories", "import", "pypi", records, "--whole")
          let newer = files.file("newer.tar")
          _ = try await made("advisories", "export", "--key", key, "--to", newer, "--feed", "pypi")
          let renewed = try await taken(newer, "--trust", trusted)
          #expect(renewed.succeeded && !renewed.text.contains("kev"), "\(renewed.story)")
          let older = try await taken(bundle, "--trust", trusted)
          #expect(!older.succeeded && older.errors.contains("older than what is there"), "\(older.story)")
          let forced = try await taken(bundle, "--trust", trusted, "--allow-older")
          #expect(forced.succeeded, "\(forced.story)")
        }
      }
    }

    @Test(
      "a registry of another make asks for a password, and sends its blobs from elsewhere, which learns no password")
    func foreignRegistry() async throws {
      try await withServer(isOpen: true) { outside, files in
        let records = try files.write(Self.advisories, to: "records.jsonl")
        let (key, trusted, bundle) = (files.file("k.pem"), files.file("k.pub.pem"), files.file("advisories.tar"))
        for arguments in [
          ["import", "pypi", records, "--whole"], ["key", key], ["export", "--key", key, "--to", bundle],
        ] {
          let outcome = try await Self.berth(outside, ["advisories"] + arguments)
          #expect(outcome.succeeded, "\(outcome.story)")
        }
        let content = try readFile(bundle)
        let digest = sha256(content)
        let blobs = try ScriptedHTTPServer(answering: { request in
          .init(200, body: request.target.hasSuffix("/altered") ? content.dropLast() + [1] : content)
        })
        defer { blobs.stop() }
        let elsewhere = blobs.url
        let registry = try ScriptedHTTPServer(answering: { request in
          guard request.head.contains("Basic c29tZWJvZHk6c2VjcmV0") else {
            return .init(401, headers: [("WWW-Authenticate", "Basic realm=\"foreign\"")])
          }
          if request.target.contains("/blobs/") {
            let name = request.target.contains("altered") ? "/altered" : "/whole"
            return .init(307, headers: [("Location", elsewhere + name)])
          }
          let type =
            request.target.hasSuffix("/other") ? "application/vnd.other" : "application/vnd.berth.advisories.v1"
          let manifest = """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"\(type)",\
            "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(digest)","size":2},\
            "layers":[{"mediaType":"application/vnd.berth.advisories.v1.tar","digest":"\(digest)","size":\(content.count)}]}
            """
          return .init(200, body: Array(manifest.utf8))
        })
        defer { registry.stop() }
        let host = String(registry.url.dropFirst("http://".count))
        _ = try files.folder("home/.docker")
        _ = try files.write(
          #"{"auths":{"\#(host)":{"auth":"c29tZWJvZHk6c2VjcmV0"}}}"#, to: "home/.docker/config.json")
        func verify(_ name: String, home: String = "home") async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, ["advisories", "verify", "oci://\(host)/\(name)", "--trust", trusted],
            environment: ["HOME": try files.folder(home)])
        }
        let whole = try await verify("team/feeds:whole")
        #expect(whole.text.contains("pypi  osv   3"), "\(whole.story)")
        #expect(!blobs.requests.isEmpty)
        #expect(!blobs.requests.contains { $0.head.lowercased().contains("authorization") })
        for (name, reason) in [
          ("altered/feeds:whole", "what the registry gave is not"), ("team/feeds:other", "is no bundle of advisories"),
          ("team/feeds@sha256:\(String(repeating: "0", count: 64))", "gave another manifest"),
        ] {
          let refused = try await verify(name)
          #expect(!refused.succeeded && refused.errors.contains(reason), "\(refused.story)")
        }
        let nobody = try await verify("team/feeds:whole", home: "nobody")
        #expect(!nobody.succeeded && nobody.errors.contains("wants a login"), "\(nobody.story)")
      }
    }

    @Test("a registry with accounts gives a bundle to who may have it, and a configured feed takes it by itself")
    func configured() async throws {
      try await withServer(isOpen: false) { store, files in
        let administrator = try await Administrator(store, files)
        try await administrator.berth("namespace", "create", "security")
        let records = try files.write(Self.advisories, to: "records.jsonl")
        try await administrator.berth("advisories", "import", "pypi", records, "--whole")
        let (key, trusted, bundle) = (files.file("k.pem"), files.file("k.pub.pem"), files.file("advisories.tar"))
        try await administrator.berth("advisories", "key", key)
        try await administrator.berth("advisories", "export", "--key", key, "--to", bundle)
        let address = "\(store.address.authority)/security/advisories:latest"
        try await administrator.berth("advisories", "push", address, bundle)

        let stranger = try await ProgramRunner.run(
          ServerProcess.binary, ["advisories", "verify", "oci://\(address)", "--trust", trusted],
          environment: ["HOME": try files.folder("nobody")])
        #expect(!stranger.succeeded, "\(stranger.story)")
        try await administrator.berth("advisories", "verify", "oci://\(address)", "--trust", trusted)

        let settings = """
          inspection:
            feeds: ["carried=bundle:oci://\(address)", "again=bundle:\(bundle)"]
            bundle_keys: ["\(trusted)"]

          """
        try await withServer(configuration: settings, isOpen: true, environment: ["HOME": administrator.home]) {
          inside, _ in
          try await eventually("the feeds come in") {
            let list = try await Self.berth(inside, ["advisories", "list"]).text
            return ["carried  bundle  3", "again    bundle  3", "pypi     osv     3"].allSatisfy { list.contains($0) }
          }
        }
      }
    }
  }
}
