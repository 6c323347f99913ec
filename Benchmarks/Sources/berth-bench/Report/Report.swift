import Foundation
import Glibc

/// Everything that the run prints.
struct Report {
  var findings: [Findings] = []
  var failures: [String] = []

  func markdown(_ environment: [String]) -> String {
    var text = "# Benchmark\n\n" + environment.map { "- \($0)\n" }.joined() + "\n"
    let comparisons = findings.flatMap(\.comparisons)
    if !comparisons.isEmpty {
      text +=
        Table(
          title: "Against the peers", columns: Comparison.columns, rows: comparisons.map(\.row),
          notes: findings.flatMap(\.notes)
        ).markdown
    }
    for table in findings.flatMap(\.tables) { text += table.markdown }
    if !failures.isEmpty { text += Table(title: "Sections that failed", columns: [], notes: failures).markdown }
    return text
  }
}

/// Where and how the figures were taken.
func describeEnvironment(_ bench: Bench) -> [String] {
  var host = utsname()
  uname(&host)
  let kernel = withUnsafeBytes(of: host.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  let processors = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let model = processors.split(separator: "\n").first { $0.hasPrefix("model name") }
  let name = model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  let plan = bench.plan
  return [
    "Machine: \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) × \(name), Linux \(kernel). Servers and load share the CPUs, so "
      + "CPU seconds (user + system of the server and its children) are the main figure.",
    "Peers: \(firstLine(of: ["docker-registry", "--version"], bench)); \(firstLine(of: ["nginx", "-v"], bench)). "
      + "Ours: \(firstLine(of: [bench.launcher.berthPath, "version"], bench)).",
    "The servers take turns in one run, \(plan.rounds) rounds; figures are medians over the rounds, ratios are ours to "
      + "theirs. All data lies in \(bench.temporaryParent), on one disk.",
    "Logs: each server writes its access log to a file. docker-registry: Debian's configuration, level info with access "
      + "log; nginx: format combined; berth: its defaults.",
    "TLS: version 1.3 with TLS_AES_128_GCM_SHA256 and one P-256 certificate for all.",
  ]
}

private func firstLine(of command: [String], _ bench: Bench) -> String {
  let output = "\(bench.launcher.directory)/version"
  defer { unlink(output) }
  guard let process = try? ChildProcess.start(command, log: output) else { return "unknown" }
  while process.isRunning { usleep(2000) }
  process.stop()
  let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
  return text.split(separator: "\n").first.map(String.init) ?? "unknown"
}
