import ArgumentParser
import OCI
import Testing

@testable import berth

/// What is printed of findings, and what a command fails on.
@Suite struct `Findings on the command line` {
  private static func image(
    state: String = "inventoried", reason: JSONValue = nil, platform: JSONValue = nil, unjudged: JSONValue = nil,
    findings: [JSONValue] = [], notices: [JSONValue] = []
  ) -> JSONValue {
    [
      "image": "acme/api@sha256:00", "platform": platform, "state": .string(state), "reason": reason,
      "unjudged": unjudged, "findings": .array(findings), "notices": .array(notices),
    ]
  }

  private static func finding(_ severity: String, suppressed: JSONValue = nil) -> JSONValue {
    [
      "vulnerability": "CVE-2026-1", "type": "deb", "package": "curl", "version": "1", "severity": .string(severity),
      "paths": ["var/lib/dpkg/status"], "suppressed": suppressed,
    ]
  }

  private static let key: JSONValue = [
    "kind": "secret", "path": "root/.ssh/id_rsa", "detail": "private-key", "layer": 0, "hidden": true,
  ]
  private static let su: JSONValue = [
    "kind": "setuid", "path": "usr/bin/su", "detail": "", "layer": 0, "hidden": false,
  ]

  private static func fails(_ image: JSONValue, on words: String...) -> Bool {
    InspectedReport(image) { _ in true }.fails(words.compactMap { FailCondition(argument: $0) })
  }

  @Test func `fail a command that is to fail on their severity, or on a secret, or when nothing can be said`() {
    #expect(Self.fails(Self.image(findings: [Self.finding("high")]), on: "high"))
    #expect(!Self.fails(Self.image(findings: [Self.finding("high")]), on: "critical"))
    #expect(!Self.fails(Self.image(findings: [Self.finding("high", suppressed: ["by": "vex"])]), on: "low"))
    #expect(Self.fails(Self.image(notices: [Self.key]), on: "critical", "secret"))
    #expect(!Self.fails(Self.image(notices: [Self.key, Self.su]), on: "low", "world-writable"))
    #expect(Self.fails(Self.image(notices: [Self.su]), on: "setuid"))
    #expect(Self.fails(Self.image(unjudged: "no advisories are here for Debian:12"), on: "critical"))
    #expect(!Self.fails(Self.image(unjudged: "no advisories are here for Debian:12"), on: "secret"))
    for state in ["waiting", "failed", "beyond-limit"] {
      #expect(Self.fails(Self.image(state: state), on: "critical"))
      #expect(Self.fails(Self.image(state: state), on: "secret"))
    }
    #expect(!Self.fails(Self.image(state: "none"), on: "low", "secret"))
    #expect(!Self.fails(Self.image(state: "not-here"), on: "low", "secret"))
    #expect(!InspectedReport(Self.image(state: "not-here")) { _ in true }.isHere)
    #expect(FailCondition(argument: "unreadable") == nil)
  }

  private static func run(_ images: [JSONValue]) -> JSONValue? { SARIF.log(of: images)["runs"]?.array?.first }

  @Test func `are in SARIF with secrets, each under a fingerprint of its own`() {
    let images = ["linux/amd64", "linux/arm64"].map { platform in
      Self.image(
        platform: .string(platform), findings: [Self.finding("high"), Self.finding("high")],
        notices: [Self.key, Self.su])
    }
    let results = Self.run(images)?["results"]?.array ?? []
    #expect(
      results.prefix(4).map { $0["ruleId"]?.string } == ["CVE-2026-1", "CVE-2026-1", "secret/private-key", "setuid"])
    #expect(results.prefix(4).map { $0["level"]?.string } == ["error", "error", "error", "none"])
    #expect(results.prefix(4).map { $0["ruleIndex"]?.integer } == [0, 0, 1, 2])
    let prints = results.compactMap { $0["partialFingerprints"]?["berth/v1"]?.string }
    #expect(Set(prints).count == 8, "\(prints)")
    #expect(Self.run(images)?["invocations"]?.array?.first?["executionSuccessful"]?.bool == true)
  }

  @Test func `tell how likely they are to be exploited, in the table in percent and in SARIF as properties`() {
    func likely(_ millionths: JSONValue, since day: JSONValue = nil) -> JSONValue {
      var object = Self.finding("high").object ?? JSONObject()
      object.append("epss", millionths)
      object.append("exploitedSince", day)
      return .object(object)
    }
    for (millionths, text) in [(942_410, "94.2%"), (999_960, "100.0%"), (500, "0.1%"), (499, "<0.1%")] {
      #expect(InspectedReport.withChance(likely(.integer(Int64(millionths))))["chance"]?.string == text)
    }
    #expect(InspectedReport.withChance(likely(nil))["chance"] == nil)

    let run = Self.run([Self.image(findings: [likely(942_410, since: "2026-01-02")])])
    let rule = run?["tool"]?["driver"]?["rules"]?.array?.first?["properties"]
    #expect(rule?["tags"]?.array == ["vulnerability", "high", "exploited"])
    for properties in [rule, run?["results"]?.array?.first?["properties"]] {
      #expect(properties?["epss"] == .number(0.94241))
      #expect(properties?["exploitedSince"] == "2026-01-02")
    }
    let silent = Self.run([Self.image(findings: [Self.finding("high")])])
    #expect(silent?["results"]?.array?.first?["properties"] == nil)
  }

  @Test func `are in SARIF no clean run when an image cannot be judged`() {
    for (image, words) in [
      (Self.image(state: "waiting"), "waiting: it is not read yet"),
      (Self.image(state: "failed", reason: "cut off"), "failed: cut off"),
      (Self.image(unjudged: "no advisories are here for Go"), "no advisories are here for Go"),
    ] {
      let invocation = Self.run([image])?["invocations"]?.array?.first
      #expect(invocation?["executionSuccessful"]?.bool == false)
      let said = invocation?["toolExecutionNotifications"]?.array?.first?["message"]?["text"]?.string
      #expect(said == "acme/api@sha256:00: \(words)")
    }
    #expect(Self.run([])?["invocations"]?.array?.first?["executionSuccessful"]?.bool == false)
  }

  @Test func `are asked for by words that are known`() throws {
    let command = try FindingsCommand.parse(["acme/api:1", "--fail-on", "high", "--fail-on", "secret"])
    #expect(command.view.failOn.count == 2)
    for words in [["--fail-on", "bogus"], ["--severity", "secret"]] {
      #expect(throws: (any Error).self) { try FindingsCommand.parse(["acme/api:1"] + words) }
    }
    #expect(throws: (any Error).self) { try InventoryCommand.parse(["acme/api:1", "--type", "bogus"]) }
    #expect(throws: (any Error).self) { try PolicyCommand.Set.parse(["acme", "--block", "bogus"]) }
    for word in ["unknown", "negligible"] {
      _ = try PolicyCommand.Set.parse(["acme", "--block", word])
      _ = try FindingsCommand.parse(["acme/api:1", "--fail-on", word])
    }
    #expect(counted(1, "statement") == "1 statement")
    #expect(counted(2, "time") == "2 times")
  }
}
