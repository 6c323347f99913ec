import ArgumentParser
import OCI

struct BaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "base", abstract: "What an image is built on, and what another base would mend.",
    discussion: """
      berth base acme/api:2.3
      berth base acme/api:2.3 --to acme/debian:12
      The base is found by its layers, among the images of the registry.
      """)
  @Argument(help: "An image: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @Option(help: "The other base. Unless given: where a tag has gone that pointed to the base.") var to: ImageName?
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try await remote.run { server in
      let asked = [("to", to?.image.description), ("platform", platform)]
      let query = asked.compactMap { name, value in value.map { "\(name)=\(PercentCoding.encoded($0))" } }
      let path = "\(image.repository.apiPath)/findings/\(PercentCoding.encoded(image.reference.description))/base"
      let found = try await server.call(.get, query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))")
      guard remote.output == .table else { return remote.tell("", found) }
      tell(found)
    }
  }

  private func tell(_ found: JSONValue) {
    let places = (found["base"]?["places"]?.array ?? []).flatMap { place -> [String] in
      let repository = place["repository"]?.string ?? ""
      let tags = (place["tags"]?.array ?? []).compactMap(\.string)
      return tags.isEmpty ? [repository] : tags.map { "\(repository):\($0)" }
    }
    let digest = found["base"]?["digest"]?.string ?? ""
    print("Built on \(places.joined(separator: ", ")) (\(digest.prefix(19)))")
    print("Compared with \(found["to"]?.string ?? "") (\((found["toDigest"]?.string ?? "").prefix(19)))")
    for (title, key) in [
      ("It would mend", "fixed"), ("It has as well", "remaining"), ("It would bring", "introduced"),
    ] {
      let findings = found[key]?.array ?? []
      print("\n\(title): \(findings.count)")
      guard !findings.isEmpty else { continue }
      remote.show(
        findings,
        [
          ("severity", "severity"), ("vulnerability", "vulnerability"), ("package", "package"),
          ("version", "version"), ("fixed", "fixed"),
        ])
    }
    print("\nNot from the base: \(found["own"]?.integer ?? 0)")
  }
}
