import AsyncHTTPClient
import Ground
import TestSupport
import Testing

@testable import BlobStorage

/// Where an object store is, as its location says.
@Suite struct `The location of an object store` {
  @Test func `names AWS where no endpoint is given, with the bucket in the host`() throws {
    let location = try S3Location(parsing: "s3://my-bucket/some/folder/", environment: ["AWS_REGION": "eu-central-1"])
    #expect(location.host == "my-bucket.s3.eu-central-1.amazonaws.com")
    #expect(location.path("a b") == "/some/folder/a%20b")
    #expect(location.isSecure && location.isAWS && !location.usesPathStyle)
  }

  @Test func `puts a bucket with dots into the path, since no certificate fits it`() throws {
    let location = try S3Location(parsing: "s3://my.bucket")
    #expect(location.host == "s3.us-east-1.amazonaws.com")
    #expect(location.path("k") == "/my.bucket/k")
  }

  @Test func `takes everything that a store of one's own needs`() throws {
    let location = try S3Location(
      parsing: "s3://bucket?endpoint=http://127.0.0.1:8333/&region=local&path-style=false&storage-class=GLACIER"
        + "&sse=aws:kms&sse-kms-key-id=key%2F1&ca-file=/etc/ca.pem")
    #expect(location.host == "bucket.127.0.0.1:8333")
    #expect(location.region == "local" && !location.isSecure && !location.isAWS)
    #expect(location.storageClass == "GLACIER" && location.encryption == "aws:kms")
    #expect(location.encryptionKey == "key/1" && location.caFile == "/etc/ca.pem")
  }

  @Test(arguments: [
    "http://bucket", "s3://", "s3://a", "s3://Bucket", "s3://bucket?endpoint=ftp://x", "s3://bucket?endpoint=http://",
    "s3://bucket?endpoint=http://h/path", "s3://bucket?nothing=1", "s3://bucket?region=",
    "s3://bucket?path-style=maybe",
    "s3://bucket?sse=rot13", "s3://bucket?region=%zz",
  ])
  func `is refused in words where it makes no sense`(text: String) {
    #expect(throws: S3Location.Problem.self) { try S3Location(parsing: text) }
  }
}

/// Credentials from the places that users of AWS have.
@Suite struct `Credentials` {
  private func find(_ environment: [String: String]) async throws -> S3Credentials? {
    let http = HTTPClient(eventLoopGroupProvider: .singleton)
    let chain = S3CredentialsChain.standard(
      environment: environment.merging(["AWS_EC2_METADATA_DISABLED": "true"]) { own, _ in own })
    let outcome: Result<S3Credentials?, any Error>
    do {
      outcome = .success(try await chain.credentials(by: http, at: Timestamp(microseconds: 1_795_442_497_000_000)))
    } catch {
      outcome = .failure(error)
    }
    try await http.shutdown()
    return try outcome.get()
  }

  private func file(_ text: String) throws -> String {
    let path = try temporaryDirectory() + "/file"
    let file = try LocalDisk().open(path, .create)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    return path
  }

  @Test func `come from variables first`() async throws {
    let found = try await find(
      ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"])
    #expect(found == S3Credentials(accessKey: "key", secretKey: "secret", sessionToken: "token"))
    await #expect(throws: S3CredentialsError.self) { try await find(["AWS_ACCESS_KEY_ID": "key"]) }
    let none = try await find([:])
    #expect(none == nil)
  }

  @Test func `come from a profile of the shared file`() async throws {
    let path = try file(
      """
      # ours
      [default]
      aws_access_key_id = one
      aws_secret_access_key=first

      [ci]
      aws_access_key_id = two
      aws_secret_access_key = second
      aws_session_token = t
      """)
    let first = try await find(["AWS_SHARED_CREDENTIALS_FILE": path])
    #expect(first == S3Credentials(accessKey: "one", secretKey: "first"))
    let second = try await find(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "ci"])
    #expect(second == S3Credentials(accessKey: "two", secretKey: "second", sessionToken: "t"))
    await #expect(throws: S3CredentialsError.self) {
      try await find(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "other"])
    }
  }

  @Test func `come from a web identity, by the token service`() async throws {
    let server = try ScriptedHTTPServer { request in
      request.body.contains("WebIdentityToken=jwt") && request.body.contains("Action=AssumeRoleWithWebIdentity")
        ? (
          200,
          """
          <AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
          <AccessKeyId>key</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
          <Expiration>2026-11-24T13:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
          </AssumeRoleWithWebIdentityResponse>
          """
        ) : (403, "<ErrorResponse><Error><Message>no such role</Message></Error></ErrorResponse>")
    }
    let environment = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": try file("jwt\n"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/berth",
      "AWS_ENDPOINT_URL_STS": server.url,
    ]
    let found = try #require(try await find(environment))
    #expect(found.accessKey == "key" && found.sessionToken == "token")
    #expect(found.expiresAt == Timestamp(parsing: "2026-11-24T13:00:00Z"))
    var wrong = environment
    wrong["AWS_WEB_IDENTITY_TOKEN_FILE"] = try file("other")
    let refused = wrong
    await #expect(throws: S3CredentialsError.self) { try await find(refused) }
    server.stop()
  }

  private static let answer = """
    {"AccessKeyId": "key", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2026-11-24T13:00:00Z"}
    """

  @Test func `come from a container's agent`() async throws {
    let server = try ScriptedHTTPServer { request in
      request.head.lowercased().contains("authorization: pass") ? (200, Self.answer) : (403, "")
    }
    let found = try await find([
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/creds", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pass",
    ])
    #expect(found?.accessKey == "key" && found?.sessionToken == "token")
    server.stop()
  }

  @Test func `come from the instance's metadata, with a token of its session`() async throws {
    let server = try ScriptedHTTPServer { request in
      switch (request.method, request.target) {
      case ("PUT", "/latest/api/token"): (200, "session")
      case ("GET", _) where !request.head.contains("session"): (401, "")
      case ("GET", "/latest/meta-data/iam/security-credentials/"): (200, "role-1\n")
      case ("GET", "/latest/meta-data/iam/security-credentials/role-1"): (200, Self.answer)
      default: (404, "")
      }
    }
    let found = try await find([
      "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url,
    ])
    #expect(found?.accessKey == "key" && found?.expiresAt != nil)
    server.stop()
  }

  @Test func `are renewed before they expire, and asked for once however many want them`() async throws {
    struct Source: S3CredentialsSource {
      let calls: Calls
      func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials? {
        await calls.count()
        return S3Credentials(accessKey: "key", secretKey: "secret", expiresAt: now + .seconds(3600))
      }
    }
    actor Calls {
      var number = 0
      func count() { number += 1 }
    }
    let clock = ManualClock()
    let calls = Calls()
    let http = HTTPClient(eventLoopGroupProvider: .singleton)
    let cache = S3CredentialsCache(Source(calls: calls), http: http, time: clock)
    try await withThrowingTaskGroup { group in
      for _ in 0..<20 { group.addTask { _ = try await cache.current() } }
      try await group.waitForAll()
    }
    let first = await calls.number
    #expect(first == 1)
    clock.advance(by: .seconds(3000))
    _ = try await cache.current()
    #expect(await calls.number == first)
    clock.advance(by: .seconds(400))
    _ = try await cache.current()
    #expect(await calls.number == first + 1)
    try await http.shutdown()
  }
}
