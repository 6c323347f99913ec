import Foundation
import Ground
import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// How requests look on the wire, by what the location says.
@Suite struct `A request to an object store` {
  private static let keys = S3Credentials(accessKey: "key", secretKey: "secret")

  private static func server() throws -> ScriptedHTTPServer {
    try ScriptedHTTPServer(answering: { request in
      let body = request.target.contains("uploads=") ? "<R><UploadId>one</UploadId></R>" : ""
      return .init(200, headers: [("ETag", "\"tag\"")], body: Array(body.utf8))
    })
  }

  private static func header(_ name: String, of request: ScriptedHTTPServer.Request) -> String? {
    request.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }
      .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
  }

  /// The signature that the headers of a request, its host among them, should have.
  private static func signature(
    of request: ScriptedHTTPServer.Request, path: String, at time: Timestamp
  ) throws -> String? {
    let names = try #require(header("authorization", of: request)?.split(separator: "SignedHeaders=").last)
      .prefix { $0 != "," }.split(separator: ";").map { String($0) }
    #expect(names.contains("host"))
    let own = try names.filter { $0 != "x-amz-date" && $0 != "x-amz-content-sha256" }
      .map { ($0, try #require(header($0, of: request))) }
    let signer = S3Signer(credentials: keys, region: "us-east-1")
    return signer.headers(
      method: request.method, path: path, query: [], headers: own,
      payloadHash: try #require(header("x-amz-content-sha256", of: request)), at: time
    ).first { $0.0 == "authorization" }?.1
  }

  @Test(arguments: [true, false])
  func `names the bucket in its path or in its host, and is signed for it`(isPath: Bool) async throws {
    let server = try Self.server()
    defer { server.stop() }
    let port = try #require(server.url.split(separator: ":").last)
    let endpoint = "http://objects.test:\(port)"
    var settings = S3Settings(
      location: try S3Location(parsing: "s3://my-bucket/folder?endpoint=\(endpoint)&path-style=\(isPath)"))
    settings.addresses = ["objects.test": "127.0.0.1", "my-bucket.objects.test": "127.0.0.1"]
    let clock = ManualClock()
    let client = try S3Client(settings, credentials: Self.keys, time: clock)
    try await client.put(ByteBuffer(string: "content"), to: "blobs/a b", sha256: nil)
    _ = try? await client.list(prefix: "blobs/", after: nil, limit: 5)
    let url = try await client.signedURL(of: "blobs/c", lifetime: .seconds(60))
    try await client.shutdown()

    let host = isPath ? "objects.test:\(port)" : "my-bucket.objects.test:\(port)"
    let root = isPath ? "/my-bucket" : ""
    let requests = server.requests
    #expect(requests.allSatisfy { Self.header("host", of: $0) == host })
    #expect(requests.first?.target == "\(root)/folder/blobs/a%20b")
    #expect(requests.last?.target.hasPrefix(isPath ? "/my-bucket?list-type=2" : "/?list-type=2") == true)
    #expect(url.hasPrefix("http://\(host)\(root)/folder/blobs/c?"))
    let put = try #require(requests.first)
    let expected = try Self.signature(of: put, path: "\(root)/folder/blobs/a%20b", at: clock.now)
    #expect(Self.header("authorization", of: put) == expected)
  }

  @Test func `asks for a storage class and encryption where an object is made, and nowhere else`() async throws {
    let server = try Self.server()
    defer { server.stop() }
    let location = "s3://bucket?endpoint=\(server.url)&storage-class=STANDARD_IA&sse=aws:kms&sse-kms-key-id=key%2F1"
    let client = try S3Client(S3Settings(location: try S3Location(parsing: location)), credentials: Self.keys)
    try await client.put(ByteBuffer(string: "content"), to: "whole", sha256: nil)
    let upload = try await client.beginParts(of: "parts")
    let receipt = try await client.putPart(ByteBuffer(string: "part"), 1, of: "parts", upload: upload)
    try? await client.completeParts(
      of: "parts", upload: upload, parts: [.init(number: 1, entityTag: receipt, sizeBytes: 4)])
    try await client.shutdown()

    for request in server.requests {
      let isMaking = request.target == "/bucket/whole" || request.target.contains("uploads=")
      #expect(Self.header("x-amz-storage-class", of: request) == (isMaking ? "STANDARD_IA" : nil))
      #expect(Self.header("x-amz-server-side-encryption", of: request) == (isMaking ? "aws:kms" : nil))
      #expect(Self.header("x-amz-server-side-encryption-aws-kms-key-id", of: request) == (isMaking ? "key/1" : nil))
    }
    #expect(server.requests.count == 4)
    // What the store is to check, and what it wants to hear again.
    let checksum = try #require(S3PartReceipt(receipt).sha256)
    #expect(Self.header("x-amz-checksum-algorithm", of: server.requests[1]) == "SHA256")
    #expect(Self.header("x-amz-checksum-sha256", of: server.requests[2]) == checksum)
    #expect(
      server.requests[3].body.contains("<ETag>&quot;tag&quot;</ETag><ChecksumSHA256>\(checksum)</ChecksumSHA256>"))
  }

  @Test func `trusts the authority of its file over TLS, and no other`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    for name in ["ours", "other"] {
      try Self.openssl([
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)", "-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).crt",
      ])
    }
    let server = TestRegistry.Certificate(
      certificatePath: directory + "/server.crt", keyPath: directory + "/server.key")
    try Self.openssl([
      "req", "-x509", "-CA", directory + "/ours.crt", "-CAkey", directory + "/ours.key", "-newkey", "ec", "-pkeyopt",
      "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
      "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", server.keyPath, "-out",
      server.certificatePath,
    ])
    // Any server of HTTP over TLS will do: it knows no such object, which is an answer.
    let peer = try await TestRegistry.start(certificate: server)
    func size(_ parameters: String) async throws -> Int64? {
      var settings = S3Settings(
        location: try S3Location(parsing: "s3://bucket?endpoint=https://127.0.0.1:\(peer.port)\(parameters)"))
      settings.retryTimeout = .zero
      let client = try S3Client(settings, credentials: Self.keys)
      let outcome: Result<Int64?, any Error>
      do { outcome = .success(try await client.size(of: "key")) } catch { outcome = .failure(error) }
      try await client.shutdown()
      return try outcome.get()
    }
    #expect(try await size("&ca-file=\(directory)/ours.crt") == nil)
    for parameters in ["", "&ca-file=\(directory)/other.crt"] {
      do {
        _ = try await size(parameters)
        Issue.record("a certificate of an unknown authority was trusted")
      } catch ObjectStoreError.unavailable(let reason) {
        #expect(reason.lowercased().contains("certificate"), "\(reason)")
      }
    }
    try await peer.stop()
  }

  private static func openssl(_ arguments: [String]) throws {
    guard try FinishedProgram("openssl", arguments).status == 0 else {
      throw NotSeen(description: "openssl \(arguments)")
    }
  }
}
