import Glibc
import Synchronization

/// A process that this benchmark started, and will stop.
struct ChildProcess: Sendable {
  let pid: pid_t

  /// Starts a program.
  ///
  /// The child leads a process group of its own, so that an interrupt at the terminal reaches only the benchmark, which
  /// then stops its children in order.
  ///
  /// - Parameters:
  ///   - arguments: the program's path, then its arguments.
  ///   - log: the file that receives standard output and standard error.
  static func start(_ arguments: [String], log: String) throws -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var pipe = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &pipe)
    let flags = Int32(POSIX_SPAWN_SETPGROUP) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer {
      for argument in argv { free(argument) }
    }
    // Starting and noting the child are one step for the signal handler, which must not miss it.
    return try state.withLock { state in
      guard !state.isClosed else { throw BenchError("the benchmark is ending") }
      var pid = pid_t()
      let result = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, environ)
      guard result == 0 else { throw BenchError("cannot start \(arguments[0]): \(String(cString: strerror(result)))") }
      state.running.append(pid)
      return ChildProcess(pid: pid)
    }
  }

  /// Whether the process has not ended by itself.
  var isRunning: Bool {
    var information = siginfo_t()
    guard waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0 else { return false }
    return information.si_signo == 0
  }

  /// Waits until the process has ended by itself.
  ///
  /// - Returns: its status as `wait4` tells it, and what it and those it waited for have used.
  func waitForEnd() throws -> (status: Int32, usage: rusage) {
    var status: Int32 = 0
    var usage = rusage()
    while wait4(pid, &status, 0, &usage) < 0 {
      guard errno == EINTR else { throw BenchError("wait4: \(String(cString: strerror(errno)))") }
    }
    Self.state.withLock { state in state.running.removeAll { $0 == pid } }
    return (status, usage)
  }

  /// Ends the process and its children: politely, and after five seconds by force.
  func stop() {
    let wasRunning = Self.state.withLock { state in
      guard let index = state.running.firstIndex(of: pid) else { return false }
      state.running.remove(at: index)
      return true
    }
    if wasRunning { Self.end(pid) }
  }

  /// Ends every process that is still running. No other can be started afterwards.
  static func stopAll() {
    state.withLock { state in
      state.isClosed = true
      for pid in state.running { end(pid) }
      state.running = []
    }
  }

  private struct State {
    var running: [pid_t] = []
    var isClosed = false
  }

  private static let state = Mutex(State())

  private static func end(_ pid: pid_t) {
    kill(pid, SIGTERM)
    for _ in 0..<1000 {
      if waitpid(pid, nil, WNOHANG) != 0 { return }
      usleep(5000)
    }
    for member in ProcessFigures(pid: pid).family() { kill(member, SIGKILL) }
    waitpid(pid, nil, 0)
  }
}
