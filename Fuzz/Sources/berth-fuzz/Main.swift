import Glibc

/// `berth-fuzz list`, `berth-fuzz seeds DIRECTORY`, `berth-fuzz TARGET SECONDS SEED FILE`.
@main
struct Main {
  /// What is sent to a whole server.
  private static let connections: KeyValuePairs<String, @Sendable (Int, UInt64, Witness) async throws -> Int> = [
    "server": { try await fuzzServer(seconds: $0, seed: $1, witness: $2) },
    "http2": { try await fuzzHTTP2(seconds: $0, seed: $1, witness: $2) },
    "api": { try await fuzzAPI(seconds: $0, seed: $1, witness: $2) },
  ]

  static func main() async throws {
    let arguments = CommandLine.arguments
    switch arguments.count {
    case 2 where arguments[1] == "list":
      for target in Target.all { print(target.name) }
      for connection in connections { print(connection.key) }
    case 3 where arguments[1] == "seeds":
      for (number, seeds) in Seeds.guided.enumerated() {
        for (index, seed) in seeds.enumerated() {
          write([UInt8(number)] + Array(seed.utf8), to: "\(arguments[2])/seed-\(number)-\(index)")
        }
      }
    case 5:
      guard let seconds = Int(arguments[2]), let seed = UInt64(arguments[3]) else { usage() }
      let witness = Witness(path: arguments[4])
      tell("\(arguments[1]): seed \(seed)")
      let rounds: Int
      if let connection = connections.first(where: { $0.key == arguments[1] }) {
        rounds = try await connection.value(seconds, seed, witness)
      } else if let target = Target.all.first(where: { $0.name == arguments[1] }) {
        rounds = fuzz(target, seconds: seconds, seed: seed, witness: witness)
      } else {
        usage()
      }
      witness.remove()
      tell(", \(rounds) inputs\n")
    default: usage()
    }
  }

  private static func fuzz(_ target: Target, seconds: Int, seed: UInt64, witness: Witness) -> Int {
    var mutator = Mutator(seed: seed, bytes: target.seeds)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var rounds = 0
    while clock.now < end {
      for _ in 0..<100 {
        let bytes = mutator.next()
        witness.keep(bytes)
        let start = processorNanoseconds()
        target.check(bytes)
        precondition(processorNanoseconds() - start < 5_000_000_000, "an input of \(bytes.count) bytes took seconds")
      }
      rounds += 100
    }
    return rounds
  }

  /// What this process has had of the processors: others may have them for seconds.
  private static func processorNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Without a buffer, so that the seed is there when the process stops.
  private static func tell(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(1, $0.baseAddress, $0.count) }
  }

  private static func usage() -> Never {
    print("usage: berth-fuzz list | seeds DIRECTORY | TARGET SECONDS SEED FILE")
    exit(2)
  }

  private static func write(_ bytes: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
  }
}
