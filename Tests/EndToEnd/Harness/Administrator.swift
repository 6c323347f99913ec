import Foundation

/// The `berth` commands that administer access, as somebody at a terminal uses them.
struct Administrator: Sendable {
  let server: ServerProcess
  let home: String

  /// Logs in as `admin`.
  init(_ server: ServerProcess, _ workspace: Workspace) async throws {
    self.server = server
    home = try workspace.folder("administrator")
    let password = try workspace.write(ServerProcess.adminPassword + "\n", to: "administrator/password")
    try await shell("berth login --user admin --password-stdin < \(password)")
  }

  /// Runs a line of a shell in which `berth` is the binary under test.
  @discardableResult
  func shell(_ line: String) async throws -> ProgramOutcome {
    try await ProgramRunner.succeed(
      "sh", ["-ec", "berth() { \(ServerProcess.binary) \"$@\"; }; \(line)"], environment: environment)
  }

  func run(_ arguments: [String]) async throws -> ProgramOutcome {
    try await ProgramRunner.run(ServerProcess.binary, arguments, environment: environment)
  }

  @discardableResult
  func berth(_ arguments: String...) async throws -> ProgramOutcome {
    let outcome = try await run(arguments)
    guard outcome.succeeded else { throw HarnessError(outcome.story) }
    return outcome
  }

  private var environment: [String: String] { ["HOME": home, "BERTH_SERVER": server.address.authority] }
}
