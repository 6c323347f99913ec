import Foundation

/// `podman` with storage of its own.
struct Podman: RegistryClient {
  let home: Workspace.Home

  init(_ home: Workspace.Home) { self.home = home }

  init(in workspace: Workspace) throws { home = try Workspace.Home(workspace, "podman-\(UUID().uuidString.prefix(4))") }

  func push(_ image: LayoutImage, to reference: String) async throws {
    // The name that podman gives to what it pulled from a layout differs between versions; the id does not.
    try await succeed(["pull", "--quiet", "--signature-policy", home.policy, image.reference])
    try await succeed(["push", "--quiet", "--tls-verify=false", try id(image), "docker://\(reference)"])
  }

  func pull(_ reference: String) async throws -> String { try await pull(reference, []) }

  /// `podman pull`; returns the image's id, the digest of its configuration.
  func pull(_ reference: String, _ options: [String]) async throws -> String {
    let outcome = try await succeed(
      ["pull", "--quiet", "--tls-verify=false", "--signature-policy", home.policy] + options + ["docker://\(reference)"]
    )
    return "sha256:\(outcome.trimmed)"
  }

  /// The digest of the manifest that a local image was pulled by.
  func manifestDigest(_ reference: String) async throws -> String {
    try await succeed(["image", "inspect", "--format", "{{.Digest}}", reference]).trimmed
  }

  private func id(_ image: LayoutImage) throws -> String { String(try image.configDigest().dropFirst("sha256:".count)) }

  @discardableResult
  func succeed(_ arguments: [String]) async throws -> ProgramOutcome {
    let own = [
      "--root", "\(home.path)/storage", "--runroot", "\(home.path)/runroot", "--tmpdir", "\(home.path)/tmp",
      "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--log-level", "error",
    ]
    return try await ProgramRunner.succeed("podman", own + arguments, environment: home.environment)
  }
}
