import Foundation

/// `skopeo` with a policy, a home and a cache of its own.
struct Skopeo: CommandClient {
  let home: Workspace.Home

  init(_ home: Workspace.Home) { self.home = home }

  init(in workspace: Workspace) throws { home = try Workspace.Home(workspace, "skopeo-\(UUID().uuidString.prefix(4))") }

  func push(_ image: LayoutImage, to reference: String) async throws {
    try await copy(image.reference, "docker://\(reference)")
  }

  /// Into a folder, which takes Docker's manifests as they are: in a layout they become OCI's, with another configuration.
  func pull(_ reference: String) async throws -> String {
    let folder = home.path + "/pulled-\(UUID().uuidString.prefix(8))"
    try await copy("docker://\(reference)", "dir:\(folder)")
    let manifest = try JSONDecoder().decode(ImageManifest.self, from: Data(readFile("\(folder)/manifest.json")))
    guard let config = manifest.config else { throw HarnessError("\(reference) is not an image") }
    return config.digest
  }

  /// Pulls what is OCI's into a fresh layout, byte for byte.
  func fetch(_ reference: String, _ options: [String] = []) async throws -> LayoutImage {
    let image = LayoutImage(path: home.path + "/pulled-\(UUID().uuidString.prefix(8))", tag: "pulled")
    try await copy("docker://\(reference)", image.reference, options)
    return image
  }

  /// `skopeo copy` within plain HTTP.
  @discardableResult
  func copy(_ source: String, _ destination: String, _ options: [String] = []) async throws -> ProgramOutcome {
    try await succeed(["copy", "--src-tls-verify=false", "--dest-tls-verify=false"] + options + [source, destination])
  }

  /// The digest that a reference has in the registry.
  func digest(_ reference: String) async throws -> String {
    try await succeed(["inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://\(reference)"]).trimmed
  }

  /// The tags of a repository, `127.0.0.1:5000/acme/api`.
  func tags(_ repository: String) async throws -> [String] {
    struct TagList: Decodable {
      enum CodingKeys: String, CodingKey { case tags = "Tags" }
      let tags: [String]
    }
    let outcome = try await succeed(["list-tags", "--tls-verify=false", "docker://\(repository)"])
    return try JSONDecoder().decode(TagList.self, from: Data(outcome.output)).tags
  }

  func delete(_ reference: String) async throws {
    try await succeed(["delete", "--tls-verify=false", "docker://\(reference)"])
  }

  func run(_ arguments: [String]) async throws -> ProgramOutcome {
    try await ProgramRunner.run(
      "skopeo", ["--policy", home.policy, "--tmpdir", "\(home.path)/tmp"] + arguments, environment: home.environment)
  }
}
