import Foundation
import OCI
import Testing

extension EndToEnd {
  /// A security engineer's morning: what is in the images, what is wrong with them, stop it, take a risk.
  @Suite struct InspectionTests {
    private static let advisory = """
      {"id":"TEST-2026-1","modified":"2026-11-25T00:00:00Z","aliases":["CVE-2026-1234"],"summary":"Made up",\
      "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],\
      "affected":[{"package":{"ecosystem":"PyPI","name":"Made.Up"},\
      "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]}]}
      """

    /// This machine's packages, and one of Python above them.
    private static func image(_ workspace: Workspace) async throws -> LayoutImage {
      var writer = try LayoutWriter(workspace.file("inspected"))
      let base = try await MultiArchitectureImage.layer(
        [
          "etc/os-release": Array(#"ID=debian"#.utf8) + Array("\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n".utf8),
          "var/lib/dpkg/status": try readFile("/var/lib/dpkg/status"),
        ], in: workspace)
      let own = try await MultiArchitectureImage.layer(
        ["app/made_up-1.0.dist-info/METADATA": Array("Metadata-Version: 2.1\nName: Made_Up\nVersion: 1.0\n".utf8)],
        in: workspace)
      let configuration = """
        {"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\(base.diffID)","\(own.diffID)"]}}
        """
      let manifest = ImageManifest(
        mediaType: MediaTypes.manifest, config: try writer.add(Array(configuration.utf8), MediaTypes.config),
        layers: try [base, own].map { try writer.add($0.compressed, MediaTypes.layerGzip) })
      return try writer.tag("1.0", try writer.add(try manifest.encoded(), MediaTypes.manifest))
    }

    @Test("the process that reads a layer ends by itself, behind its walls, and says whether it could tell everything")
    func worker() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let layer = try await MultiArchitectureImage.layer(["etc/os-release": Array("ID=debian\n".utf8)], in: workspace)
      let file = try workspace.write(layer.compressed, to: "layer")
      for (input, output, status) in [(file, "/dev/null", 0), ("/dev/null", "/dev/null", 0), (file, "/dev/full", 1)] {
        let outcome = try await ProgramRunner.run(
          "sh", ["-c", "exec \(ServerProcess.binary) inspect-layer < \(input) > \(output)"])
        #expect(outcome.ending == .exited(Int32(status)), "\(input) \(output): \(outcome.story)")
      }
    }

    @Test("the walls stand around the process that reads a layer")
    func walls() async throws {
      let script = """
        sleep 30 | "$0" inspect-layer > /dev/null & worker=$!
        for turn in $(seq 100); do
          grep -q 'Max file size *0 ' /proc/$worker/limits && grep -q 'Seccomp:.2' /proc/$worker/status && break
          sleep 0.1
        done
        cat /proc/$worker/status /proc/$worker/limits
        # Its own group, with all that is in it.
        kill -9 0
        """
      let seen = try await ProgramRunner.run("sh", ["-c", script, ServerProcess.binary])
      let lines = Set(
        seen.text.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") })
      let expected: Set = [
        "NoNewPrivs: 1", "Seccomp: 2", "Max cpu time 1800 1800 seconds", "Max data size 1073741824 1073741824 bytes",
        "Max file size 0 0 bytes", "Max core file size 0 0 bytes", "Max open files 16 16 files",
      ]
      #expect(expected.subtracting(lines) == [], "\(seen.story)")
    }

    @Test("what skopeo pushed is known, judged, refused and let through, and an advisory names where it runs")
    func inspection() async throws {
      try await withServer(isOpen: true) { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/api:1.0"
        try await skopeo.push(try await Self.image(workspace), to: reference)
        func berth(_ arguments: String...) async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        func take(_ name: String) async throws -> ProgramOutcome {
          try await skopeo.run(
            ["copy", "--src-tls-verify=false", "docker://\(reference)", "dir:\(workspace.file(name))"])
        }
        // Read in a process of its own, a moment after the push.
        try await eventually("the image is inspected") {
          try await berth("inventory", "acme/api:1.0").text.contains("Debian 12  inventoried")
        }
        let contents = try await berth("inventory", "acme/api:1.0", "--type", "deb", "--output", "json")
        let packages = try JSONValue.parse(contents.trimmed).array?.first?["contents"]?.array ?? []
        let installed = try await ProgramRunner.succeed("dpkg-query", ["-W", "-f", "${Status}\\n"]).text
          .split(separator: "\n").filter { $0.hasSuffix(" installed") }
        #expect(packages.filter { $0["type"]?.string == "deb" }.count == installed.count)

        // Nothing is known yet: that is not clean.
        let unjudged = try await berth("findings", "acme/api:1.0", "--fail-on", "critical")
        #expect(unjudged.ending == .exited(1), "\(unjudged.story)")
        #expect(unjudged.text.contains("no advisories are here for Debian:12, PyPI"), "\(unjudged.story)")

        for arguments in [
          ["env", "create", "acme/production"], ["env", "promote", "acme/production", "acme/api:1.0"],
        ] {
          let outcome = try await ProgramRunner.run(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
          #expect(outcome.succeeded, "\(outcome.story)")
        }
        let file = try workspace.write(Array(Self.advisory.utf8), to: "advisories.jsonl")
        func layersRead() async throws -> String? {
          try await ProgramRunner.succeed("curl", ["-s", "http://\(server.address.authority)/metrics"]).text
            .split(separator: "\n").first { $0.hasPrefix("berth_inspection_layers_total ") }.map { String($0) }
        }
        let before = try await layersRead()
        #expect(before == "berth_inspection_layers_total 2")
        let imported = try await berth("advisories", "import", "test", file)
        #expect(try await layersRead() == before, "an advisory is no reason to read a layer")
        #expect(imported.text.contains("1 newly affected"), "\(imported.story)")
        let found = try await berth("findings", "acme/api:1.0")
        #expect(found.text.contains("CVE-2026-1234"), "\(found.story)")
        let changes = try await berth("advisories", "changes")
        #expect(changes.text.contains("acme/production"), "\(changes.story)")
        let affected = try await berth("affected", "CVE-2026-1234")
        #expect(affected.text.contains("production"), "\(affected.story)")
        #expect(affected.text.contains("made-up 1.0"), "what it is affected by: \(affected.story)")

        let rule = try await berth("rule", "set", "acme", "policy", #"{"at":["pull"],"block":{"severity":"critical"}}"#)
        #expect(rule.succeeded, "\(rule.story)")
        let refused = try await take("refused")
        #expect(!refused.succeeded)
        #expect(
          refused.errors.contains("CVE-2026-1234 in made-up 1.0, fixed in 2.0"),
          "a refusal says why and what would help: \(refused.story)")
        let exception = try await berth(
          "exception", "add", "acme", "--vulnerability", "CVE-2026-1234", "--days", "1", "--reason", "a test")
        #expect(exception.succeeded, "\(exception.story)")
        try await eventually("the exception is in force") {
          try await take("taken").succeeded
        }
      }
    }

    @Test("a feed comes in by itself, VEX and SBOM go along with the image, and a scan without a server says the same")
    func documents() async throws {
      let feeds = try Workspace()
      defer { feeds.remove() }
      let feed = try feeds.write(Array(Self.advisory.utf8), to: "feed.jsonl")
      let settings = "inspection:\n  feeds: [\"made=osv:\(feed)\"]\n"
      try await withServer(configuration: settings, isOpen: true) { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let image = try await Self.image(workspace)
        try await skopeo.push(image, to: "\(server.address.authority)/acme/api:1.0")
        func berth(_ arguments: String...) async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        try await eventually("the feed judges the image") {
          try await berth("findings", "acme/api:1.0").text.contains("CVE-2026-1234")
        }
        let list = try await berth("advisories", "list")
        #expect(list.text.contains("made  osv   1"), "\(list.story)")

        let files = try await berth("files", "acme/api:1.0", "app")
        #expect(files.text.contains("app/made_up-1.0.dist-info/METADATA"), "\(files.story)")
        #expect(!files.text.contains("os-release"), "\(files.story)")
        #expect(files.errors.isEmpty, "\(files.story)")
        let one = try await berth("files", "acme/api:1.0", "-n", "1")
        #expect(one.errors.contains("these are the first 1, and there is more: --count 10"), "\(one.story)")
        #expect(try await berth("files", "acme/api:1.0", "nope").ending == .exited(5))

        // By the program itself, from the layout that was pushed.
        let scanned = try await berth("scan", image.path, "--advisories", feed, "--fail-on", "critical")
        #expect(scanned.ending == .exited(1), "\(scanned.story)")
        #expect(scanned.text.contains("CVE-2026-1234"), "\(scanned.story)")
        let log = try await berth("scan", image.path, "--advisories", feed, "--sarif")
        let results = try JSONValue.parse(log.trimmed)["runs"]?.array?.first?["results"]?.array ?? []
        #expect(results.map { $0["ruleId"]?.string } == ["CVE-2026-1234"])
        // How bad it is, a record of another package says.
        let silent = try workspace.write(
          Array(
            """
            {"id":"TEST-2","modified":"2026-11-25T00:00:00Z","aliases":["CVE-2026-77"],"affected":[\
            {"package":{"ecosystem":"PyPI","name":"Made.Up"},"versions":["1.0"]}]}
            {"id":"TEST-3","modified":"2026-11-25T00:00:00Z","aliases":["CVE-2026-77"],\
            "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],\
            "affected":[{"package":{"ecosystem":"npm","name":"other"},"versions":["1.0"]}]}
            """.utf8), to: "silent.jsonl")
        let graded = try await berth("scan", image.path, "--advisories", silent, "--fail-on", "critical")
        #expect(graded.ending == .exited(1), "\(graded.story)")

        // A bill of materials as a referrer, and the same packages in it.
        let attached = try await berth("sbom", "acme/api:1.0", "--format", "spdx", "--attach")
        #expect(attached.text.contains("Attached as acme/api@sha256:"), "\(attached.story)")
        let compared = try await berth("sbom", "acme/api:1.0", "--compare")
        #expect(compared.text.contains("packages are the same"), "\(compared.story)")
        #expect(!compared.text.contains("only in"), "\(compared.story)")
        let document = try await berth("sbom", "acme/api:1.0")
        let file = try workspace.write(Array(document.text.utf8), to: "sbom.json")
        let matched = try await berth("match", "--advisories", feed, "--sbom", file)
        #expect(
          matched.text.split(separator: "\n").filter { $0.contains("TEST-2026-1") }.count == 1, "\(matched.story)")

        let statement = """
          {"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:test","author":"us","timestamp":"2026-11-01T00:00:00Z",\
          "version":1,"statements":[{"vulnerability":{"name":"CVE-2026-1234"},\
          "products":[{"@id":"pkg:pypi/made-up@1.0"}],"status":"not_affected","justification":"component_not_present"}]}
          """
        let vex = try workspace.write(Array(statement.utf8), to: "ours.json")
        let set = try await berth("vex", "set", "acme", vex)
        #expect(set.succeeded, "\(set.story)")
        let suppressed = try await berth("findings", "acme/api:1.0", "--suppressed")
        #expect(suppressed.text.contains("vex: component_not_present"), "\(suppressed.story)")
        let counted = try await berth("findings", "acme/api:1.0", "--fail-on", "critical")
        #expect(!counted.text.contains("CVE-2026-1234"), "\(counted.story)")

        let removed = try await berth("advisories", "remove", "made")
        #expect(
          removed.text.hasPrefix("Took made away: 1 record. 1 finding of versions of packages went with it."),
          "\(removed.story)")
        #expect(removed.errors.contains("made stands in inspection.feeds: the next refresh brings it back"))
        #expect(try await berth("advisories", "remove", "unknown").errors.contains("there is no feed unknown"))
      }
    }

    @Test("a bill of materials of one platform is attached to its image, and what the API answers is valid")
    func platforms() async throws {
      try await withServer(isOpen: true) { server, workspace in
        let skopeo = try Skopeo(in: workspace)
        let reference = "\(server.address.authority)/acme/multi:1.0"
        let multi = try await MultiArchitectureImage.make(in: workspace)
        try await skopeo.copy(multi.reference, "docker://\(reference)", ["--all"])
        try await skopeo.push(try await Self.image(workspace), to: "\(server.address.authority)/acme/api:1.0")
        func berth(_ arguments: String...) async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        func get(_ path: String) async throws -> JSONValue {
          try JSONValue.parse(
            try await ProgramRunner.succeed("curl", ["-sf", "http://\(server.address.authority)\(path)"]).text)
        }
        try await eventually("the images are inspected") {
          let inventories = try await [berth("inventory", "acme/multi:1.0"), berth("inventory", "acme/api:1.0")]
          return inventories.allSatisfy { $0.succeeded && !$0.text.contains("waiting") }
        }
        let inventory = try await get(
          "/api/v1/repositories/acme/multi/-/inventory/1.0?platform=linux/arm64"
        ).array?.first
        let image = try #require(inventory?["digest"]?.string)
        let attached = try await berth("sbom", "acme/multi:1.0", "--platform", "linux/arm64", "--attach")
        #expect(attached.text.contains("Attached as acme/multi@sha256:"), "\(attached.story)")
        let referrers = try await get("/v2/acme/multi/referrers/\(image)")["manifests"]?.array ?? []
        #expect(referrers.compactMap { $0["artifactType"]?.string } == ["application/vnd.cyclonedx+json"])

        var files: [String] = []
        for (name, ending) in [("cyclonedx", "cdx.json"), ("spdx", "spdx.json")] {
          for repository in ["api", "multi"] {
            let path = "/api/v1/repositories/acme/\(repository)/-/sbom/1.0?format=\(name)"
            files.append(try workspace.write(try await get(path).bytes, to: "\(repository).\(ending)"))
          }
        }
        let said = try await ProgramRunner.succeed(BillValidator.python, [BillValidator.script] + files).text
        #expect(said.isEmpty, "\(said)")
      }
    }

    @Test("a secret fails a scan that is to fail on it, and what cannot be asked is neither clean nor found")
    func exitCodes() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      var writer = try LayoutWriter(workspace.file("layout"))
      let body = String(repeating: "MIIEowIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL\n", count: 8)
      let key = "-----BEGIN RSA PRIVATE KEY-----\n\(body)-----END RSA PRIVATE KEY-----\n"
      let layer = try await MultiArchitectureImage.layer(["root/.ssh/id_rsa": Array(key.utf8)], in: workspace)
      let platform = ManifestDescriptor.Platform(architecture: "amd64", os: "linux")
      let manifest = try MultiArchitectureImage.image(of: [layer], platform, in: writer)
      let image = try writer.tag("1.0", manifest)
      func berth(_ arguments: String...) async throws -> ProgramOutcome {
        try await ProgramRunner.run(
          ServerProcess.binary, arguments, environment: ["BERTH_SERVER": "127.0.0.1:1"])
      }
      let found = try await berth("scan", image.path, "--fail-on", "secret")
      #expect(found.ending == .exited(1), "\(found.story)")
      #expect(found.text.contains("root/.ssh/id_rsa"), "\(found.story)")
      #expect(!found.text.contains("MIIEow"), "\(found.story)")
      let shown = try await berth("scan", image.path)
      #expect(shown.ending == .exited(0), "\(shown.story)")
      let log = try await berth("scan", image.path, "--sarif")
      let results = try JSONValue.parse(log.trimmed)["runs"]?.array?.first?["results"]?.array ?? []
      #expect(results.compactMap { $0["ruleId"]?.string } == ["secret/private-key"], "\(log.story)")
      for command in ["findings", "scan"] {
        let unasked = try await berth(command, "acme/api:1.0", "--fail-on", "low")
        #expect(unasked.ending == .exited(2), "\(unasked.story)")
      }
      let mixed = try await berth("scan", "acme/api:1.0", "--advisories", image.path)
      #expect(mixed.ending == .exited(64), "\(mixed.story)")
      #expect(mixed.errors.contains("--advisories goes with images of this machine"), "\(mixed.story)")
      // A layer that is not what its digest names says nothing of the image.
      func blob(_ digest: String) -> URL {
        URL(fileURLWithPath: "\(image.path)/blobs/\(digest.replacingOccurrences(of: ":", with: "/"))")
      }
      let parsed = try JSONValue.parse(String(decoding: try Data(contentsOf: blob(manifest.digest)), as: UTF8.self))
      let named = blob(try #require(parsed["layers"]?.array?.first?["digest"]?.string))
      try (try Data(contentsOf: named) + [0]).write(to: named)
      let damaged = try await berth("scan", image.path, "--fail-on", "secret")
      #expect(damaged.ending == .exited(1) && damaged.text.contains("damaged or exchanged"), "\(damaged.story)")
    }

    @Test("versions are compared and packages are matched without a server")
    func doors() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let file = try workspace.write(Array(Self.advisory.utf8), to: "advisories.jsonl")
      func answer(_ arguments: String, to line: String) async throws -> String {
        let input = try workspace.write(Array(line.utf8), to: "lines")
        return try await ProgramRunner.succeed(
          "sh", ["-c", "exec \"$0\" \(arguments) < \"$1\"", ServerProcess.binary, input]
        ).text
      }
      #expect(
        try await answer("version-order Debian", to: "1.0~rc1\t1.0\n2\t1\n1\t1\n!\t1\n") == "<\n>\n=\ninvalid\n")
      let line = #"{"ecosystem":"PyPI","name":"made-up","version":"1.0"}"#
      #expect(
        try await answer("match --advisories \(file)", to: line + "\n")
          == #"{"ecosystem":"PyPI","name":"made-up","version":"1.0","advisories":["TEST-2026-1"]}"# + "\n")
    }
  }
}
