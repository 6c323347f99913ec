import ArgumentParser
import CLinux
import Glibc
import Scanning
import Upkeep

/// The process that a server starts to read a layer. Not for people.
struct InspectLayerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: WorkerInspector.command, abstract: "Read a layer from standard input for a server.",
    shouldDisplay: false)

  /// What reading needs at the most, with room for an inventory of the largest size.
  static let memoryBytes: UInt64 = 1 << 30
  /// Some minutes for the largest layers.
  static let cpuSeconds: UInt64 = 1800
  /// Whatever else the machine has to do comes first: pushes above all.
  static let niceness: Int32 = 19

  @Flag(
    help: "Read those whose descriptors come over the socket that standard input is, each in a copy of this process.")
  var fork = false

  func run() { Self.work(isForking: fork) }

  /// Reads the layer, and ends the process: what others do at the end of one is not allowed behind the walls.
  static func work(isForking: Bool) -> Never {
    berth_lower_priority(niceness)
    GzipEngine.prepare()
    if isForking {
      InspectionWorker.prepare()
      guard berth_serve_forks(0) == 0 else { _exit(EXIT_SUCCESS) }
    }
    _ = berth_confine(berth_confinement_limits(memory_bytes: memoryBytes, cpu_seconds: cpuSeconds))
    _exit(InspectionWorker.run(input: 0, output: 1) ? EXIT_SUCCESS : EXIT_FAILURE)
  }
}
