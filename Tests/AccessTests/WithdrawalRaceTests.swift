import Ground
import OCI
import TestSupport
import Testing

@testable import Access

/// Somebody takes back that they agree while the last word that is needed comes on another replica.
@Suite struct `An agreement that is taken back while the last one comes` {
  private static let base = "/api/v1/namespaces/acme/environments"

  private static func ask(
    _ method: String, _ target: String, _ body: String? = nil, by user: String, at replica: RawHTTPClient
  ) async throws -> RawResponse {
    let (name, value) = ClosedRegistry.basic(user)
    let type = body == nil ? [] : [RawField("Content-Type", "application/json")]
    return try await replica.send(
      RawRequest(method, base + target, [RawField(name, value)] + type, body: body.map { .text($0) } ?? .none))
  }

  @Test func `has stopped the release, or is told that it comes too late`() async throws {
    try await ClosedRegistry.withOne(over: .postgresAndObjects) { registry in
      let here = registry.http
      try await registry.withReplica(time: SystemTime()) { there in
        for round in 0..<10 {
          let release = "/e\(round)/releases/1"
          let made = try await Self.ask(
            "POST", "", #"{"name":"e\#(round)","approvals":2,"promoters":["writer"]}"#, by: "owner", at: here)
          try #require(made.status == 201, "\(made)")
          let asked = try await Self.ask(
            "POST", "/e\(round)/promotions", #"{"images":["acme/api:1"]}"#, by: "writer", at: here)
          try #require(asked.json["outcome"] == "pending", "\(asked)")
          let first = try await Self.ask("POST", release + "/approve", "{}", by: "maintainer", at: here)
          try #require(first.json["approvalsCounted"] == 1, "\(first)")

          async let last = Self.ask("POST", release + "/approve", "{}", by: "owner", at: there)
          let taken = try await Self.ask("POST", release + "/withdraw", "{}", by: "maintainer", at: here)
          let isOut = try await last.json["state"] == "applied"
          #expect(taken.status == (isOut ? 409 : 200), "\(taken)")
          let shown = try await Self.ask("GET", release, by: "owner", at: there)
          #expect(shown.json["state"] == (isOut ? "applied" : "pending"), "\(shown)")
          let names = shown.json["approvals"]?.array?.compactMap { $0["by"]?.string }
          #expect(names == (isOut ? ["maintainer", "owner"] : ["owner"]), "\(shown)")
        }
      }
    }
  }
}
