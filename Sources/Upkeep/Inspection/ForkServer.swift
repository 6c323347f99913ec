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
    do { process = try ConfinedProcess.start(executable, arguments, input: theirs, output: theirs) } catch {
      close(ours)
      throw error
    }
    control = ours
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
    // It waits for us alone, and has nothing to lose; nor has a copy that came too late for us to hear of it. All are one group.
    _ = kill(-process, SIGKILL)
    var status: Int32 = 0
    while true { guard waitpid(-process, &status, 0) > 0 || errno == EINTR else { break } }
  }
}
