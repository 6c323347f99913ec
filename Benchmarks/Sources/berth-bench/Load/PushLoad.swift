/// Artifacts pushed by several clients at once, each over a connection that it keeps.
struct PushLoad: Sendable {
  var server: Server
  var artifacts: [Artifact]
  var clients: Int
  /// How often a client begins an artifact again after an error. Counted in the outcome.
  var allowedRetries = 0

  /// - Returns: an outcome with the seconds that each artifact took, from its first request to its last answer.
  func run() throws -> LoadOutcome {
    let numbers = Counter(limit: artifacts.count)
    let parts = try onThreads(clients) { [self] _ in
      let client = try RegistryClient(server)
      var outcome = LoadOutcome()
      while let number = numbers.next() {
        let start = nowNanoseconds()
        outcome.retries += try push(artifacts[number], client)
        outcome.latencies.append(secondsSince(start))
        outcome.operations += 1
      }
      return outcome
    }
    return .sum(parts)
  }

  /// - Returns: how many attempts failed before the one that succeeded.
  private func push(_ artifact: Artifact, _ client: RegistryClient) throws -> Int {
    var failures = 0
    while true {
      do {
        try client.push(artifact)
        return failures
      } catch {
        failures += 1
        guard failures <= allowedRetries else { throw error }
      }
    }
  }
}

/// Makes artifacts, spread over fifty repositories, before the clock starts.
func makeArtifacts(series: String, _ serials: Range<Int>) -> [Artifact] {
  serials.map { Artifact(series: series, serial: $0, repository: "bench/\(series)\($0 % 50)") }
}
