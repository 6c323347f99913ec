import ArgumentParser
import OCI

struct FilesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "files", abstract: "The files of an image as a container would see them.",
    discussion: """
      berth files acme/api:2.3 etc/ssl
      berth files acme/api:2.3 usr/bin/curl --output json
      """)
  @Argument(help: "An image: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @Argument(help: "A folder or file in it; everything unless given.") var path = ""
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Option(name: [.customShort("n"), .customLong("count")], help: "How many, at most 10000.") var count = RowCount(1000)
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try await remote.run { server in
      var query = "?path=\(PercentCoding.encoded(path))"
      if let platform { query += "&platform=\(PercentCoding.encoded(platform))" }
      let address = "\(image.repository.apiPath)/files/\(PercentCoding.encoded(image.reference.description))\(query)"
      let found = try await server.some(count, address)
      guard path.isEmpty || !found.isEmpty else {
        throw RemoteServer.Failure(status: 404, description: "there is no \(path) in \(image.image)")
      }
      remote.show(
        found,
        [
          ("mode", "mode"), ("kind", "kind"), ("size", "size"), ("layer", "layer"), ("path", "path"),
          ("target", "target"),
        ])
    }
  }
}
