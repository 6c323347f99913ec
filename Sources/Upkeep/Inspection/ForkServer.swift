internal import CLinux
internal import Glibc

/// A process that has the program loaded and set up, and makes copies of itself that read layers. It reads nothing itself.
///
/// It is asked for one copy after the other, never for two at once.
final class ForkServer: Sendable {
  private let control: Int32
  private let process: pid_t

  /// - Parameter arguments: of a program that calls `berth_serve_forks` on its standard input.
  /// - Throws: ``ProcessError`` when it cannot be started.
  init(executable: String, arguments: [String]) throws {
    let (ours, theirs) = try ConfinedProcess.pair(berth_socket_pair)
    defer { close(theirs) }
    var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    // What it and its copies print of a crash goes where our own errors go.
    let errors: Int32 = 2
    let started = berth_spawn(executable, words, theirs, theirs, errors)
    guard started > 0 else {
      close(ours)
      throw ProcessError.notStarted(errno: -started)
    }
    control = ours
    process = started
  }

  /// Makes a copy that has these descriptors as its input and output. It is a child of this process.
  ///
  /// - Throws: ``ProcessError``; the server is of no use then.
  func fork(input: Int32, output: Int32) throws -> pid_t {
    let made = berth_ask_fork(control, input, output)
    guard made > 0 else { throw ProcessError.notStarted(errno: -made) }
    return made
  }

  deinit {
    close(control)
    // It waits for us alone, and has nothing to lose.
    _ = kill(process, SIGKILL)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
  }
}
