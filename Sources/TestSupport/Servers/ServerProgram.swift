public import Glibc
import Synchronization

/// A running program of a test: it writes into a file, is reaped when it ends, and does not outlive this process
/// (``Watchdog``).
public final class ServerProgram: Sendable {
  private struct State {
    var status: Int32?
    var waiters: [CheckedContinuation<Int32, Never>] = []
  }

  public let pid: pid_t
  private let name: String
  private let logPath: String
  private let state = Mutex(State())

  /// Starts a program, whose output is appended to a file.
  public init(
    _ path: String, _ arguments: [String], environment: [String: String] = [:], logPath: String
  ) throws {
    self.logPath = logPath
    name = path.split(separator: "/").last.map(String.init) ?? path
    let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard log >= 0 else { throw LabError("cannot write \(logPath): errno \(errno)") }
    defer { close(log) }
    pid = try spawn(path, arguments, environment: environment, output: log)
    Watchdog.shared.guardProgram(pid)
    startThread { self.reap() }
  }

  /// Whether it has not ended yet.
  public var isRunning: Bool { state.withLock { $0.status == nil } }

  /// Waits for the end.
  ///
  /// - Returns: the exit code, or 128 and the number of the signal.
  @discardableResult
  public func ended() async -> Int32 {
    await withCheckedContinuation { continuation in
      let status = state.withLock { state -> Int32? in
        if state.status == nil { state.waiters.append(continuation) }
        return state.status
      }
      if let status { continuation.resume(returning: status) }
    }
  }

  /// Sends a signal. Does nothing once the program has ended, so that a process id that is used again is never hit.
  public func signal(_ number: Int32) {
    state.withLock { state in
      if state.status == nil { Glibc.kill(pid, number) }
    }
  }

  /// Sends a signal to the program and to those that it has started.
  public func signalAll(_ number: Int32) {
    state.withLock { state in
      guard state.status == nil else { return }
      // The parent first: stopped, it starts no others meanwhile.
      Glibc.kill(pid, number)
      for child in Self.children(of: pid) { Glibc.kill(child, number) }
    }
  }

  /// Stops the program and those that it has started, without ending them (SIGSTOP).
  public func pause() { signalAll(SIGSTOP) }

  /// Lets them go on (SIGCONT).
  public func resume() { signalAll(SIGCONT) }

  /// The end of what it has printed.
  public var log: String {
    guard let text = try? readText(logPath) else { return "\(name) has printed nothing" }
    return "-- \(name) --\n\(text.suffix(4000))"
  }

  /// Runs a program to its end.
  ///
  /// - Returns: what it printed.
  /// - Throws: ``LabError`` with what it printed when its exit code is not 0.
  @discardableResult
  public static func run(
    _ path: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> String {
    var template = Array("/tmp/berth-output-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw LabError("cannot create a file in /tmp: errno \(errno)") }
    close(descriptor)
    let file = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    defer { unlink(file) }
    let program = try ServerProgram(path, arguments, environment: environment, logPath: file)
    let status = await program.ended()
    let printed = try readText(file)
    guard status == 0 else {
      throw LabError("\(path) \(arguments.joined(separator: " ")) ended with \(status)\n\(printed.suffix(4000))")
    }
    return printed
  }

  private func reap() {
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
    let (status, waiters) = state.withLock { state -> (Int32, [CheckedContinuation<Int32, Never>]) in
      var raw: Int32 = 0
      Watchdog.shared.forgetProgram(pid)
      while waitpid(pid, &raw, 0) == -1, errno == EINTR {}
      let status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
      state.status = status
      defer { state.waiters = [] }
      return (status, state.waiters)
    }
    for waiter in waiters { waiter.resume(returning: status) }
  }

  private static func children(of parent: pid_t) -> [pid_t] {
    guard let folder = opendir("/proc") else { return [] }
    defer { closedir(folder) }
    var found: [pid_t] = []
    while let entry = readdir(folder) {
      let name = fileName(entry)
      guard let pid = pid_t(name), let text = try? readText("/proc/\(name)/stat") else { continue }
      // The name of the program stands in parentheses and may hold anything; state and parent come after it.
      let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
      if fields.count > 2, pid_t(fields[2]) == parent { found.append(pid) }
    }
    return found
  }
}

/// The text of a file.
func readText(_ path: String) throws -> String { String(decoding: try readBytes(path), as: UTF8.self) }

/// What a file holds.
func readBytes(_ path: String) throws -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw LabError("cannot read \(path): errno \(errno)") }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    guard count > 0 else { return bytes }
    bytes += chunk[..<count]
  }
}

/// Writes a file, replacing one that is there.
func writeText(_ text: String, to path: String) throws {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw LabError("cannot write \(path): errno \(errno)") }
  defer { close(descriptor) }
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 else { throw LabError("cannot write \(path): errno \(errno)") }
    rest = rest.dropFirst(count)
  }
}

/// Asks again until the answer is yes, for conditions that other programs bring about.
func untilTrue(within limit: Duration, _ what: @autoclosure () -> String, _ condition: () async -> Bool) async throws {
  let deadline = ContinuousClock.now + limit
  while ContinuousClock.now < deadline {
    if await condition() { return }
    try await Task.sleep(for: .milliseconds(25))
  }
  throw LabError("not within \(limit): \(what())")
}
