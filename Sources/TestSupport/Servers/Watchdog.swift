import Glibc
import Synchronization

/// Sees to it that nothing outlives the tests, however they end.
///
/// A shell of its own session reads a pipe whose other end only this process has. When the process ends, also by SIGKILL,
/// the pipe ends, and the shell ends the programs that are still running and removes their folders.
final class Watchdog: Sendable {
  static let shared = Watchdog()

  private let pipeEnd: Int32
  private let order = Mutex(())

  private init() {
    var ends: [Int32] = [0, 0]
    precondition(pipe(&ends) == 0, "no pipe")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    do {
      _ = try spawn("/bin/sh", ["-c", Self.script], input: ends[0])
    } catch {
      preconditionFailure("\(error)")
    }
    close(ends[0])
    pipeEnd = ends[1]
  }

  func guardProgram(_ pid: pid_t) { tell("program \(pid)") }
  func forgetProgram(_ pid: pid_t) { tell("ended \(pid)") }
  /// A folder to remove at the end.
  func guardFolder(_ path: String) { tell("folder \(path)") }
  /// A folder to unmount before that.
  func guardMount(_ path: String) { tell("mount \(path)") }

  private func tell(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    order.withLock { _ in _ = write(pipeEnd, bytes, bytes.count) }
  }

  // SIGQUIT first: PostgreSQL then ends at once and gives its shared memory back. What is stopped must go on to hear it.
  private static let script = """
    cd /
    programs=" "; folders=; mounts=
    while read -r word value; do
      case $word in
        program) programs="$programs$value " ;;
        ended) programs="${programs%%" $value "*} ${programs#*" $value "}" ;;
        folder) folders="$folders $value" ;;
        mount) mounts="$mounts $value" ;;
      esac
    done
    family() {
      echo $1
      grep -l "^PPid:[[:space:]]*$1$" /proc/[0-9]*/status 2>/dev/null | sed 's|/proc/||; s|/status||'
    }
    everybody=
    for program in $programs; do everybody="$everybody $(family $program)"; done
    for one in $everybody; do kill -CONT $one; done 2>/dev/null
    for program in $programs; do kill -QUIT $program; done 2>/dev/null
    for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      left=; for program in $programs; do kill -0 $program 2>/dev/null && left=yes; done
      [ -z "$left" ] && break
      sleep 0.1
    done
    for one in $everybody; do kill -KILL $one; done 2>/dev/null
    # PostgreSQL that had to be killed leaves its shared memory, which its file of the process id names.
    for folder in $folders; do
      segment=$(sed -n '7s/.* //p' $folder/disk/postmaster.pid 2>/dev/null)
      [ -n "$segment" ] && ipcrm -m $segment
    done 2>/dev/null
    for mount in $mounts; do umount -l $mount; done 2>/dev/null
    rm -rf $folders
    """
}
