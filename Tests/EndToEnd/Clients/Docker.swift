import Foundation
import TestSupport

/// `docker` with logins of its own, over the one engine that all tests share.
struct Docker: CommandClient {
  let home: Workspace.Home
  private let engine: DockerEngine

  init(_ home: Workspace.Home) async throws {
    self.home = home
    engine = try await DockerEngine.shared()
  }

  init(in workspace: Workspace) async throws {
    try await self.init(Workspace.Home(workspace, "docker-\(UUID().uuidString.prefix(4))"))
  }

  func push(_ image: LayoutImage, to reference: String) async throws {
    try await load(image, as: reference)
    try await succeed(["push", "--quiet", reference])
  }

  /// Brings an image of a layout into the engine, which reads archives of its own kind alone, under a name.
  func load(_ image: LayoutImage, as reference: String) async throws {
    let archive = "\(home.path)/load-\(UUID().uuidString).tar"
    try await Skopeo(home).succeed(["copy", image.reference, "docker-archive:\(archive):\(reference)"])
    try await succeed(["load", "--quiet", "--input", archive])
  }

  func pull(_ reference: String) async throws -> String {
    try await forgetImages()
    try await succeed(["pull", "--quiet", reference])
    return try await inspect(reference, "{{.Id}}")
  }

  /// Removes all images: what the engine has already it does not pull.
  func forgetImages() async throws { try await succeed(["image", "prune", "--all", "--force"]) }

  /// The digest under which the engine has pushed or pulled an image of a repository.
  func manifestDigest(_ reference: String) async throws -> String {
    let names = try await inspect(reference, #"{{join .RepoDigests "\n"}}"#)
    // Without the tag; the colon of the port comes before a slash.
    let repository = reference.prefix { $0 != "@" }.replacing(/:[^\/]*$/, with: "")
    for name in names.split(separator: "\n") where name.hasPrefix("\(repository)@") {
      return String(name.dropFirst(repository.count + 1))
    }
    throw HarnessError("the engine has no digest of \(reference):\n\(names)")
  }

  func inspect(_ reference: String, _ format: String) async throws -> String {
    try await succeed(["image", "inspect", "--format", format, reference]).trimmed
  }

  func run(_ arguments: [String]) async throws -> ProgramOutcome {
    let own = ["DOCKER_HOST": engine.host, "DOCKER_CONFIG": "\(home.path)/docker"]
    return try await ProgramRunner.run(engine.client, arguments, environment: home.environment.merging(own) { $1 })
  }
}
