import Access
import Ground
import Metadata
import OCI
import Synchronization
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// A registry over HTTP whose time a test moves.
struct PolicyStage {
  /// Moves both clocks: what is remembered for a second is asked again.
  final class Time: TimeSource {
    private let offset = Mutex<Duration>(.zero)
    private let system = SystemTime()
    var now: Timestamp { system.now + offset.withLock { $0 } }
    var monotonicNanoseconds: Int64 {
      system.monotonicNanoseconds + offset.withLock { $0.components.seconds } * 1_000_000_000
    }
    func sleep(for duration: Duration) async throws { try await system.sleep(for: duration) }
    func advance(by duration: Duration) { offset.withLock { $0 += duration } }
  }

  let inspection: InspectionStage
  let server: TestRegistry
  let http: RawHTTPClient
  let time: Time

  static func run(_ body: (PolicyStage) async throws -> Void) async throws {
    let time = Time()
    let server = try await TestRegistry.start(time: time)
    let http = RawHTTPClient(host: server.host, port: server.port)
    let inspection = InspectionStage(
      registry: server.registry, client: try SimulatedClient(server.registry, "acme/api"))
    let stage = PolicyStage(inspection: inspection, server: server, http: http, time: time)
    _ = try await http(
      "POST", "/api/v1/namespaces", ["Content-Type": "application/json"], body: .text(#"{"name":"acme"}"#))
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(stage)) } catch { outcome = .failure(error) }
    try await http.close()
    try await server.stop()
    try outcome.get()
  }

  func pull(
    _ reference: String, method: String = "GET", _ headers: KeyValuePairs<String, String> = [:]
  ) async throws -> RawResponse {
    time.advance(by: .seconds(2))
    return try await http(method, "/v2/acme/api/manifests/\(reference)", headers)
  }

  func setPolicy(_ json: String) async throws {
    let value = try RuleValue.validated(.policy, try JSONValue.parse(json))
    try await server.registry.database.write {
      try $0.setRule(.policy, on: .everything, of: "acme", to: value, by: "test")
    }
  }

  func send(_ method: String, _ path: String, _ body: String = "") async throws -> RawResponse {
    try await http(
      method, "/api/v1/namespaces/acme/\(path)", ["Content-Type": "application/json"], body: .text(body))
  }

  /// Takes a risk for a day; answers the status.
  func except(_ members: String) async throws -> Int {
    let until = time.now + .seconds(86_400)
    return try await send("POST", "exceptions", #"{"reason":"a test","until":"\#(until)",\#(members)}"#).status
  }

  func records(_ kind: String) async throws -> [AuditRecord] {
    try await server.access.trail.flush()
    return try await server.registry.database.read { transaction in
      var filter = AuditFilter()
      filter.kind = kind
      return try transaction.auditRecords(filter, after: 0, newestFirst: true, limit: 100)
    }
  }
}

/// What is wrong with an image decides whether a client gets it, and what it hears.
@Suite struct `A policy at a pull` {
  private static let key =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + String(repeating: "MIIEowIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL\n", count: 8)
    + "-----END RSA PRIVATE KEY-----\n"

  private static func system(_ version: String, _ files: [(String, String)]) -> SampleBlob {
    InspectionStage.layer([("etc/os-release", "ID=debian\nVERSION_ID=\"\(version)\"\n")] + files)
  }

  private static let mended = [("var/lib/dpkg/status", InspectionStage.package("curl", "8.0-1"))]

  /// Images with one thing wrong each, and `good`.
  private static func fill(_ stage: PolicyStage) async throws {
    _ = try await stage.inspection.push([InspectionStage.base], as: .sample("flawed"))
    _ = try await stage.inspection.push([system("12", mended)], as: .sample("good"))
    _ = try await stage.inspection.push([system("10", mended)], as: .sample("old"))
    _ = try await stage.inspection.push([system("12", mended + [("root/.ssh/id_rsa", key)])], as: .sample("key"))
    try await stage.inspection.inspect()
    try await stage.inspection.bring([InspectionStage.advisory()])
    try await stage.server.registry.database.write { transaction in
      try transaction.lockInspection()
      _ = try transaction.replaceExploited(
        [.init(name: "CVE-2026-1", added: "2026-02-01", due: nil, note: "")], feed: "kev")
      try transaction.writeScores([(name: "CVE-2026-1", epss: 500_000, percentile: 990_000)])
    }
    _ = try await stage.inspection.push([system("12", mended + [("new", "")])], as: .sample("unread"))
  }

  @Test func `refuses or warns by each of its conditions, and says why`() async throws {
    try await PolicyStage.run { stage in
      try await Self.fill(stage)
      for (condition, tag, rule, reason) in [
        (#""severity":"high""#, "flawed", "severity", "of severity high or worse"),
        (#""severity":"high","onlyFixable":true"#, "flawed", "severity", "fixed in 8.0-1"),
        (#""exploited":true"#, "flawed", "exploited", "known to be exploited"),
        (#""epssPercentAbove":49"#, "flawed", "epss", "above 49 %"),
        (#""unscanned":true"#, "unread", "unscanned", "not read yet"),
        (#""endOfLife":true"#, "old", "end-of-life", "gets no updates any more"),
        (#""secret":true"#, "key", "secret", "root/.ssh/id_rsa"),
      ] {
        try await stage.setPolicy(#"{"at":["pull"],"block":{\#(condition)}}"#)
        let refused = try await stage.pull(tag)
        #expect(refused.status == 403, "\(condition): \(refused)")
        #expect(refused.text.contains(reason) && refused.text.contains(rule), "\(condition): \(refused.text)")
        #expect(try await stage.pull(tag, method: "HEAD").status == 200, "\(condition)")
        let good = try await stage.pull("good")
        #expect(good.status == 200 && good.first("Warning") == nil, "\(condition): \(good)")

        try await stage.setPolicy(#"{"at":["pull"],"warn":{\#(condition)}}"#)
        let warned = try await stage.pull(tag)
        #expect(warned.status == 200, "\(condition): \(warned)")
        let warning = warned.first("Warning") ?? ""
        #expect(warning.hasPrefix("299 - \"") && warning.contains(reason), "\(condition): \(warning)")
        let records = try await stage.records("policy.warning")
        #expect(records.first?.target == "acme/api" && records.first?.detail.contains(rule) ?? false, "\(condition)")
      }
      // What is only above, and what is only asked at promotions, is let through.
      for policy in [
        #"{"at":["pull"],"block":{"epssPercentAbove":50}}"#, #"{"at":["promotion"],"block":{"severity":"low"}}"#,
      ] {
        try await stage.setPolicy(policy)
        #expect(try await stage.pull("flawed").status == 200, "\(policy)")
      }
    }
  }

  @Test func `refuses the HEAD of Docker's engine too, which then shows why, and nobody else's`() async throws {
    try await PolicyStage.run { stage in
      try await Self.fill(stage)
      try await stage.setPolicy(#"{"at":["pull"],"block":{"severity":"high"}}"#)
      let (image, index) = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json")
      let engine = "docker/20.10.24+dfsg1 go/go1.19.8 os/linux arch/amd64"
      func status(_ tag: String, _ fields: KeyValuePairs<String, String>) async throws -> Int {
        try await stage.pull(tag, method: "HEAD", fields).status
      }
      #expect(try await status("flawed", ["User-Agent": engine, "Accept": image, "Accept": index]) == 403)
      #expect(try await status("good", ["User-Agent": engine, "Accept": image, "Accept": index]) == 200)
      // The GET that comes after it is the refused pull: a record of each would count it twice.
      #expect(try await stage.records("pull").isEmpty)
      // With containerd's image store; containerd itself; a client that takes what it knows.
      for (agent, accept) in [(engine, "\(image), */*"), ("containerd/1.6.20", "\(image), */*"), ("oras-go", image)] {
        #expect(try await status("flawed", ["User-Agent": agent, "Accept": accept]) == 200, "\(agent)")
      }
    }
  }

  @Test func `waits as long as a finding may be known, and blocks some and warns of others at once`() async throws {
    try await PolicyStage.run { stage in
      try await Self.fill(stage)
      try await stage.setPolicy(
        #"{"at":["pull"],"block":{"severity":"high","graceDays":3},"warn":{"severity":"high"}}"#)
      let early = try await stage.pull("flawed")
      #expect(early.status == 200)
      #expect(early.first("Warning")?.contains("CVE-2026-1") ?? false, "\(early)")
      stage.time.advance(by: .seconds(4 * 86_400))
      let late = try await stage.pull("flawed")
      #expect(late.status == 403, "\(late)")
      #expect(try await stage.records("pull").contains { $0.detail.contains("severity") })
    }
  }

  @Test func `of an environment is asked of what it runs, by whatever name, and named`() async throws {
    try await PolicyStage.run { stage in
      try await Self.fill(stage)
      let flawed = InspectionStage.layer([("x", "")])
      let child = try await stage.inspection.push([InspectionStage.base, flawed], as: .sample("child"))
      let index = SampleManifest.index([child])
      try await stage.inspection.client.push(index, tags: [.sample("multi")])
      try await stage.inspection.inspect()
      let made = try await stage.send(
        "POST", "environments", #"{"name":"production","policy":{"at":["pull"],"block":{"severity":"high"}}}"#)
      #expect(made.status == 201, "\(made)")
      #expect(made.text.contains(#""at":["pull"]"#), "\(made.text)")
      func promote(_ tag: String) async throws {
        let answer = try await stage.send(
          "POST", "environments/production/promotions", #"{"images":["acme/api:\#(tag)"]}"#)
        #expect((200...202).contains(answer.status), "\(answer)")
      }
      #expect(try await stage.pull("flawed").status == 200, "nothing runs yet")
      try await promote("flawed")
      let digest = try #require(try await stage.pull("flawed", method: "HEAD").first("Docker-Content-Digest"))
      for name in ["production", "flawed", digest] {
        let refused = try await stage.pull(name)
        #expect(refused.status == 403 && refused.text.contains("for environment production, it has"), "\(refused)")
      }
      for name in ["child", "good"] { #expect(try await stage.pull(name).status == 200, "\(name)") }
      // An index is given out, and the images in it are asked about.
      try await promote("multi")
      #expect(try await stage.pull("production").status == 200)
      #expect(try await stage.pull(child.digest.description).status == 403)
      #expect(try await stage.pull("flawed").status == 200, "it does not run any more")
      let changed = try await stage.send(
        "PATCH", "environments/production", #"{"policy":{"at":["promotion"],"block":{"severity":"high"}}}"#)
      #expect(changed.status == 200, "\(changed)")
      #expect(try await stage.pull(child.digest.description).status == 200)
      let refused = try await stage.send(
        "POST", "environments/production/promotions", #"{"images":["acme/api:flawed"]}"#)
      #expect(refused.text.contains("for environment production, it has"), "\(refused.text)")
    }
  }

  @Test func `lets through what somebody took the risk of, and no more than that`() async throws {
    try await PolicyStage.run { stage in
      try await Self.fill(stage)
      try await stage.setPolicy(
        #"{"at":["pull"],"block":{"severity":"high","endOfLife":true,"secret":true,"unscanned":true}}"#)
      func status(_ name: String) async throws -> Int { try await stage.pull(name).status }
      for (members, tag) in [
        // No advisories are here for what is old: that is not judged either.
        (#""rule":"unscanned""#, "unread"), (#""rule":"endOfLife","pattern":"acme/api""#, "old"),
        (#""rule":"secret","image":"acme/api:key""#, "key"), (#""image":"acme/api:flawed","package":"curl""#, "flawed"),
      ] {
        #expect(try await status(tag) == 403, "\(tag)")
        #expect(try await stage.except(#""image":"acme/api:\#(tag)""#.replacing("flawed", with: "good")) == 201)
        #expect(try await status(tag) == 403, "an image alone is its findings, and of another image nothing: \(tag)")
        #expect(try await stage.except(members) == 201, "\(members)")
        #expect(try await status(tag) == 200, "\(members)")
      }
      // A tag means what it points to.
      let digest = try #require(try await stage.pull("flawed", method: "HEAD").first("Docker-Content-Digest"))
      let other = try await stage.inspection.push([InspectionStage.base, Self.system("12", [])], as: .sample("flawed"))
      try await stage.inspection.inspect()
      #expect(try await status("flawed") == 200)
      #expect(try await status(digest) == 403)
      #expect(try await stage.except(#""image":"acme/api@\#(digest)","vulnerability":"CVE-2026-1""#) == 201)
      #expect(try await status(digest) == 200)
      #expect(other.digest.description != digest)
      for wrong in [
        #""rule":"severity""#, #""rule":"secret","package":"curl""#, #""image":"other/api:1""#, #""image":"acme/api""#,
        #""image":"acme/api:1","pattern":"acme/*""#, #""pattern":"acme/api""#,
      ] { #expect(try await stage.except(wrong) == 400, "\(wrong)") }
      let listed = try await stage.send("GET", "exceptions").text
      #expect(listed.contains(#""rule":"secret""#) && listed.contains(#""image":"acme/api:key""#), "\(listed)")
    }
  }
}
