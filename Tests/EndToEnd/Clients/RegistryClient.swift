import Foundation

/// A program that pushes and pulls images, with storage and settings of its own.
protocol RegistryClient: Sendable {
  /// Pushes an image of a layout to a reference, `127.0.0.1:5000/acme/api:1.0`.
  func push(_ image: LayoutImage, to reference: String) async throws

  /// Pulls a reference afresh.
  ///
  /// - Returns: the digest of the image's configuration as the client has stored it.
  func pull(_ reference: String) async throws -> String
}

/// One whose every command may end badly and be looked at.
protocol CommandClient: RegistryClient {
  func run(_ arguments: [String]) async throws -> ProgramOutcome
}

extension CommandClient {
  @discardableResult
  func succeed(_ arguments: [String]) async throws -> ProgramOutcome {
    let outcome = try await run(arguments)
    guard outcome.succeeded else { throw HarnessError(outcome.story) }
    return outcome
  }
}

/// The clients under test, by name, for argument tables.
enum ClientKind: String, CaseIterable, Sendable {
  case skopeo, podman, buildah, ctr, docker

  func make(in workspace: Workspace) async throws -> any RegistryClient {
    let home = try Workspace.Home(workspace, "\(rawValue)-\(UUID().uuidString.prefix(4))")
    switch self {
    case .skopeo: return Skopeo(home)
    case .podman: return Podman(home)
    case .buildah: return Buildah(home)
    case .ctr: return try await Containerd(home)
    case .docker: return try await Docker(home)
    }
  }
}

extension Workspace {
  /// A home folder for one client: nothing of this machine's configuration is read, nothing is left on it.
  struct Home: Sendable {
    let workspace: Workspace
    let path: String
    let policy: String
    let registries: String
    /// Clients are told where logins are; else each keeps them where it does by itself.
    var namesLogins = true

    init(_ workspace: Workspace, _ name: String) throws {
      self.workspace = workspace
      path = try workspace.folder(name)
      policy = try workspace.write(#"{"default":[{"type":"insecureAcceptAnything"}]}"#, to: "\(name)/policy.json")
      registries = try workspace.write("unqualified-search-registries = []\n", to: "\(name)/registries.conf")
      _ = try workspace.write("{}", to: "\(name)/auth.json")
      _ = try workspace.write("", to: "\(name)/containers.conf")
      for folder in ["run", "tmp", "data", "storage", "runroot"] {
        _ = try workspace.folder("\(name)/\(folder)")
      }
    }

    var environment: [String: String] {
      let own = [
        "HOME": path, "XDG_RUNTIME_DIR": "\(path)/run", "XDG_DATA_HOME": "\(path)/data",
        "XDG_CONFIG_HOME": "\(path)/config",
        "TMPDIR": "\(path)/tmp", "CONTAINERS_REGISTRIES_CONF": registries,
        "CONTAINERS_CONF": "\(path)/containers.conf",
        // Root's cache of known blobs and networks are in /var/lib and /run; those of others are in the folders above.
        "_CONTAINERS_ROOTLESS_UID": "1000",
      ]
      return namesLogins ? own.merging(["REGISTRY_AUTH_FILE": "\(path)/auth.json"]) { $1 } : own
    }
  }
}
