import CLinux
import Foundation
import Glibc

@main
enum Main {
  static func main() {
    do {
      exit(try run(Options(Array(CommandLine.arguments.dropFirst()))))
    } catch {
      Cleanup.run()
      FileHandle.standardError.write(Data("berth-bench: \(error)\n".utf8))
      exit(2)
    }
  }

  /// - Returns: the exit status: 0 when every section ran, whatever it found; 1 otherwise.
  private static func run(_ options: Options) throws -> Int32 {
    if options.showsHelp {
      print(Options.help)
      return 0
    }
    if options.showsList {
      for section in Section.all {
        print(section.name.padding(toLength: 16, withPad: " ", startingAt: 0) + section.summary)
      }
      return 0
    }
    for name in options.only where !Section.all.contains(where: { $0.name == name }) {
      throw BenchError("no section is named \(name); --list names them")
    }
    let sections = Section.all.filter { options.only.isEmpty || options.only.contains($0.name) }

    Cleanup.watchSignals()
    raiseDescriptorLimit()
    // Debian keeps nginx where the search path of an ordinary user does not look.
    setenv("PATH", (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin", 1)
    let bench = Bench(
      plan: options.plan,
      launcher: Launcher(
        berthPath: try findBerth(options.berthPath),
        directory: try Cleanup.makeDirectory(under: options.temporaryParent)),
      temporaryParent: options.temporaryParent)
    defer { Cleanup.run() }
    try requireRealDisk(bench.launcher.directory)

    let environment = describeEnvironment(bench)
    var report = Report()
    for section in sections {
      let start = nowNanoseconds()
      do {
        report.findings.append(try section.run(bench))
      } catch {
        report.failures.append("\(section.name): \(error)")
        bench.say("\(section.name) failed: \(error)")
      }
      bench.say("\(section.name): \(Int(secondsSince(start))) s")
    }

    let text = report.markdown(environment)
    print(text)
    if let path = options.markdownPath { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    return report.failures.isEmpty ? 0 : 1
  }

  private static func findBerth(_ given: String?) throws -> String {
    let candidates = given.map { [$0] } ?? ["../.build/release/berth", ".build/release/berth"]
    for candidate in candidates where access(candidate, X_OK) == 0 {
      return URL(fileURLWithPath: candidate).standardizedFileURL.path
    }
    throw BenchError("no server at \(candidates.joined(separator: " or ")): build it, or name it with --berth")
  }

  /// Syncing is most of what a push costs, and costs nothing in memory.
  private static func requireRealDisk(_ path: String) throws {
    var information = statfs()
    let inMemory = 0x0102_1994
    guard statfs(path, &information) == 0, Int(information.f_type) != inMemory else {
      throw BenchError("\(path) is in memory, not on a disk; choose another directory with --temp")
    }
  }

  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
