import ArgumentParser
import OCI
import Scanning

struct InventoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inventory", abstract: "What an image holds: packages, and what else was noticed.",
    discussion: """
      berth inventory acme/api:2.3
      berth inventory acme/api:2.3 --notices
      """)
  @Argument(help: "An image: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Option(help: "Only packages of a type, such as deb or npm; also in JSON.") var type: PackageTypeName?
  @Flag(help: "Secrets, set-user-ID files and what else is out of the ordinary, in place of packages.")
  var notices = false
  @Flag(help: "Layers, in place of packages.") var layers = false
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try await remote.run { server in
      let query = platform.map { "?platform=\(PercentCoding.encoded($0))" } ?? ""
      let path = "\(image.repository.apiPath)/inventory/\(PercentCoding.encoded(image.reference.description))\(query)"
      let images = (try await server.call(.get, path).array ?? [])
        .map { Self.image($0, withPackagesOf: type?.type) }
      guard remote.output == .table else { return remote.tell("", .array(images)) }
      if images.isEmpty { print("It lists no images.") }
      for image in images { show(image) }
    }
  }

  /// The image with those of its packages that are of a type; nil: all.
  static func image(_ image: JSONValue, withPackagesOf type: PackageType?) -> JSONValue {
    guard let type, let object = image.object else { return image }
    let members = object.members.map { member -> JSONObject.Member in
      guard member.key == "contents", let packages = member.value.array else { return member }
      return .init(key: member.key, value: .array(packages.filter { $0["type"]?.string == type.rawValue }))
    }
    return .object(JSONObject(members))
  }

  private func show(_ image: JSONValue) {
    let platform = image["platform"]?.string.map { "  \($0)" } ?? ""
    let state = image["state"]?.string ?? ""
    print("\(image["image"]?.string ?? "")\(platform)  \(image["distribution"]?.string ?? "no distribution")  \(state)")
    if let reason = image["reason"]?.string { print(reason) }
    if layers {
      remote.show(
        image["layers"]?.array ?? [],
        [
          ("digest", "digest"), ("state", "state"), ("entries", "entries"), ("bytes", "uncompressedBytes"),
          ("reason", "reason"),
        ])
    } else if notices {
      remote.show(
        image["notices"]?.array ?? [],
        [("kind", "kind"), ("path", "path"), ("detail", "detail"), ("layer", "layer"), ("hidden", "hidden")])
    } else {
      remote.show(
        image["contents"]?.array ?? [],
        [
          ("type", "type"), ("name", "name"), ("version", "version"), ("source", "source"), ("path", "path"),
          ("owned by", "ownedBy"),
        ])
    }
  }
}

/// A type of packages on the command line.
struct PackageTypeName: ExpressibleByArgument {
  let type: PackageType

  init?(argument: String) {
    guard let type = PackageType(rawValue: argument) else { return nil }
    self.type = type
  }

  static var allValueStrings: [String] { PackageType.allCases.map(\.rawValue) }
}
