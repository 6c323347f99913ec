import Foundation
import OCI
import Testing

extension EndToEnd {
  /// What is in an image is what the tools inside it would say.
  @Suite struct ContentsTests {
    private static func advisory(_ number: Int, _ ecosystem: String, _ name: String) -> String {
      let type = ecosystem == "npm" || ecosystem == "Go" ? "SEMVER" : "ECOSYSTEM"
      return #"{"id":"MADE-\#(number)","modified":"2026-11-25T00:00:00Z","affected":[{"package":{"ecosystem":"#
        + #""\#(ecosystem)","name":"\#(name)"},"ranges":[{"type":"\#(type)","events":[{"introduced":"0"}]}]}]}"# + "\n"
    }

    @Test("a Debian with Python, Node, Java and Go that podman pushed has the packages that their own tools count")
    func contents() async throws {
      try await withServer(isOpen: true) { server, workspace in
        let image = try await FullImage.make(in: workspace)
        try await Podman(in: workspace).push(image.layout, to: "\(server.address.authority)/acme/full:1.0")
        func berth(_ arguments: String...) async throws -> ProgramOutcome {
          try await ProgramRunner.run(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        try await eventually(within: 60, "the image is inspected") {
          try await berth("inventory", "acme/full:1.0").text.contains("  inventoried")
        }
        let told = try JSONValue.parse(try await berth("inventory", "acme/full:1.0", "--output", "json").trimmed)
        let contents = told.array?.first?["contents"]?.array ?? []
        func packages(_ type: String) -> [String] {
          contents.filter { $0["type"]?.string == type }
            .map { "\($0["name"]?.string ?? "") \($0["version"]?.string ?? "")" }.sorted()
        }
        #expect(image.debian.count > 20)
        #expect(packages("deb") == image.debian)
        #expect(packages("pypi") == image.python)
        #expect(packages("npm") == image.node)
        #expect(packages("maven") == image.java)
        let modules = packages("golang").filter { !$0.hasPrefix("stdlib ") }
        #expect(modules == image.go)
        #expect(modules.contains { $0.hasPrefix("github.com/seaweedfs/seaweedfs ") }, "its main module")
        #expect(packages("golang").count == modules.count + 1, "and what it was built with")

        for arguments in [
          ["env", "create", "acme/production"], ["env", "promote", "acme/production", "acme/full:1.0"],
        ] {
          try await ProgramRunner.succeed(
            ServerProcess.binary, arguments, environment: ["BERTH_SERVER": server.address.authority])
        }
        let release = String(decoding: try readFile("/etc/os-release"), as: UTF8.self).split(separator: "\n")
        let version = release.first { $0.hasPrefix("VERSION_ID=") }?.dropFirst(11).filter { $0 != "\"" } ?? ""
        let subjects = [
          ("Debian:\(version)", "zlib"), ("PyPI", "six"), ("npm", "@made/right"), ("Maven", "org.made:ship"),
          ("Go", "github.com/seaweedfs/raft"),
        ]
        let records = subjects.enumerated().map { Self.advisory($0 + 1, $1.0, $1.1) }
        let file = try workspace.write(Array(records.joined().utf8), to: "advisories.jsonl")
        let imported = try await berth("advisories", "import", "made", file)
        #expect(imported.text.contains("\(subjects.count) newly affected"), "\(imported.story)")
        let findings = try await berth("findings", "acme/full:1.0")
        for number in 1...subjects.count { #expect(findings.text.contains("MADE-\(number)"), "\(findings.story)") }

        // One more, of something that runs.
        func layersRead() async throws -> String? {
          try await ProgramRunner.succeed("curl", ["-s", "http://\(server.address.authority)/metrics"]).text
            .split(separator: "\n").first { $0.hasPrefix("berth_inspection_layers_total ") }.map { String($0) }
        }
        let before = try await layersRead()
        #expect(before == "berth_inspection_layers_total 2")
        let more = try workspace.write(Array(Self.advisory(9, "PyPI", "idna").utf8), to: "more.jsonl")
        _ = try await berth("advisories", "import", "more", more)
        let changes = try JSONValue.parse(try await berth("advisories", "changes", "--output", "json").trimmed)
        let events = (changes.array ?? []).filter { $0["advisory"]?.string == "MADE-9" }
        #expect(events.count == 1)
        #expect(events.first?["kind"]?.string == "new")
        #expect(events.first?["environments"]?.array?.map(\.string) == ["acme/production"])
        #expect(try await layersRead() == before, "an advisory is no reason to read a layer")
      }
    }
  }
}
