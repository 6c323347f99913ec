import Foundation
import Metadata
import TestSupport
import Testing

@testable import Access

/// What a certificate stands for that the handshake has verified; the handshake itself is a test of the whole server.
@Suite struct `Client certificates` {
  /// `O=Acme, CN=builder`, with `DNS:node1.acme.test,DNS:node2.acme.test,URI:spiffe://acme.test/ci,email:ci@acme.test`.
  private static let der =
    "MIIB6zCCAZGgAwIBAgIUWty1U8Udf+8QF8edr7r60A+HQ74wCgYIKoZIzj0EAwIwITENMAsGA1UECgwEQWNtZTEQMA4GA1UEAwwH"
    + "YnVpbGRlcjAeFw0yNjExMjYxNzA4NDhaFw0yNjExMjgxNzA4NDhaMCExDTALBgNVBAoMBEFjbWUxEDAOBgNVBAMMB2J1aWxkZXIw"
    + "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARecVM4dY9Y0nbn3KF4njnIXTyTTn8NKSihnNcj7Y9+i9sUiHaz7WtxJ5sS/sGbFZ1l"
    + "8Kj5YjOxpc+xACZ82bGuo4GmMIGjMB0GA1UdDgQWBBQ/po70OHwhVtCjGveLgsiZF+Uq4jAfBgNVHSMEGDAWgBQ/po70OHwhVtCj"
    + "GveLgsiZF+Uq4jAPBgNVHRMBAf8EBTADAQH/MFAGA1UdEQRJMEeCD25vZGUxLmFjbWUudGVzdIIPbm9kZTIuYWNtZS50ZXN0hhVz"
    + "cGlmZmU6Ly9hY21lLnRlc3QvY2mBDGNpQGFjbWUudGVzdDAKBggqhkjOPQQDAgNIADBFAiA8WD1q6hr1Stjt12MQsVlJkc8b6Dbl"
    + "IXgWJM247K1+PgIhANfZQ+gmaDRquEAHzl232JKDh+HLPGUPsPuaunvZB6cO"

  private static func certificate() throws -> ClientCertificate {
    let bytes = try #require(Data(base64Encoded: der))
    return try #require(ClientCertificate(der: [UInt8](bytes)))
  }

  private static func caller(_ registry: ClosedRegistry) async throws -> Caller {
    try await registry.server.access.authenticator.caller(
      .certificate(try certificate()), address: "192.0.2.1", requestID: "x")
  }

  @Test func `are read with their subject and all their names`() throws {
    let certificate = try Self.certificate()
    #expect(certificate.subject == "CN=builder,O=Acme")
    #expect(certificate.dnsNames == ["node1.acme.test", "node2.acme.test"])
    #expect(certificate.uris == ["spiffe://acme.test/ci"])
    #expect(certificate.emails == ["ci@acme.test"])
    #expect(ClientCertificate(der: []) == nil)
    #expect(ClientCertificate(der: Array("no certificate".utf8)) == nil)
  }

  @Test(arguments: [
    ("subject", "CN=builder,O=Acme"), ("dns", "node1.acme.test"), ("dns", "node2.acme.test"),
    ("uri", "spiffe://acme.test/ci"), ("email", "ci@acme.test"),
  ])
  func `are the robot that is named for their subject or one of their names, whole, until it is not`(
    field: String, value: String
  ) async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      let robot = try await administration.makeRobot(
        "node", in: "acme", role: "writer", pattern: nil, by: registry.admin)
      #expect(try await !Self.caller(registry).isAuthenticated, "nothing is known of it yet")
      try await administration.addCertificate(
        field: field, value: value, to: "node", in: "acme", by: registry.admin)
      let caller = try await Self.caller(registry)
      #expect(caller.accountName == robot)
      #expect(caller.origin.credential == "certificate \(field)=\(value)")
      // Like one with a token that has no scope, which the tables are tested with.
      #expect(!caller.isLimited)
      let rule = try #require(
        try await administration.certificates(of: "node", in: "acme", by: registry.admin).first)
      try await administration.removeCertificate(rule.id, of: "node", in: "acme", by: registry.admin)
      #expect(try await !Self.caller(registry).isAuthenticated)
    }
  }

  @Test(arguments: [
    ("subject", "CN=builder"), ("subject", "O=Acme,CN=builder"), ("subject", "cn=builder,o=acme"),
    ("dns", "builder"), ("dns", "acme.test"), ("dns", "*.acme.test"), ("dns", "NODE1.acme.test"),
    ("dns", "ci@acme.test"), ("uri", "spiffe://acme.test/"), ("email", "node1.acme.test"), ("email", "*"),
  ])
  func `are nobody by anything that is not just so`(field: String, value: String) async throws {
    try await ClosedRegistry.withOne { registry in
      _ = try await registry.administration.makeRobot(
        "node", in: "acme", role: "writer", pattern: nil, by: registry.admin)
      try await registry.administration.addCertificate(
        field: field, value: value, to: "node", in: "acme", by: registry.admin)
      #expect(try await !Self.caller(registry).isAuthenticated)
    }
  }
}
