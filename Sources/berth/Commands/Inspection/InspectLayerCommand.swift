import ArgumentParser
import CLinux
import Scanning

/// The process that a server starts to read a layer. Not for people.
struct InspectLayerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect-layer", abstract: "Read a layer from standard input for a server.", shouldDisplay: false)

  /// What reading needs at the most, with room for an inventory of the largest size.
  static let memoryBytes: UInt64 = 1 << 30
  /// Some minutes for the largest layers.
  static let cpuSeconds: UInt64 = 1800

  func run() throws {
    berth_lower_priority(10)
    GzipEngine.prepare()
    _ = berth_confine(berth_confinement_limits(memory_bytes: Self.memoryBytes, cpu_seconds: Self.cpuSeconds))
    guard InspectionWorker.run(input: 0, output: 1) else { throw ExitCode.failure }
  }
}
