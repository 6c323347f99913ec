import Foundation
import Testing

/// What a program answered.
struct ProgramOutcome: Sendable {
  let commandLine: String
  let ending: ChildProcess.Ending
  let timedOut: Bool
  let output: [UInt8]
  let errors: String

  var succeeded: Bool { ending == .exited(0) && !timedOut }
  var text: String { String(decoding: output, as: UTF8.self) }
  var trimmed: String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

  /// The whole story in one text, for failures.
  var story: String {
    "\(commandLine)\n-> \(timedOut ? "stopped after its time limit" : ending.description)\n"
      + "-- output --\n\(text.suffix(4000))\n-- errors --\n\(errors.suffix(4000))"
  }
}

/// Runs programs to their end: output collected, time limited, children stopped with them.
enum ProgramRunner {
  /// Runs a program and returns what it answered, whatever its exit code.
  ///
  /// - Parameter environment: added to a small clean environment; the variables of the test run are not passed on,
  ///   except `PATH` and those of proxies.
  /// - Throws: ``HarnessError`` when the program is not installed or cannot be started.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Int = 90
  ) async throws -> ProgramOutcome {
    let path = try find(program)
    let output = try TemporaryFile()
    let errors = try TemporaryFile()
    let child = try ChildProcess(
      path: path, arguments: arguments, environment: baseEnvironment.merging(environment) { $1 },
      output: output.descriptor, errors: errors.descriptor, ownGroup: true)
    let overdue = DispatchWorkItem { child.kill(SIGKILL) }
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(timeoutSeconds)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(timeoutSeconds), execute: overdue)
    let ending = await child.ended()
    overdue.cancel()
    return ProgramOutcome(
      commandLine: ([program] + arguments).joined(separator: " "), ending: ending,
      timedOut: ending == .signalled(SIGKILL) && clock.now >= deadline, output: output.contents(),
      errors: String(decoding: errors.contents(), as: UTF8.self))
  }

  /// Runs a program that must succeed.
  ///
  /// - Throws: ``HarnessError`` with its output when its exit code is not 0.
  @discardableResult
  static func succeed(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], timeoutSeconds: Int = 90
  ) async throws -> ProgramOutcome {
    let outcome = try await run(
      program, arguments, environment: environment, timeoutSeconds: timeoutSeconds)
    guard outcome.succeeded else { throw HarnessError(outcome.story) }
    return outcome
  }

  /// Finds an installed program, in the folders of system programs too.
  static func find(_ program: String) throws -> String {
    if program.contains("/") { return program }
    for folder in searchPath.split(separator: ":") {
      let candidate = "\(folder)/\(program)"
      if access(candidate, X_OK) == 0 { return candidate }
    }
    throw HarnessError("\(program) is not installed; the end-to-end tests need it (see CONTRIBUTING.md)")
  }

  private static let searchPath =
    (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"

  private static let baseEnvironment: [String: String] = {
    var environment = ["PATH": searchPath, "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1,localhost,::1"]
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
      environment[name] = ProcessInfo.processInfo.environment[name]
    }
    return environment
  }()
}

/// A file without a name, for the output of a program.
final class TemporaryFile: Sendable {
  let descriptor: Int32

  init() throws {
    var template = Array("/tmp/berth-output-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw HarnessError("cannot create a file in /tmp: errno \(errno)") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // A server that is started again writes where the one before it stopped.
    _ = fcntl(descriptor, F_SETFL, O_APPEND)
    unlink(template)
  }

  deinit { close(descriptor) }

  /// All that has been written so far.
  func contents() -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(result.count))
      guard count > 0 else { return result }
      result += buffer[..<count]
    }
  }
}
