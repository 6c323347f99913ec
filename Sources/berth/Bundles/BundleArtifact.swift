import AsyncHTTPClient
import BlobStorage
import NIOCore
import NIOHTTP1
import OCI
import Scanning

/// A bundle as an artifact in a registry: a manifest with one layer, which is the file.
///
/// Source: image-spec, manifest.md, "Guidelines for Artifact Usage"; distribution-spec, "Pushing a blob monolithically".
struct BundleArtifact {
  let client: RegistryClient

  private static let empty = Array("{}".utf8)
  private static let title = "org.opencontainers.image.title"
  private static let fileName = "advisories.tar"
  static let manifestTypes = MediaType.ociManifest.text

  // MARK: Push

  /// Pushes a file under the address's tag or digest. The same file gives the same manifest.
  func push(_ path: String) async throws -> Digest {
    let file = try BundleFile(path)
    let (digest, sizeBytes) = try file.identity()
    let emptyDigest = Self.empty.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
    let empty = Self.empty
    try await upload(emptyDigest, Int64(empty.count)) { .bytes(ByteBuffer(bytes: empty)) }
    try await upload(digest, sizeBytes) { .stream(file, length: .known(sizeBytes)) }
    let manifest: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociManifest.text),
      "artifactType": .string(BundleManifest.artifactType),
      "config": Descriptor(mediaType: .emptyJSON, digest: emptyDigest, size: Int64(empty.count)).json,
      "layers": [
        [
          "mediaType": .string(BundleManifest.layerType), "digest": .string(digest.description),
          "size": .integer(sizeBytes),
          "annotations": .object(JSONObject([.init(key: Self.title, value: .string(Self.fileName))])),
        ]
      ],
    ]
    let bytes = manifest.bytes
    let response = try await client.send(
      .PUT, "/manifests/\(reference)", for: .push, headers: [("content-type", MediaType.ociManifest.text)]
    ) { .bytes(ByteBuffer(bytes: bytes)) }
    try await Self.check(response, [.created, .accepted, .ok], "the manifest was not taken")
    return bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
  }

  private var reference: Reference { client.address.image.reference }

  private func upload(
    _ digest: Digest, _ sizeBytes: Int64, _ body: @escaping @Sendable () -> HTTPClientRequest.Body
  ) async throws {
    let known = try await client.send(.HEAD, "/blobs/\(digest)", for: .push)
    if known.status == .ok { return }
    let begun = try await client.send(.POST, "/blobs/uploads/", for: .push)
    guard begun.status == .accepted, let location = begun.headers.first(name: "location") else {
      return try await Self.check(begun, [], "no upload could be begun")
    }
    let place = location.hasPrefix("/") ? client.address.url + location : location
    let target = place + (place.contains("?") ? "&" : "?") + "digest=\(PercentCoding.encoded(digest.description))"
    let response = try await client.send(
      .PUT, target, for: .push, headers: [("content-type", MediaType.octetStream.text)],
      timeout: RegistryClient.transferTimeout, body: body)
    try await Self.check(response, [.created, .accepted], "the bundle was not taken")
  }

  // MARK: Pull

  /// The digest of the manifest, as the registry tells it; nil when it does not.
  func digest() async throws -> Digest? {
    let response = try await client.send(
      .HEAD, "/manifests/\(reference)", for: .pull, headers: [("accept", Self.manifestTypes)])
    guard response.status == .ok else { return nil }
    return response.headers.first(name: "docker-content-digest").flatMap { try? Digest(parsing: $0) }
  }

  /// Fetches the file. What comes is held against the digests; whose it is, its signature tells.
  ///
  /// - Returns: the digest of the manifest.
  func pull(to path: String) async throws -> Digest {
    let response = try await client.send(
      .GET, "/manifests/\(reference)", for: .pull, headers: [("accept", Self.manifestTypes)])
    try await Self.check(response, [.ok], "there is no \(client.address.description)")
    let body = try await client.reading { try await response.body.collect(upTo: Manifest.sizeLimitBytes) }
    let digest = body.withUnsafeReadableBytes { Digest.computing(.sha256, over: $0) }
    if case .digest(let wanted) = reference, wanted != digest {
      throw BundleFailure("\(client.address.registry) gave another manifest than \(wanted)")
    }
    let layer = try Self.layer(body)
    let blob = try await client.send(
      .GET, "/blobs/\(layer.digest)", for: .pull, timeout: RegistryClient.transferTimeout)
    try await Self.check(blob, [.ok], "the bundle could not be had")
    try await client.reading { try await BundleFile.save(blob.body, to: path, layer) }
    return digest
  }

  private static func layer(_ body: ByteBuffer) throws -> Descriptor {
    let manifest: Manifest
    do {
      manifest = try body.withUnsafeReadableBytes { bytes -> Result<Manifest, ParseError> in
        do throws(ParseError) { return .success(try Manifest(parsing: bytes, contentType: nil)) } catch {
          return .failure(error)
        }
      }.get()
    } catch {
      throw BundleFailure("the manifest cannot be read: \(error.message)")
    }
    guard manifest.artifactType?.text == BundleManifest.artifactType, manifest.layers.count == 1,
      let layer = manifest.layers.first, layer.mediaType.text == BundleManifest.layerType
    else { throw BundleFailure("the artifact is no bundle of advisories") }
    return layer
  }

  private static func check(
    _ response: HTTPClientResponse, _ expected: [HTTPResponseStatus], _ what: String
  ) async throws {
    guard !expected.contains(response.status) else { return }
    let body = try? await response.body.collect(upTo: 1 << 20)
    let said = body?.withUnsafeReadableBytes { try? JSONValue.parse($0) }?["errors"]?.array?.first?["message"]?.string
    throw BundleFailure(
      "\(what): \(said ?? "it was answered with \(response.status.code)")",
      exitCode: .refused(with: Int(response.status.code)))
  }
}
