import Foundation
import Glibc

/// What the kernel knows about a process and its children.
struct ProcessFigures {
  let pid: pid_t

  /// User and system time of the process, of its living children and of the children it has waited for, in seconds.
  ///
  /// The processes' CPU clocks are read rather than the ticks in `/proc/PID/stat`: the same sum, by the nanosecond and
  /// not by the hundredth of a second.
  func cpuSeconds() -> Double {
    family().reduce(0) { $0 + clockSeconds(of: $1) } + waitedForSeconds()
  }

  /// Resident memory of the process and its living children, in bytes. Pages they share count once for each.
  func residentBytes() -> Int {
    family().reduce(0) { $0 + kilobytes("VmRSS:", in: "/proc/\($1)/status") } * 1024
  }

  /// The most resident memory that the process itself has had, in bytes.
  func peakBytes() -> Int { kilobytes("VmHWM:", in: "/proc/\(pid)/status") * 1024 }

  /// The most resident memory that one of its living children has had, in bytes.
  func peakBytesOfChildren() -> Int {
    family().dropFirst().reduce(0) { max($0, kilobytes("VmHWM:", in: "/proc/\($1)/status")) } * 1024
  }

  /// Proportional memory of the process and its living children, in bytes: a page shared by n processes counts 1/n.
  func proportionalBytes() -> Int {
    family().reduce(0) { $0 + kilobytes("Pss:", in: "/proc/\($1)/smaps_rollup") } * 1024
  }

  /// The process and its direct children. No server here has grandchildren.
  func family() -> [pid_t] {
    var result = [pid]
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let other = pid_t(entry), other != pid, let fields = statFields(of: other) else { continue }
      if fields.count > 1, pid_t(fields[1]) == pid { result.append(other) }
    }
    return result
  }

  private func clockSeconds(of pid: pid_t) -> Double {
    var clock = clockid_t()
    var time = timespec()
    guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func waitedForSeconds() -> Double {
    guard let fields = statFields(of: pid), fields.count > 14 else { return 0 }
    let ticks = (Double(fields[13]) ?? 0) + (Double(fields[14]) ?? 0)
    return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// The fields of `/proc/PID/stat` that follow the command's name, which may itself hold blanks: state, parent, …
  private func statFields(of pid: pid_t) -> [Substring]? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let close = text.lastIndex(of: ")")
    else { return nil }
    return text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
  }

  private func kilobytes(_ label: String, in path: String) -> Int {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
    for line in text.split(separator: "\n") where line.hasPrefix(label) {
      let fields = line.split(whereSeparator: \.isWhitespace)
      return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
    }
    return 0
  }
}
