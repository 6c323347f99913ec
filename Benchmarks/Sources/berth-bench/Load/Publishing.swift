import Foundation

extension Server {
  /// Puts a blob where clients can GET it: by a push, and for nginx as a file at the same path.
  func publish(_ body: Body, digest: String, in repository: String) throws {
    guard subject == .nginx else { return try RegistryClient(self).pushBlob(repository, body, digest: digest) }
    try writeFile("v2/\(repository)/blobs/\(digest)") { file in
      switch body {
      case .none: break
      case .bytes(let bytes): try file.write(contentsOf: bytes)
      case .large(let blob): try blob.write { try file.write(contentsOf: Data($0)) }
      }
    }
  }

  func publish(_ blob: SmallBlob, in repository: String) throws {
    try publish(.bytes(blob.bytes), digest: blob.digest, in: repository)
  }

  /// Puts a manifest where clients can GET it, by its tag and by its digest.
  func publishManifest(_ bytes: [UInt8], tag: String, in repository: String) throws {
    guard subject == .nginx else {
      return try RegistryClient(self).pushManifest(repository, tag, bytes)
    }
    for reference in [tag, sha256Digest(of: bytes)] {
      try writeFile("v2/\(repository)/manifests/\(reference)") { try $0.write(contentsOf: bytes) }
    }
  }

  private func writeFile(_ path: String, _ fill: (FileHandle) throws -> Void) throws {
    let url = URL(fileURLWithPath: "\(data)/\(path)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
      throw BenchError("cannot create \(url.path)")
    }
    let file = try FileHandle(forWritingTo: url)
    try fill(file)
    try file.close()
  }
}
