import Foundation

/// `buildah` with storage of its own.
struct Buildah: RegistryClient {
  let home: Workspace.Home

  init(_ home: Workspace.Home) { self.home = home }

  init(in workspace: Workspace) throws {
    home = try Workspace.Home(workspace, "buildah-\(UUID().uuidString.prefix(4))")
  }

  func push(_ image: LayoutImage, to reference: String) async throws {
    try await succeed(["pull", "--quiet", "--signature-policy", home.policy, image.reference])
    let id = try image.configDigest().dropFirst("sha256:".count)
    try await push(String(id), to: reference)
  }

  /// Pushes an image of its own storage.
  ///
  /// - Returns: the digest that buildah says it has pushed.
  @discardableResult
  func push(_ name: String, to reference: String, _ options: [String] = []) async throws -> String {
    let file = "\(home.path)/pushed-\(UUID().uuidString)"
    try await succeed(
      ["push", "--quiet", "--tls-verify=false", "--signature-policy", home.policy, "--digestfile", file] + options
        + [name, "docker://\(reference)"])
    return String(decoding: try readFile(file), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func pull(_ reference: String) async throws -> String {
    let outcome = try await succeed(
      ["pull", "--quiet", "--tls-verify=false", "--signature-policy", home.policy, "docker://\(reference)"])
    return "sha256:\(outcome.trimmed)"
  }

  @discardableResult
  func succeed(_ arguments: [String]) async throws -> ProgramOutcome {
    let own = [
      "--root", "\(home.path)/storage", "--runroot", "\(home.path)/runroot", "--storage-driver", "vfs", "--log-level",
      "error",
    ]
    return try await ProgramRunner.succeed("buildah", own + arguments, environment: home.environment)
  }
}
