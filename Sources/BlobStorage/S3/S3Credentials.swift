public import AsyncHTTPClient
import Glibc
public import Ground
internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// Where credentials come from.
public protocol S3CredentialsSource: Sendable {
  /// Credentials that are good now; nil where this source has none and another may be asked.
  ///
  /// - Throws: ``S3CredentialsError`` when it should have some and something is wrong.
  func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials?
}

/// Why there are no credentials, in words.
public struct S3CredentialsError: Error, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Credentials that were given.
extension S3Credentials: S3CredentialsSource {
  public func credentials(by http: HTTPClient, at now: Timestamp) -> S3Credentials? { self }
}

/// The first of several sources that has any.
public struct S3CredentialsChain: S3CredentialsSource {
  private let sources: [any S3CredentialsSource]

  public init(_ sources: [any S3CredentialsSource]) { self.sources = sources }

  /// The ways that users of AWS have: variables, the shared file, a web identity, the container, the instance.
  public static func standard(environment: [String: String]) -> S3CredentialsChain {
    S3CredentialsChain([
      S3EnvironmentCredentials(environment: environment), S3FileCredentials(environment: environment),
      S3WebIdentityCredentials(environment: environment), S3ContainerCredentials(environment: environment),
      S3InstanceCredentials(environment: environment),
    ])
  }

  public func credentials(by http: HTTPClient, at now: Timestamp) async throws -> S3Credentials? {
    for source in sources { if let found = try await source.credentials(by: http, at: now) { return found } }
    return nil
  }
}

/// Keeps credentials until shortly before they expire; one at a time asks for new ones.
actor S3CredentialsCache {
  /// Credentials that expire sooner are renewed.
  private static let margin: Duration = .seconds(300)

  private let source: any S3CredentialsSource
  private let http: HTTPClient
  private let time: any TimeSource
  private var kept: S3Credentials?
  private var renewal: Task<S3Credentials, any Error>?

  init(_ source: any S3CredentialsSource, http: HTTPClient, time: any TimeSource) {
    self.source = source
    self.http = http
    self.time = time
  }

  func current() async throws -> S3Credentials {
    let now = time.now
    if let kept {
      guard let end = kept.expiresAt, end < now + Self.margin else { return kept }
      // Still good: whoever asks now need not wait for the new ones.
      if end > now + .seconds(10), renewal != nil { return kept }
    }
    let task =
      renewal
      ?? Task { [source, http] in
        guard let found = try await source.credentials(by: http, at: now) else {
          throw S3CredentialsError(
            "no credentials for the object store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3.access_key_id")
        }
        return found
      }
    renewal = task
    defer { renewal = nil }
    do {
      let found = try await task.value
      kept = found
      return found
    } catch {
      if let kept, kept.expiresAt.map({ $0 > now }) ?? true { return kept }
      throw error
    }
  }

  func forget() { kept = nil }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
struct S3EnvironmentCredentials: S3CredentialsSource {
  let environment: [String: String]

  func credentials(by http: HTTPClient, at now: Timestamp) throws -> S3Credentials? {
    guard let key = environment["AWS_ACCESS_KEY_ID"], !key.isEmpty else { return nil }
    guard let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty else {
      throw S3CredentialsError("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not")
    }
    let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    return S3Credentials(accessKey: key, secretKey: secret, sessionToken: token)
  }
}

/// The shared credentials file: `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`, the profile of `AWS_PROFILE`.
struct S3FileCredentials: S3CredentialsSource {
  let environment: [String: String]

  func credentials(by http: HTTPClient, at now: Timestamp) throws -> S3Credentials? {
    let named = environment["AWS_SHARED_CREDENTIALS_FILE"]
    guard let path = named ?? environment["HOME"].map({ $0 + "/.aws/credentials" }) else { return nil }
    guard let text = LocalDisk.smallFile(path) else {
      if named == nil { return nil }
      throw S3CredentialsError("the credentials file \(path) cannot be read")
    }
    let profile = environment["AWS_PROFILE"] ?? "default"
    let values = Self.values(of: profile, in: text)
    guard let key = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
      if named == nil && environment["AWS_PROFILE"] == nil { return nil }
      throw S3CredentialsError("the credentials file \(path) has no keys in the profile \(profile)")
    }
    return S3Credentials(accessKey: key, secretKey: secret, sessionToken: values["aws_session_token"])
  }

  static func values(of profile: String, in text: String) -> [String: String] {
    var values: [String: String] = [:]
    var isInside = false
    for line in text.split(whereSeparator: \.isNewline).map({ trimmed($0) }) where !"#;".contains(line.first ?? "#") {
      if line.hasPrefix("[") {
        isInside = trimmed(line.dropFirst().prefix { $0 != "]" }) == profile
      } else if isInside, let equals = line.firstIndex(of: "=") {
        values[trimmed(line[..<equals])] = trimmed(line[line.index(after: equals)...])
      }
    }
    return values
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }
}
