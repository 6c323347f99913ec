import Glibc

/// What a program that ran to its end has cost, with the children that it waited for.
struct FinishedProcess {
  var cpuSeconds: Double
  var wallSeconds: Double
  /// Of the largest of them.
  var peakBytes: Int

  /// Runs a command of the shell, and waits for it.
  ///
  /// - Throws: when it does not end with status 0.
  static func run(_ command: String, log: String) throws -> FinishedProcess {
    let begin = nowNanoseconds()
    let process = try ChildProcess.start(["sh", "-c", command], log: log)
    let (status, usage) = try process.waitForEnd()
    guard status == 0 else { throw BenchError("status \(status >> 8) of: \(command)") }
    return FinishedProcess(
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), wallSeconds: secondsSince(begin),
      peakBytes: usage.ru_maxrss * 1024)
  }

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
