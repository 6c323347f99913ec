import Access
import ArgumentParser
import Foundation
import Scanning
import TestSupport
import Testing

@testable import berth

/// How commands that ask a server end, which scripts go by.
@Suite struct `Exit codes` {
  @Test(arguments: [
    (0, ExitCode(2)), (401, ExitCode(2)), (429, ExitCode(2)), (500, ExitCode(2)), (503, ExitCode(2)),
    (507, ExitCode(2)),
    (404, ExitCode(5)), (400, ExitCode(1)), (403, ExitCode(1)), (409, ExitCode(1)), (413, ExitCode(1)),
  ])
  func `tell what kind of refusal it was`(status: Int, code: ExitCode) {
    #expect(RemoteServer.Failure(status: status, description: "").exitCode == code)
    #expect(ExitCode.refused(with: status) == code)
  }

  /// A server that says the same to everything.
  private static func withServer(
    _ status: Int, _ body: String = "{}", _ use: (String) async throws -> Void
  ) async throws {
    let server = try ScriptedHTTPServer { _ in (status, body) }
    defer { server.stop() }
    try await use(server.url)
  }

  private static func code(_ run: () async throws -> Void) async -> ExitCode? {
    do { try await run() } catch { return error as? ExitCode }
    return .success
  }

  private static func promote(_ url: String, _ options: String...) async -> ExitCode? {
    await code {
      try await EnvironmentCommand.Promote.parse(["acme/production", "acme/api:1", "--server", url] + options).run()
    }
  }

  @Test(arguments: [
    ("released", ExitCode(0)), ("unchanged", ExitCode(0)), ("planned", ExitCode(0)), ("pending", ExitCode(4)),
  ])
  func `of a promotion tell whether it waits for others`(outcome: String, code: ExitCode) async throws {
    try await Self.withServer(200, #"{"outcome":"\#(outcome)","release":{"number":7,"approvalsNeeded":2}}"#) { url in
      #expect(await Self.promote(url) == code)
      #expect(await Self.promote(url, "--output", "json") == code)
    }
  }

  @Test(arguments: [("applied", ExitCode(0)), ("pending", ExitCode(4))])
  func `of who agrees tell whether others must too`(state: String, code: ExitCode) async throws {
    try await Self.withServer(200, #"{"number":7,"state":"\#(state)"}"#) { url in
      #expect(
        await Self.code { try await EnvironmentCommand.Approve.parse(["acme/production", "7", "--server", url]).run() }
          == code)
    }
  }

  @Test func `of a promotion that is refused, and of one to what is not there, are others`() async throws {
    let refusal = #"{"detail":"no","failures":[{"rule":"required","message":"was not in staging"}]}"#
    try await Self.withServer(409, refusal) { #expect(await Self.promote($0) == ExitCode(1)) }
    try await Self.withServer(404) { #expect(await Self.promote($0) == ExitCode(5)) }
    try await Self.withServer(503) { #expect(await Self.promote($0) == ExitCode(2)) }
    #expect(await Self.promote("http://127.0.0.1:\(try FreePort.next())") == ExitCode(2), "nobody listens")
  }

  @Test(arguments: [404, 403, 503])
  func `of what compares and judges are 2 for whatever keeps it from that`(status: Int) async throws {
    try await Self.withServer(status) { url in
      let compared = await Self.code {
        try await DiffCommand.parse(["acme/api:1", "acme/api:2", "--exit-code", "--server", url]).run()
      }
      #expect(compared == ExitCode(2))
      let judged = await Self.code { try await FindingsCommand.parse(["acme/api:1", "--server", url]).run() }
      #expect(judged == ExitCode(2))
    }
  }

  // MARK: Registries of any make

  /// A bundle that may be pushed, as far as it is looked at before.
  private static func pushed(to url: String, repository: String = "acme/feeds:1") async throws -> ExitCode? {
    let directory = try temporaryDirectory()
    defer { try? removeTree(directory) }
    let key = try SigningPair.generate()
    let bundle = "\(directory)/advisories.tar"
    try BundleDraft.write(to: bundle, []) { try key.sign($0) }
    return await code {
      try await AdvisoriesCommand.Push.parse(["\(url.dropFirst("http://".count))/\(repository)", bundle]).run()
    }
  }

  private static func verified(_ url: String) async throws -> ExitCode? {
    let directory = try temporaryDirectory()
    defer { try? removeTree(directory) }
    try BundleKeys.generate(at: "\(directory)/k.pem")
    return await code {
      try await AdvisoriesCommand.Verify.parse([
        "oci://\(url.dropFirst("http://".count))/acme/feeds:1", "--trust", "\(directory)/k.pub.pem",
      ]).run()
    }
  }

  @Test(arguments: [(404, ExitCode(5)), (403, ExitCode(1)), (401, ExitCode(2)), (429, ExitCode(2)), (503, ExitCode(2))])
  func `of what asks a registry of any make are the same`(status: Int, code: ExitCode) async throws {
    try await Self.withServer(status) { url in
      let ends = [try await Self.pushed(to: url), try await Self.verified(url)]
      #expect(ends == [code, code])
    }
  }

  @Test func `of a registry that nobody answers for, or that stops in the middle, are 2`() async throws {
    let nobody = "http://127.0.0.1:\(try FreePort.next())"
    #expect(try await Self.pushed(to: nobody) == ExitCode(2))
    #expect(try await Self.verified(nobody) == ExitCode(2))
    let manifest = """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
      "artifactType":"\(BundleManifest.artifactType)",\
      "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:\(String(repeating: "0", count: 64))","size":2},\
      "layers":[{"mediaType":"\(BundleManifest.layerType)","digest":"sha256:\(String(repeating: "1", count: 64))","size":9}]}
      """
    let registry = try ScriptedHTTPServer(answering: { request in
      guard request.target.contains("/blobs/") else { return .init(200, body: Array(manifest.utf8)) }
      return .init(200, body: Array("half".utf8), length: 9)
    })
    defer { registry.stop() }
    #expect(try await Self.verified(registry.url) == ExitCode(2))
  }

  @Test(arguments: [(401, ExitCode(2)), (403, ExitCode(1)), (503, ExitCode(2))])
  func `of a registry whose tokens are refused tell why`(status: Int, code: ExitCode) async throws {
    let registry = try ScriptedHTTPServer(answering: { request in
      guard !request.target.hasPrefix("/token") else { return .init(status) }
      let host = request.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("host: ") }?.dropFirst(6)
      return .init(401, headers: [("WWW-Authenticate", #"Bearer realm="http://\#(host ?? "")/token""#)])
    })
    defer { registry.stop() }
    #expect(try await Self.pushed(to: registry.url) == code)
    #expect(try await Self.verified(registry.url) == code)
  }

  @Test func `are those of the documentation`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
    let section = try #require(text.components(separatedBy: "## Commands in scripts").last)
    let rows = section.components(separatedBy: "\n## ")[0].split(separator: "\n").filter { $0.hasPrefix("| ") }
    let told = rows.compactMap { $0.dropFirst(2).prefix { $0 != " " } }.compactMap { Int32($0) }
    let codes: [ExitCode] = [
      .success, .failure, .couldNotAsk, .answerIsNo, .pending, .notThere, .validationFailure, .wrongConfiguration,
    ]
    #expect(told == codes.map(\.rawValue))
  }
}
