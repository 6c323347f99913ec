import Foundation
import OCI
import Testing

@testable import Scanning

/// An image that lies on this machine is what its digests say, or is not judged.
@Suite struct `Images of this machine` {
  private static func digest(_ bytes: [UInt8], _ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
    let hash = try ContentHash(algorithm)
    try hash.begin()
    bytes.withUnsafeBytes { hash.add($0) }
    return hash.end().withUnsafeBytes { Digest(algorithm, bytes: $0) }
  }

  /// Runs `body` with an empty folder.
  private static func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "berth-image-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private static func put(_ bytes: [UInt8], _ digest: Digest, in folder: URL) throws {
    let place = folder.appending(path: "blobs/\(digest.algorithm.rawValue)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data(bytes).write(to: place.appending(path: digest.hex))
  }

  @Test(arguments: [Digest.Algorithm.sha256, .sha512])
  func `have the layers and manifests that their digests name`(algorithm: Digest.Algorithm) throws {
    try Self.inFolder { folder in
      let layer = Array("a layer".utf8)
      let name = try Self.digest(layer, algorithm)
      try Self.put(layer, name, in: folder)
      let manifest = Array(#"{"schemaVersion":2,"layers":[{"digest":"\#(name)","size":7}]}"#.utf8)
      let digest = try Self.digest(manifest, algorithm)
      try Self.put(manifest, digest, in: folder)
      try Data(#"{"manifests":[{"digest":"\#(digest)","size":1}]}"#.utf8).write(
        to: folder.appending(path: "index.json"))
      func layers() throws -> [ImageFiles.Layer] { try ImageFiles(at: folder.path()).images.flatMap(\.layers) }
      #expect(try layers().map { try $0.isIntact() } == [true])
      try Self.put(Array("another".utf8), name, in: folder)
      #expect(try layers().map { try $0.isIntact() } == [false])
      // A manifest without layers would be an image in which nothing is wrong.
      try Self.put(Array(#"{"schemaVersion":2,"layers":[]}"#.utf8), digest, in: folder)
      let failure = #expect(throws: ImageFiles.Failure.self) { try layers() }
      #expect(failure?.description.contains("damaged or exchanged") ?? false)
    }
  }

  @Test(arguments: [true, false])
  func `of docker save have the configuration that their name says`(isPrefixed: Bool) throws {
    try Self.inFolder { folder in
      let diff = try Self.digest(Array("layer".utf8))
      let config = Array(#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["\#(diff)"]}}"#.utf8)
      let digest = try Self.digest(config)
      let name = isPrefixed ? digest.description : "\(digest.hex).json"
      func archive(_ config: [UInt8]) throws -> String {
        var tar = TarBuilder()
        tar.file(name, config)
        tar.file("layer.tar", Array("layer".utf8))
        tar.file("manifest.json", Array(#"[{"Config":"\#(name)","RepoTags":["a:1"],"Layers":["layer.tar"]}]"#.utf8))
        let path = folder.appending(path: "image.tar")
        try Data(tar.finished).write(to: path)
        return path.path()
      }
      let found = try ImageFiles(at: try archive(config)).images
      #expect(found.map(\.name) == ["a:1"] && found.map(\.digest) == [digest])
      // What is packed has the digest there, and is not looked at before it is unpacked.
      #expect(try found.flatMap(\.layers).map { try $0.isIntact() } == [true])
      let other = try archive(config + Array(" ".utf8))
      #expect(throws: ImageFiles.Failure.self) { try ImageFiles(at: other) }
    }
  }
}
