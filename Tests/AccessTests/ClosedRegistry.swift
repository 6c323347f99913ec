import Foundation
import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// A registry with accounts, one for each role, over HTTP.
struct ClosedRegistry {
  let server: TestRegistry
  let http: RawHTTPClient
  let issuer: TestIssuer
  let admin: Caller
  /// What it works over, where others may work over it too.
  let installation: TestInstallation?

  static let password = "a-password-of-tests"
  /// With a role on all of `acme`.
  static let roles = Role.allCases

  /// The threads of the runtime are as few as the cores; a test of many small steps that queued there behind those that
  /// compute would take minutes.
  private static let workers = WorkerPool(name: "access-tests", threads: 4)

  /// - Parameters:
  ///   - time: the registry's clock.
  ///   - patience: how long issuers and providers may take to answer.
  static func withOne(
    over kind: TestInstallation.Kind = .sqliteAndFiles, time: any TimeSource = SystemTime(),
    patience: Duration = .seconds(120), _ change: (inout AccessSettings) -> Void = { _ in },
    _ body: (ClosedRegistry) async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(workers) {
      try await start(over: kind, time: time, patience: patience, change, body)
    }
  }

  private static func start(
    over kind: TestInstallation.Kind, time: any TimeSource, patience: Duration,
    _ change: (inout AccessSettings) -> Void, _ body: (ClosedRegistry) async throws -> Void
  ) async throws {
    let issuer = try TestIssuer()
    var settings = AccessSettings()
    settings.service = "registry.test"
    settings.jobIssuers = [issuer.url]
    change(&settings)
    let installation = kind == .sqliteAndFiles ? nil : try await TestInstallation(kind)
    let network = NetworkHTTP(timeout: patience)
    let server = try await TestRegistry.start(over: installation, time: time, access: .closed(settings, network))
    let http = RawHTTPClient(host: server.host, port: server.port)
    let admin = try await server.access.authenticator.caller(
      .basic(user: "admin", password: TestRegistry.adminPassword), address: "test", requestID: "test")
    let registry = ClosedRegistry(
      server: server, http: http, issuer: issuer, admin: admin, installation: installation)
    try await registry.populate()
    do {
      try await body(registry)
    } catch {
      try await registry.end(network, installation)
      throw error
    }
    try await registry.end(network, installation)
  }

  private func end(_ network: NetworkHTTP, _ installation: TestInstallation?) async throws {
    try await http.close()
    try await server.stop()
    await network.close()
    try installation?.remove()
  }

  /// Starts another replica beside this one, and stops it at the end.
  func withReplica(time: any TimeSource, _ body: (RawHTTPClient) async throws -> Void) async throws {
    let shared: TestInstallation = try #require(installation)
    let replica = try await TestRegistry.start(
      over: shared, time: time, access: .closed(server.access.settings, NoNetwork()))
    let client = RawHTTPClient(host: replica.host, port: replica.port)
    do { try await body(client) } catch {
      try await client.close()
      try await replica.stop()
      throw error
    }
    try await client.close()
    try await replica.stop()
  }

  var administration: Administration { server.access.administration }

  private func populate() async throws {
    try await administration.makeNamespace("acme", isPublic: false, owner: nil, by: admin)
    for name in Self.roles.map(\.rawValue) + ["stranger"] {
      try await administration.makeUser(name, password: Self.password, siteRole: nil, by: admin)
    }
    try await administration.makeUser("auditor", password: Self.password, siteRole: .auditor, by: admin)
    for role in Self.roles {
      try await administration.grant(
        role.rawValue, to: .account(role.rawValue), on: "acme", pattern: nil, by: admin)
    }
    try await pushImage("acme/api", "1")
  }

  // MARK: Asking

  static func basic(_ user: String, _ password: String = password) -> (String, String) {
    ("Authorization", "Basic " + Data("\(user):\(password)".utf8).base64EncodedString())
  }

  static var admin: (String, String) { basic("admin", TestRegistry.adminPassword) }

  func ask(
    _ method: String, _ target: String, as credential: (String, String)? = nil, _ fields: [(String, String)] = [],
    body: RawBody = .none
  ) async throws -> RawResponse {
    let all = (credential.map { [$0] } ?? []) + fields
    return try await http.send(RawRequest(method, target, all.map { RawField($0.0, $0.1) }, body: body))
  }

  func api(
    _ method: String, _ target: String, as credential: (String, String)? = nil, _ json: String? = nil
  ) async throws -> RawResponse {
    let type = json == nil ? [] : [("Content-Type", "application/json")]
    // With a cookie it is a page of ours that asks, as browsers tell.
    let site = credential?.0 == "Cookie" ? [("Sec-Fetch-Site", "same-origin")] : []
    return try await ask(method, target, as: credential, type + site, body: json.map { .text($0) } ?? .none)
  }

  /// A token of the token endpoint, as a header.
  func bearer(_ scope: String, as credential: (String, String)? = nil) async throws -> (String, String) {
    let answer = try await ask("GET", "/token?service=registry.test&scope=\(scope)", as: credential)
    try #require(answer.status == 200, "\(answer)")
    return ("Authorization", "Bearer \(try #require(answer.json["token"]?.string))")
  }

  /// What a browser shows once somebody has logged in on the page, as a header.
  func session(of user: String, password: String = password) async throws -> (String, String) {
    let answer = try await ask(
      "POST", "/auth/login", as: nil,
      [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")],
      body: .text("user=\(user)&password=\(password)"))
    let cookie = try #require(answer.first("Set-Cookie"), "\(answer)")
    return ("Cookie", String(cookie.prefix { $0 != ";" }))
  }

  func post(form: KeyValuePairs<String, String>) async throws -> RawResponse {
    let text = form.map { "\($0.key)=\(PercentCoding.encoded($0.value))" }.joined(separator: "&")
    return try await ask(
      "POST", "/token", nil, [("Content-Type", "application/x-www-form-urlencoded")], body: .text(text))
  }

  private func ask(
    _ method: String, _ target: String, _: Int?, _ fields: [(String, String)], body: RawBody
  ) async throws -> RawResponse { try await ask(method, target, as: nil, fields, body: body) }

  // MARK: Content

  static let config = Array("{}".utf8)
  static let configDigest = Digest.ofTest(config)
  static let manifest = Array(
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(configDigest)","size":2},"layers":[]}"#
      .utf8)
  static let manifestDigest = Digest.ofTest(manifest)

  func pushImage(_ name: String, _ tag: String) async throws {
    let blob = try await ask(
      "POST", "/v2/\(name)/blobs/uploads/?digest=\(Self.configDigest)", as: Self.admin, body: .bytes(Self.config))
    try #require(blob.status == 201, "\(blob)")
    try await pushManifest(Self.manifest, name, tag)
  }

  /// Pushes what is taken for an image that has not been inspected, of the blob that ``pushImage(_:_:)`` has pushed.
  func pushUnreadImage(_ name: String, _ tag: String) async throws {
    let image = String(decoding: Self.manifest, as: UTF8.self)
      .replacing("application/vnd.oci.empty.v1+json", with: "application/vnd.oci.image.config.v1+json")
    try await pushManifest(Array(image.utf8), name, tag)
  }

  private func pushManifest(_ bytes: [UInt8], _ name: String, _ tag: String) async throws {
    let pushed = try await ask(
      "PUT", "/v2/\(name)/manifests/\(tag)", as: Self.admin,
      [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(bytes))
    try #require(pushed.status == 201, "\(pushed)")
  }
}

extension Digest {
  static func ofTest(_ bytes: [UInt8]) -> Digest {
    SampleBlob(bytes).digest
  }
}

extension RawResponse {
  var json: JSONValue { body.withUnsafeBytes { (try? JSONValue.parse($0)) ?? .null } }
  var errorCode: String? { json["errors"]?.array?.first?["code"]?.string }
}
