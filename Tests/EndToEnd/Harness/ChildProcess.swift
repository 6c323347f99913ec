import Foundation
import Synchronization

/// A running program of ours: started with `posix_spawn`, waited for by one thread of its own.
final class ChildProcess: Sendable {
  /// How a program ended.
  enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var description: String {
      switch self {
      case .exited(let code): "exit code \(code)"
      case .signalled(let number): "signal \(number)"
      }
    }
  }

  private struct State {
    var ending: Ending?
    var waiters: [CheckedContinuation<Ending, Never>] = []
  }

  let pid: pid_t
  private let ownGroup: Bool
  private let state = Mutex(State())

  /// Starts `path`. The descriptors stay the caller's to close.
  ///
  /// - Parameter ownGroup: a group of its own lets ``kill(_:)`` reach the children of the program too.
  init(
    path: String, arguments: [String], environment: [String: String], output: Int32, errors: Int32,
    ownGroup: Bool
  ) throws {
    self.ownGroup = ownGroup
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)
    Self.keepDescriptorsPrivate()

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
    if ownGroup { flags |= Int16(POSIX_SPAWN_SETPGROUP) }
    posix_spawnattr_setflags(&attributes, flags)

    var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    argumentPointers.append(nil)
    var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
    environmentPointers.append(nil)
    defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }

    var started: pid_t = 0
    let result = posix_spawn(&started, path, &actions, &attributes, argumentPointers, environmentPointers)
    guard result == 0 else { throw HarnessError("cannot start \(path): \(String(cString: strerror(result)))") }
    pid = started
    Thread.detachNewThread { self.reap() }
  }

  /// Waits until the program has ended, and says how.
  func ended() async -> Ending {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Ending? in
        if state.ending == nil { state.waiters.append(continuation) }
        return state.ending
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// How the program ended, or nil while it runs.
  var ending: Ending? { state.withLock { $0.ending } }

  /// Sends a signal; does nothing once the program has ended, so that a recycled process id is never hit.
  func kill(_ signal: Int32) {
    state.withLock { state in
      guard state.ending == nil else { return }
      _ = Foundation.kill(ownGroup ? -pid : pid, signal)
    }
  }

  /// A program must not inherit what the test runner has open: a pipe of the runner would stay open after it.
  private static func keepDescriptorsPrivate() {
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    for descriptor in open.compactMap({ Int32($0) }) where descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  private func reap() {
    var information = siginfo_t()
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
    let (ending, waiters) = state.withLock { state -> (Ending, [CheckedContinuation<Ending, Never>]) in
      var status: Int32 = 0
      while waitpid(pid, &status, 0) == -1, errno == EINTR {}
      let ending: Ending = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
      state.ending = ending
      defer { state.waiters = [] }
      return (ending, state.waiters)
    }
    for waiter in waiters { waiter.resume(returning: ending) }
  }
}

/// A failure of the harness or of a program it ran, with everything a reader needs to see why.
struct HarnessError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
