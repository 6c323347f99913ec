import Glibc

/// What a program that ran to its end has cost, with the children that it waited for.
struct FinishedProcess {
  var cpuSeconds: Double
  var wallSeconds: Double
  /// Resident memory of the largest of its children, to within what it took in its last two milliseconds.
  var peakBytes: Int

  /// Runs a command of the shell, and waits for it.
  ///
  /// - Throws: when it does not end with status 0.
  static func run(_ command: String, log: String) throws -> FinishedProcess {
    let begin = nowNanoseconds()
    let process = try ChildProcess.start(["sh", "-c", command], log: log)
    // The kernel counts to a process what its parent had at the fork, so the peak is looked at while it runs.
    var peak = 0
    let figures = ProcessFigures(pid: process.pid)
    while process.isRunning {
      peak = max(peak, figures.peakBytesOfChildren())
      usleep(2000)
    }
    let (status, usage) = try process.waitForEnd()
    guard status == 0 else { throw BenchError("status \(status) of: \(command)") }
    return FinishedProcess(
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), wallSeconds: secondsSince(begin), peakBytes: peak)
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
