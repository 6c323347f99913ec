import Foundation

/// An index over images of several platforms. Only the configuration knows the platform: nothing in it is ever run.
enum MultiArchitectureImage {
  static let platforms: [ManifestDescriptor.Platform] = [
    .init(architecture: "amd64", os: "linux"),
    .init(architecture: "arm64", os: "linux", variant: "v8"),
    .init(architecture: "riscv64", os: "linux"),
  ]

  static func make(in workspace: Workspace) async throws -> LayoutImage {
    var writer = try LayoutWriter(workspace.file("multi"))
    let common = try await layer(["etc/motd": Array("one for all\n".utf8)], in: workspace)
    var manifests: [ManifestDescriptor] = []
    for platform in platforms {
      let own = try await layer(["etc/machine": Array("\(platform.architecture)\n".utf8)], in: workspace)
      manifests.append(try image(of: [common, own], platform, in: writer))
    }
    let index = ImageManifest(mediaType: MediaTypes.index, manifests: manifests)
    return try writer.tag("1.0", writer.add(try index.encoded(), MediaTypes.index))
  }

  /// A layer: the digest of its archive, and its bytes as they are pushed.
  struct Layer: Sendable {
    let diffID: String
    let compressed: [UInt8]
  }

  /// Packs files into a gzip layer.
  static func layer(_ files: [String: [UInt8]], in workspace: Workspace) async throws -> Layer {
    let name = "layer-\(UUID().uuidString)"
    for (path, bytes) in files {
      let folder = URL(fileURLWithPath: "\(name)/\(path)").deletingLastPathComponent().relativePath
      _ = try workspace.folder(folder)
      _ = try workspace.write(bytes, to: "\(name)/\(path)")
    }
    let archive = try await DebianImage.tar(workspace.file(name), to: workspace.file("\(name).tar"))
    let compressed = try await ProgramRunner.succeed("gzip", ["-9nc", archive])
    return Layer(diffID: sha256(try readFile(archive)), compressed: compressed.output)
  }

  /// Writes an image of layers for a platform.
  static func image(
    of layers: [Layer], _ platform: ManifestDescriptor.Platform, in writer: LayoutWriter
  ) throws -> ManifestDescriptor {
    let diffIDs = layers.map { #""\#($0.diffID)""# }.joined(separator: ",")
    let variant = platform.variant.map { #","variant":"\#($0)""# } ?? ""
    let config = """
      {"architecture":"\(platform.architecture)","os":"\(platform.os)"\(variant),\
      "config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":[\(diffIDs)]}}
      """
    let manifest = ImageManifest(
      mediaType: MediaTypes.manifest, config: try writer.add(Array(config.utf8), MediaTypes.config),
      layers: try layers.map { try writer.add($0.compressed, MediaTypes.layerGzip) })
    return try writer.add(try manifest.encoded(), MediaTypes.manifest, platform: platform)
  }
}
