import Glibc

/// A real Docker engine as the distribution packages it, on a folder and a socket of its own.
///
/// Of this machine it changes nothing: it makes no network and no rule of a firewall, and sees an empty folder in the place
/// of `/etc/docker`. It needs root, as Docker does. Registries on loopback it reaches without TLS.
public final class DockerEngine: Sendable {
  /// The command `docker` of the distribution.
  public let client: String
  /// What the variable `DOCKER_HOST` takes.
  public let host: String
  private let folder: String
  private let program: ServerProgram

  private static let sharedEngine = Shared<DockerEngine>()

  /// One for all who do not stop it, started when it is first asked for.
  public static func shared() async throws -> DockerEngine { try await sharedEngine.value { try await start() } }

  /// Starts one, and returns when it answers.
  public static func start() async throws -> DockerEngine {
    let engine = try DockerEngine()
    try await untilTrue(within: .seconds(60), "Docker's engine answers\n\(engine.program.log)") {
      guard engine.program.isRunning else { return true }
      return (try? await ServerProgram.run(engine.client, ["--host", engine.host, "version"])) != nil
    }
    guard engine.program.isRunning else { throw LabError("Docker's engine does not start\n\(engine.program.log)") }
    return engine
  }

  private init() throws {
    guard geteuid() == 0 else { throw LabError("Docker's engine runs as root, so run the tests as root") }
    client = try Self.find("docker")
    folder = try temporaryDirectory()
    Watchdog.shared.guardFolder(folder)
    host = "unix://\(folder)/sock"
    try writeText("{}", to: "\(folder)/daemon.json")
    // In mounts of its own: what it mounts goes when it ends.
    program = try ServerProgram(
      findProgram("unshare", neededFor: "Docker's engine"),
      [
        "--mount", "sh", "-ec", #"mkdir -p /etc/docker; mount -t tmpfs berth-test /etc/docker; exec "$@""#, "sh",
        try Self.find("dockerd"),
        "--host", host, "--config-file", "\(folder)/daemon.json", "--pidfile", "\(folder)/pid",
        "--data-root", "\(folder)/root", "--exec-root", "\(folder)/exec", "--storage-driver", "vfs",
        "--bridge", "none", "--iptables=false", "--ip-forward=false", "--log-level", "warn",
      ], logPath: "\(folder)/log")
  }

  deinit { program.signalAll(SIGKILL) }

  /// The distribution's own, whatever else is installed under the name in another place.
  private static func find(_ name: String) throws -> String {
    for folder in ["/usr/bin", "/usr/sbin"] where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
    throw LabError("\(name) is not installed; the tests with Docker need it (make test installs it)")
  }
}
