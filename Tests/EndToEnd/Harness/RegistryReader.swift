import Foundation

/// Reads a registry by its protocol and holds everything against its digest: the judge of what clients have pushed.
enum RegistryReader {
  static let manifestTypes = [
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
  ]

  /// What was found under a reference.
  struct Found: Sendable {
    let digest: String
    let mediaType: String
    let manifest: ImageManifest
    let size: Int
  }

  /// Fetches a manifest and checks that its bytes, its `Docker-Content-Digest` and a digest it was asked for by agree.
  static func manifest(_ address: Address, _ repository: String, _ reference: String) async throws -> Found {
    try await onOwnThread { try manifest(HTTPConnection(address), repository, reference) }
  }

  /// Fetches an image or index with all that it refers to, and compares every byte with its digest.
  ///
  /// - Returns: the digest of the manifest.
  /// - Throws: ``HarnessError`` with the first thing that is missing or wrong.
  @discardableResult
  static func verify(_ address: Address, _ repository: String, _ reference: String) async throws -> String {
    try await onOwnThread { try verify(HTTPConnection(address), repository, reference) }
  }

  /// Names of the tags in the order of the registry.
  static func tags(_ address: Address, _ repository: String) async throws -> [String] {
    struct TagList: Decodable { let tags: [String]? }
    let answer = try await get(address, "/v2/\(repository)/tags/list")
    guard answer.status == 200 else { throw HarnessError("tags of \(repository): \(answer.status) \(answer.text)") }
    return try JSONDecoder().decode(TagList.self, from: Data(answer.body)).tags ?? []
  }

  /// One GET on a connection of its own.
  static func get(_ address: Address, _ target: String, headers: [(String, String)] = []) async throws -> HTTPAnswer {
    try await onOwnThread { try HTTPConnection(address).request("GET", target, headers: headers) }
  }

  // MARK: - On a connection of the caller

  static func manifest(_ connection: HTTPConnection, _ repository: String, _ reference: String) throws -> Found {
    let answer = try connection.request(
      "GET", "/v2/\(repository)/manifests/\(reference)",
      headers: [("Accept", manifestTypes.joined(separator: ", "))])
    let place = "\(repository) \(reference)"
    guard answer.status == 200 else { throw HarnessError("manifest \(place): \(answer.status) \(answer.text)") }
    let digest = sha256(answer.body)
    guard answer.headers["docker-content-digest"] == digest, !reference.contains(":") || reference == digest else {
      throw HarnessError("manifest \(place): bytes have \(digest), headers are \(answer.headers)")
    }
    return Found(
      digest: digest, mediaType: answer.headers["content-type"] ?? "",
      manifest: try JSONDecoder().decode(ImageManifest.self, from: Data(answer.body)), size: answer.body.count)
  }

  static func verify(_ connection: HTTPConnection, _ repository: String, _ reference: String) throws -> String {
    let found = try manifest(connection, repository, reference)
    for child in found.manifest.manifests ?? [] {
      _ = try verify(connection, repository, child.digest)
    }
    for blob in [found.manifest.config].compactMap({ $0 }) + (found.manifest.layers ?? []) {
      let answer = try connection.request("GET", "/v2/\(repository)/blobs/\(blob.digest)")
      guard answer.status == 200 else {
        throw HarnessError("\(repository) \(reference): blob \(blob.digest): \(answer.status) \(answer.text)")
      }
      guard sha256(answer.body) == blob.digest, answer.body.count == blob.size else {
        throw HarnessError("\(repository) \(reference): blob \(blob.digest) has \(answer.body.count) other bytes")
      }
    }
    return found.digest
  }
}

/// A descriptor as manifests have it.
struct ManifestDescriptor: Codable, Sendable, Hashable {
  var mediaType: String
  var digest: String
  var size: Int
  var platform: Platform?
  var artifactType: String?
  var annotations: [String: String]?

  struct Platform: Codable, Sendable, Hashable {
    var architecture: String
    var os: String
    var variant: String?
  }

  /// Describes bytes.
  init(_ mediaType: String, _ bytes: [UInt8], platform: Platform? = nil) {
    self.mediaType = mediaType
    digest = sha256(bytes)
    size = bytes.count
    self.platform = platform
  }
}

/// An image manifest or index, as far as these tests look into it.
struct ImageManifest: Codable, Sendable {
  var schemaVersion = 2
  var mediaType: String?
  var artifactType: String?
  var config: ManifestDescriptor?
  var layers: [ManifestDescriptor]?
  var manifests: [ManifestDescriptor]?
  var subject: ManifestDescriptor?
  var annotations: [String: String]?

  /// As it is pushed; keys in order, so that equal manifests have equal digests.
  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(self))
  }
}
