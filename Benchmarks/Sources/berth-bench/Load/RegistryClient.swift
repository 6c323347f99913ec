/// The requests of a client that pushes, over one connection.
final class RegistryClient {
  let connection: HTTPConnection

  init(_ server: Server, bufferBytes: Int = 65_536) throws {
    connection = try HTTPConnection(port: server.port, tls: server.tls, bufferBytes: bufferBytes)
  }

  /// Pushes a blob as clients do: POST for a place, PUT of everything.
  func pushBlob(_ repository: String, _ body: Body, digest: String) throws {
    let place = try openUpload(repository)
    try put(body, digest: digest, at: place)
  }

  /// - Returns: the path that the blob is to be sent to.
  func openUpload(_ repository: String) throws -> String {
    let response = try connection.send("POST", "/v2/\(repository)/blobs/uploads/", body: .bytes([]))
    guard response.head.status == 202, let location = response.head.location else {
      throw BenchError("POST of an upload: \(response.head.status)")
    }
    return ResponseHead.target(location)
  }

  func pushManifest(_ repository: String, _ reference: String, _ bytes: [UInt8]) throws {
    let response = try connection.send(
      "PUT", "/v2/\(repository)/manifests/\(reference)", headers: ["Content-Type: \(manifestType)"],
      body: .bytes(bytes), keepBody: true)
    guard response.head.status == 201 else {
      throw BenchError("PUT of a manifest: \(response.head.status) \(String(decoding: response.body, as: UTF8.self))")
    }
  }

  /// Pushes a configuration, a layer and their manifest: five requests.
  func push(_ artifact: Artifact) throws {
    try pushBlob(artifact.repository, .bytes(artifact.config.bytes), digest: artifact.config.digest)
    try pushBlob(artifact.repository, .bytes(artifact.layer.bytes), digest: artifact.layer.digest)
    try pushManifest(artifact.repository, artifact.tag, artifact.manifest)
  }

  /// Takes a blob over from another repository of the same registry, or pushes it where that is not done.
  func mountBlob(_ blob: SmallBlob, from source: String, into repository: String) throws {
    let response = try connection.send(
      "POST", "/v2/\(repository)/blobs/uploads/?mount=\(blob.digest)&from=\(source)", body: .bytes([]))
    if response.head.status == 201 { return }
    guard response.head.status == 202, let location = response.head.location else {
      throw BenchError("mount of a blob: \(response.head.status)")
    }
    try put(.bytes(blob.bytes), digest: blob.digest, at: ResponseHead.target(location))
  }

  private func put(_ body: Body, digest: String, at place: String) throws {
    let target = place + (place.contains("?") ? "&" : "?") + "digest=" + digest
    let response = try connection.send(
      "PUT", target, headers: ["Content-Type: application/octet-stream"], body: body, keepBody: true)
    guard response.head.status == 201 else {
      throw BenchError("PUT of a blob: \(response.head.status) \(String(decoding: response.body, as: UTF8.self))")
    }
  }
}
