import OCI
import Testing

extension EndToEnd {
  /// The commands about what is in images and what is wrong with it, with what they print for people and for programs.
  @Suite struct InspectionCommandTests {
    private static let advisories = [("1", "openssl", #"{"fixed":"3.0.5-1"}"#), ("2", "curl", #"{"fixed":"9.0-1"}"#)]
      .map {
        #"{"id":"TEST-\#($0)","modified":"2026-11-25T00:00:00Z","aliases":["CVE-2026-\#($0)"],"affected":[{"package":{"#
          + #""ecosystem":"Debian:12","name":"\#($1)"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},\#($2)]}]}]}"#
      }.joined(separator: "\n")

    private static let statement = """
      {"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:test","author":"us","timestamp":"2026-11-01T00:00:00Z",\
      "version":1,"statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:deb/debian/openssl"}],\
      "status":"not_affected","justification":"component_not_present"}]}
      """

    /// Pushes an image with a layer for each list of packages and their versions.
    ///
    /// - Parameter made: the layers so far: the same base must be the same bytes.
    private static func push(
      _ layers: [[(String, String)]], as name: String, _ server: ServerProcess, _ workspace: Workspace,
      _ made: inout [String: MultiArchitectureImage.Layer]
    ) async throws {
      var writer = try LayoutWriter(workspace.file("layout-\(made.count)"))
      var found: [MultiArchitectureImage.Layer] = []
      for packages in layers {
        let key = packages.map { "\($0.0) \($0.1)" }.joined(separator: ",")
        var files = ["etc/os-release": Array("ID=debian\nVERSION_ID=12\n".utf8)]
        for (package, version) in packages {
          let text =
            "Package: \(package)\nStatus: install ok installed\nArchitecture: amd64\nVersion: \(version)\n"
          files["var/lib/dpkg/status.d/\(package)"] = Array(text.utf8)
        }
        let layer: MultiArchitectureImage.Layer
        if let known = made[key] {
          layer = known
        } else {
          layer = try await MultiArchitectureImage.layer(files, in: workspace)
        }
        made[key] = layer
        found.append(layer)
      }
      let manifest = try MultiArchitectureImage.image(of: found, MultiArchitectureImage.platforms[0], in: writer)
      let image = try writer.tag("1", manifest)
      try await Skopeo(in: workspace).push(image, to: "\(server.address.authority)/\(name)")
    }

    @Test(
      "bases, VEX, feeds and what they change: each is told in words and as JSON, and what is not there is told too")
    func inspection() async throws {
      let feeds = try Workspace()
      defer { feeds.remove() }
      let catalogue = try feeds.write(#"{"vulnerabilities":[]}"#, to: "kev.json")
      let settings = "inspection:\n  feeds: [\"known=kev:\(catalogue)\"]\n"
      try await withServer(configuration: settings, isOpen: true) { server, workspace in
        let berth = Commands(server)
        var made: [String: MultiArchitectureImage.Layer] = [:]
        let (old, new, own) = ([("openssl", "3.0.1-1")], [("openssl", "3.0.9-1")], [("curl", "7.88-1")])
        for (layers, name) in [([old], "acme/base:12"), ([old, own], "acme/api:1.0"), ([new], "acme/base:12")] {
          try await Self.push(layers, as: name, server, workspace, &made)
        }
        // What is read later is told of as it comes, and not as a change.
        try await eventually("the images are inspected") {
          let status = try await berth.value("inspection", "status")
          return status["images"]?["known"] == 3 && status["layers"]?["waiting"] == 0
        }
        let records = try workspace.write(Self.advisories, to: "records.jsonl")
        #expect(try await berth.text("advisories", "import", "ours", records).hasPrefix("2 records, 2 of them new"))
        #expect(try await berth.list(["findings", "acme/api:1.0"]).first?["findings"]?.array?.count == 2)

        try await base(berth)
        try await statements(berth, workspace)

        let again = try await berth.text("inspection", "rematch")
        #expect(again.hasSuffix("0 newly affected, 0 not any more, 0 otherwise than before."), "\(again)")
        #expect(try await berth.value("inspection", "rematch")["packages"]?.integer == 3)
        #expect(
          try await berth.text("advisories", "refresh", "known")
            == "known is looked at within half a minute: berth advisories list")
        let byHand = try await berth.refusal("advisories", "refresh", "ours", code: 1)
        #expect(byHand.contains("ours is not in inspection.feeds"), "\(byHand)")
        #expect(try await berth.refusal("advisories", "refresh", "no", code: 5) == "berth: there is no feed no")

        try await questions(berth)
        try await bill(berth, workspace)
      }
    }

    /// A bill of materials in a file is the one that is printed otherwise.
    private func bill(_ berth: Commands, _ workspace: Workspace) async throws {
      let file = workspace.file("bill.json")
      for (form, mark) in [("cyclonedx", "bomFormat"), ("spdx", "spdxVersion")] {
        let told = try await berth.text("sbom", "acme/api:1.0", "--form", form, "--file", file)
        #expect(told.isEmpty, "\(told)")
        let document = try JSONValue.parse(String(decoding: try readFile(file), as: UTF8.self))
        let list = document["components"]?.array ?? document["packages"]?.array ?? []
        #expect(document[mark]?.string != nil && list.contains { $0["name"] == "openssl" }, "\(document)")
      }
      let nowhere = try await berth.refusal("sbom", "acme/api:1.0", "--file", file + "/no", code: 1)
      #expect(nowhere.contains("/no: Not a directory"), "\(nowhere)")
    }

    /// What the next base would mend.
    private func base(_ berth: Commands) async throws {
      let told = try await berth.text("base", "acme/api:1.0")
      #expect(told.hasPrefix("Built on acme/base (sha256:"), "\(told)")
      for line in [
        "\nCompared with acme/base:12 (", "\nIt would mend: 1\n", "\nIt would bring: 0", "\nNot from the base: 1",
      ] {
        #expect(told.contains(line), "\(told)")
      }
      let found = try await berth.value("base", "acme/api:1.0", "--to", "acme/base:12")
      #expect(found["fixed"]?.array?.map { $0["vulnerability"] } == ["CVE-2026-1"], "\(found)")
      #expect(try await berth.refusal("base", "acme/api:2", code: 5) == "berth: acme/api has no manifest 2")
      #expect(try await berth.refusal("base", "acme/base:12", code: 5).contains("push its base"))
    }

    /// What a team says does not count.
    private func statements(_ berth: Commands, _ workspace: Workspace) async throws {
      let file = try workspace.write(Self.statement, to: "ours.json")
      #expect(try await berth.text("vex", "set", "acme", file) == "Set ours.json: 1 statement.")
      let list = try await berth.table("vex", "list", "acme")
      #expect(list.heads.prefix(5) == ["DOCUMENT", "REPOSITORIES", "ATTACHED TO", "AUTHOR", "STATEMENTS"])
      #expect(list.rows.map { $0.prefix(5) } == [["ours.json", "-", "-", "us", "1"]], "\(list)")
      #expect(try await berth.list(["findings", "acme/api:1.0"]).first?["findings"]?.array?.count == 1)
      #expect(try await berth.text("findings", "acme/api:1.0", "--suppressed").contains("component_not_present"))
      #expect(try await berth.text("vex", "remove", "acme", "ours.json") == "Took ours.json away.")
      #expect(try await berth.list(["vex", "list", "acme"]).isEmpty)
      #expect(
        try await berth.refusal("vex", "remove", "acme", "ours.json", code: 5)
          == "berth: acme has no VEX document ours.json")
      #expect(try await berth.refusal("vex", "set", "acme", "nowhere.json", code: 1).contains("No such file"))
    }

    /// Which images, since when, and what is in them.
    private func questions(_ berth: Commands) async throws {
      let affected = try await berth.table("affected", "--package", "openssl", "--below", "3.0.5")
      #expect(affected.rows.map { $0[0] } == ["acme/api", "acme/base"], "\(affected)")
      #expect(try await berth.refusal("affected", "CVE-1999-1", code: 5).contains("no advisory of the name"))
      let changes = try await berth.table("advisories", "changes", "--since", "1h", "--images")
      #expect(changes.heads.suffix(3) == ["IMAGE", "TAGS", "ENVIRONMENTS"] && changes.rows.count == 3, "\(changes)")
      #expect(try await berth.table("inventory", "acme/api:1.0", "--layers").rows.count == 3)
      #expect(try await berth.text("inventory", "acme/api:1.0", "--notices").contains("KIND"))
      #expect(try await berth.text("findings", "acme/api:1.0", "--fixable", "--notices").contains("2 packages"))
      #expect(
        try await berth.text("diff", "acme/base:12", "acme/api:1.0", "--contents").contains("+ deb curl 7.88-1"))
      let some = try await berth.run(["files", "acme/api:1.0", "-n", "1"])
      #expect(some.errors.contains("these are the first 1, and there is more: --count 10"), "\(some.story)")
      #expect(try await berth.refusal("files", "acme/api:1.0", "nowhere", code: 5).contains("there is no nowhere"))
      let bill = try await berth.refusal("sbom", "acme/api:1.0", "--compare", "--attach", code: 64)
      #expect(bill.contains("--compare is about what others attached"), "\(bill)")
    }
  }
}
