import Foundation
import Synchronization
import Testing

/// `berth serve` as a user starts it: one data directory, one address, started and stopped as often as a test likes.
final class ServerProcess: Sendable {
  let address: Address
  let dataDirectory: String
  private let arguments: [String]
  private let usesTLS: Bool
  private let options: [String]
  private let environment: [String: String]
  private let output: TemporaryFile
  private let errors: TemporaryFile
  private let child = Mutex<ChildProcess?>(nil)

  /// Names a server; ``start()`` starts it.
  ///
  /// - Parameters:
  ///   - configuration: the path of a configuration file, or nil for flags only.
  ///   - parts: `--database` and `--blobs`, for other parts than the data directory.
  ///   - isOpen: without accounts; else the account `admin` has the password ``adminPassword``.
  ///   - environment: variables beyond the usual ones.
  init(
    dataDirectory: String, address: Address? = nil, configuration: String? = nil, usesTLS: Bool = false,
    parts: [String] = [], isOpen: Bool = true, environment: [String: String] = [:]
  ) throws {
    self.address = try address ?? .free4()
    self.dataDirectory = dataDirectory
    self.usesTLS = usesTLS
    options = ["--data", dataDirectory] + parts + (configuration.map { ["--config", $0] } ?? [])
    arguments = ["serve", "--listen", self.address.listenArgument] + (isOpen ? ["--open"] : []) + options
    let password = isOpen ? [:] : ["BERTH_ADMIN_PASSWORD": Self.adminPassword]
    self.environment = environment.merging(password) { given, _ in given }
    output = try TemporaryFile()
    errors = try TemporaryFile()
  }

  static let adminPassword = "admin-password-of-tests"

  /// The executable under test: `BERTH_BINARY`, or the debug build of this package.
  static var binary: String {
    if let path = ProcessInfo.processInfo.environment["BERTH_BINARY"] { return path }
    let harness = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return harness.appendingPathComponent("../../../.build/debug/berth").standardizedFileURL.path
  }

  /// Starts the server on its address and its data, and returns when `/readyz` says 200.
  func start() async throws {
    guard access(Self.binary, X_OK) == 0 else {
      throw HarnessError("there is no server at \(Self.binary); build it first, or set BERTH_BINARY")
    }
    let started = try spawn()
    child.withLock { $0 = started }
    try await eventually("\(Self.binary) answers 200 at /readyz\n\(story)") {
      if let ending = started.ending { throw HarnessError("the server ended with \(ending)\n\(story)") }
      return try await isReady()
    }
  }

  /// Starts it only to see how it ends, for starts that must fail.
  func runToEnd(timeoutSeconds: Int = 20) async throws -> ProgramOutcome {
    try await ProgramRunner.run(Self.binary, arguments, environment: environment, timeoutSeconds: timeoutSeconds)
  }

  /// Asks the server to stop, as a service manager does, and waits until it has.
  func stop() async throws {
    guard let running = take() else { return }
    running.kill(SIGTERM)
    let overdue = DispatchWorkItem { running.kill(SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(40), execute: overdue)
    let ending = await running.ended()
    overdue.cancel()
    guard ending == .exited(0) else { throw HarnessError("after SIGTERM the server ended with \(ending)\n\(story)") }
  }

  /// Ends the server as a power cut does.
  func killHard() async {
    guard let running = take() else { return }
    running.kill(SIGKILL)
    _ = await running.ended()
  }

  /// Runs `berth check` over the data; the server must be stopped where it alone uses them.
  func check(_ flags: [String] = []) async throws -> ProgramOutcome {
    try await run(["check"] + flags)
  }

  /// Runs another subcommand with the server's settings.
  func run(_ command: [String]) async throws -> ProgramOutcome {
    try await ProgramRunner.run(Self.binary, command + options, environment: environment, timeoutSeconds: 120)
  }

  /// Stops the process without ending it, and lets it go on (SIGSTOP, SIGCONT).
  func pause() { child.withLock { $0?.kill(SIGSTOP) } }
  func resume() { child.withLock { $0?.kill(SIGCONT) } }

  /// Tells it to read its configuration again.
  func reload() { child.withLock { $0?.kill(SIGHUP) } }

  /// Asks it to stop and does not wait.
  func beginStopping() { child.withLock { $0?.kill(SIGTERM) } }

  /// Waits until it has ended, by itself or because it was told to. Nil: it was not running.
  func ended() async -> ChildProcess.Ending? { await take()?.ended() }

  /// The end of what the server has printed.
  var story: String {
    let printed = String(decoding: output.contents().suffix(6000), as: UTF8.self)
    let all = String(decoding: errors.contents(), as: UTF8.self)
    // Of a crash the beginning tells more than the end.
    let crash = all.range(of: "Fatal error").map { all[$0.lowerBound...].prefix(6000) } ?? ""
    let complained = all.suffix(6000) + crash
    return "-- server output --\n\(printed)\n-- server errors --\n\(complained)"
  }

  private func take() -> ChildProcess? {
    child.withLock { child in
      defer { child = nil }
      return child
    }
  }

  private func spawn() throws -> ChildProcess {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin:/usr/sbin:/sbin"
    return try ChildProcess(
      path: Self.binary, arguments: arguments,
      environment: environment.merging(["PATH": path, "LC_ALL": "C.UTF-8"]) { own, _ in own },
      output: output.descriptor, errors: errors.descriptor, ownGroup: false)
  }

  private func isReady() async throws -> Bool {
    if usesTLS {
      let outcome = try await ProgramRunner.run(
        "curl", ["-skf", "--max-time", "5", "https://\(address.authority)/readyz"], timeoutSeconds: 10)
      return outcome.succeeded
    }
    let address = address
    return try await onOwnThread {
      guard let connection = try? HTTPConnection(address, timeoutSeconds: 5) else { return false }
      return (try? connection.request("GET", "/readyz"))?.status == 200
    }
  }
}

/// Runs a test against a fresh server, and stops it whatever happens. What the server printed goes with a failure.
func withServer(
  address: Address? = nil, configuration: String? = nil, usesTLS: Bool = false, isOpen: Bool = true,
  environment: [String: String] = [:], _ body: (ServerProcess, Workspace) async throws -> Void
) async throws {
  let workspace = try Workspace()
  let file = try configuration.map { try workspace.write($0, to: "berth.yaml") }
  let server = try ServerProcess(
    dataDirectory: workspace.file("data"), address: address, configuration: file, usesTLS: usesTLS,
    isOpen: isOpen, environment: environment)
  do {
    try await server.start()
    try await body(server, workspace)
    try await server.stop()
  } catch {
    await server.killHard()
    Issue.record("\(error)\n\(server.story)")
  }
  Attachment.record(server.story, named: "server.log")
  workspace.remove()
}
