internal import AsyncHTTPClient
internal import Ground
internal import NIOCore
internal import NIOHTTP1
internal import OCI

// Credentials that a platform hands to what runs on it, for a while.

/// A token file and a role: what Kubernetes gives a service account (STS, AssumeRoleWithWebIdentity).
struct S3WebIdentityCredentials: S3CredentialsSource {
  let environment: [String: String]

  func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials? {
    guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] else {
      return nil
    }
    guard let token = LocalDisk.smallFile(file) else {
      throw S3CredentialsError("the web identity token \(file) cannot be read")
    }
    let region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
    let standard = region.map { "https://sts.\($0).amazonaws.com" } ?? "https://sts.amazonaws.com"
    let endpoint = environment["AWS_ENDPOINT_URL_STS"] ?? standard
    let query = S3Signer.canonical([
      ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
      ("RoleSessionName", environment["AWS_ROLE_SESSION_NAME"] ?? "berth"),
      ("WebIdentityToken", String(token.filter { !$0.isWhitespace })),
    ])
    var request = HTTPClientRequest(url: endpoint + "/")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
    request.body = .bytes(ByteBuffer(string: query))
    let (status, bytes) = try await fetch(request, by: http, "the security token service")
    let document = S3XML.parse(bytes)
    guard status == 200, let found = document?.find("Credentials"), let key = found["AccessKeyId"],
      let secret = found["SecretAccessKey"]
    else {
      let why = document?.find("Error")?["Message"] ?? "status \(status)"
      throw S3CredentialsError("the security token service gave no credentials for \(role): \(why)")
    }
    return S3Credentials(
      accessKey: key, secretKey: secret, sessionToken: found["SessionToken"],
      expiresAt: found["Expiration"].flatMap { Timestamp(parsing: $0) })
  }
}

/// What a container's agent gives (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`).
struct S3ContainerCredentials: S3CredentialsSource {
  let environment: [String: String]

  func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials? {
    let url: String
    if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      url = "http://169.254.170.2\(relative)"
    } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      url = full
    } else {
      return nil
    }
    var request = HTTPClientRequest(url: url)
    let token =
      environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
      ?? environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].flatMap { LocalDisk.smallFile($0) }
    if let token { request.headers.add(name: "authorization", value: String(token.filter { !$0.isNewline })) }
    let (status, bytes) = try await fetch(request, by: http, "the container's credentials")
    guard status == 200, let found = S3Credentials(json: bytes) else {
      throw S3CredentialsError("the container's credentials cannot be had: status \(status)")
    }
    return found
  }
}

/// What the metadata service of an instance gives (IMDSv2).
struct S3InstanceCredentials: S3CredentialsSource {
  let environment: [String: String]

  func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials? {
    guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
    let base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
    var question = HTTPClientRequest(url: "\(base)/latest/api/token")
    question.method = .PUT
    question.headers.add(name: "x-aws-ec2-metadata-token-ttl-seconds", value: "21600")
    // Elsewhere nobody answers: that is no fault, there are no such credentials.
    guard let (status, token) = try? await fetch(question, by: http, "the instance", within: .seconds(1)), status == 200
    else { return nil }
    func get(_ path: String) async throws -> [UInt8]? {
      var request = HTTPClientRequest(url: "\(base)/latest/meta-data/iam/security-credentials/\(path)")
      request.headers.add(name: "x-aws-ec2-metadata-token", value: String(decoding: token, as: UTF8.self))
      let (status, bytes) = try await fetch(request, by: http, "the instance's metadata")
      return status == 200 ? bytes : nil
    }
    guard let role = try await get("").flatMap({ String(decoding: $0, as: UTF8.self).split(separator: "\n").first })
    else { return nil }
    guard let found = try await get(String(role)).flatMap({ S3Credentials(json: $0) }) else {
      throw S3CredentialsError("the instance's metadata has no credentials for the role \(role)")
    }
    return found
  }
}

extension S3Credentials {
  /// As agents and metadata services write them.
  fileprivate init?(json: [UInt8]) {
    guard let value = try? json.withUnsafeBytes({ try JSONValue.parse($0) }), let object = value.object else {
      return nil
    }
    func text(_ name: String) -> String? { object.members.first { $0.key == name }?.value.string }
    guard let key = text("AccessKeyId"), let secret = text("SecretAccessKey") else { return nil }
    self.init(
      accessKey: key, secretKey: secret, sessionToken: text("Token"),
      expiresAt: text("Expiration").flatMap { Timestamp(parsing: $0) })
  }
}

/// The status and the whole answer to a small request.
private func fetch(
  _ request: HTTPClientRequest, by http: HTTPClient, _ what: String, within limit: TimeAmount = .seconds(10)
) async throws -> (Int, [UInt8]) {
  do {
    let response = try await http.execute(request, timeout: limit)
    return (Int(response.status.code), Array(buffer: try await response.body.collect(upTo: 1 << 20)))
  } catch {
    throw S3CredentialsError("\(what) cannot be reached: \(error)")
  }
}
