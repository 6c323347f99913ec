import Foundation

/// `ctr` and a `containerd` of its own, which ends with its owner.
final class Containerd: RegistryClient {
  let home: Workspace.Home
  /// `name:secret` to log in with; nil: nobody.
  let user: String?
  private let daemon: ChildProcess
  private let log: TemporaryFile

  init(_ home: Workspace.Home, user: String? = nil) async throws {
    self.home = home
    self.user = user
    let configuration = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(home.path)/containerd.toml"))
    log = try TemporaryFile()
    let environment = home.environment.merging(["PATH": "/usr/bin:/bin:/usr/sbin:/sbin"]) { $1 }
    daemon = try ChildProcess(
      path: try ProgramRunner.find("containerd"),
      arguments: [
        "--config", "\(home.path)/containerd.toml", "--root", "\(home.path)/root", "--state", "\(home.path)/state",
        "--address", "\(home.path)/c.sock", "--log-level", "warn",
      ], environment: environment, output: log.descriptor, errors: log.descriptor, ownGroup: true)
    try await eventually("containerd answers: \(String(decoding: log.contents(), as: UTF8.self))") {
      if let ending = daemon.ending {
        throw HarnessError("containerd ended with \(ending): \(String(decoding: log.contents(), as: UTF8.self))")
      }
      return try await ProgramRunner.run("ctr", ["--address", "\(home.path)/c.sock", "version"]).succeeded
    }
  }

  convenience init(in workspace: Workspace) async throws {
    try await self.init(Workspace.Home(workspace, "ctr-\(UUID().uuidString.prefix(4))"))
  }

  deinit { daemon.kill(SIGKILL) }

  func push(_ image: LayoutImage, to reference: String) async throws {
    try await load(image, as: reference)
    try await ctr(["images", "push", "--plain-http"] + login + [reference])
  }

  /// Brings an image of a layout into containerd's store under a name.
  func load(_ image: LayoutImage, as reference: String, _ options: [String] = []) async throws {
    let archive = "\(home.path)/load-\(UUID().uuidString).tar"
    try await ProgramRunner.succeed("tar", ["-C", image.path, "-cf", archive, "."])
    // An archive's tag becomes a name when it gets a base name; two archives may hold the same one.
    let base = "import.local/i\(UUID().uuidString.lowercased())"
    try await ctr(["images", "import", "--no-unpack", "--base-name", base] + options + [archive])
    try await ctr(["images", "tag", "--force", "\(base):\(image.tag)", reference])
  }

  func pull(_ reference: String) async throws -> String {
    // What a client already has it does not pull; this one shall.
    try await ctr(["images", "remove", "--sync", reference])
    try await ctr(["images", "pull", "--plain-http", "--snapshotter", "native"] + login + [reference])
    let manifest = try await content(digest(reference))
    guard let config = try JSONDecoder().decode(ImageManifest.self, from: Data(manifest)).config else {
      throw HarnessError("\(reference) is not an image")
    }
    return config.digest
  }

  private var login: [String] { user.map { ["--user", $0] } ?? [] }

  /// The digest that a local name stands for.
  func digest(_ reference: String) async throws -> String {
    let listed = try await ctr(["images", "list", "name==\(reference)"]).text
    guard let digest = listed.split(whereSeparator: \.isWhitespace).first(where: { $0.hasPrefix("sha256:") }) else {
      throw HarnessError("containerd has no \(reference):\n\(listed)")
    }
    return String(digest)
  }

  /// Bytes in containerd's content store.
  func content(_ digest: String) async throws -> [UInt8] { try await ctr(["content", "get", digest]).output }

  @discardableResult
  func ctr(_ arguments: [String]) async throws -> ProgramOutcome {
    try await ProgramRunner.succeed(
      "ctr", ["--address", "\(home.path)/c.sock"] + arguments, environment: home.environment)
  }
}
