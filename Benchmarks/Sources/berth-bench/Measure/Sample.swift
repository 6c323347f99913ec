/// What one turn of one server cost.
struct Sample: Sendable {
  /// User and system time of the server.
  var cpuSeconds: Double
  var wallSeconds: Double
  var operations: Int
  var bytes: Int

  var cpuMicrosecondsPerOperation: Double { cpuSeconds * 1e6 / Double(operations) }
  var cpuMillisecondsPerOperation: Double { cpuSeconds * 1e3 / Double(operations) }
  var cpuSecondsPerGiB: Double { cpuSeconds * 1_073_741_824 / Double(bytes) }
  var operationsPerSecond: Double { Double(operations) / wallSeconds }
  var megabytesPerSecond: Double { Double(bytes) / 1e6 / wallSeconds }
}

/// What a load did, as its client saw it.
struct LoadOutcome: Sendable {
  var operations = 0
  var bytes = 0
  /// Seconds that each operation took, where the load keeps them.
  var latencies: [Double] = []
  /// Attempts that failed and were made again.
  var retries = 0

  static func sum(_ parts: [LoadOutcome]) -> LoadOutcome {
    parts.reduce(into: LoadOutcome()) { total, part in
      total.operations += part.operations
      total.bytes += part.bytes
      total.latencies += part.latencies
      total.retries += part.retries
    }
  }
}

extension Server {
  /// Runs a load and measures what it costs this server.
  ///
  /// The server rests a moment before each reading, so that work it left for later is counted to the turn that caused it.
  func measure(_ load: () throws -> LoadOutcome) throws -> Sample {
    pause(seconds: 0.05)
    let cpuBefore = figures.cpuSeconds()
    let start = nowNanoseconds()
    let outcome = try load()
    let wall = secondsSince(start)
    pause(seconds: 0.05)
    guard outcome.operations > 0 else { throw BenchError("\(subject.name) answered nothing") }
    return Sample(
      cpuSeconds: figures.cpuSeconds() - cpuBefore, wallSeconds: wall, operations: outcome.operations,
      bytes: outcome.bytes)
  }
}
