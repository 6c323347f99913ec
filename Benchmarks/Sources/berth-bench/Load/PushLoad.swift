/// Artifacts pushed by several clients at once, each over a connection that it keeps.
struct PushLoad: Sendable {
  /// Clients are spread over them.
  var servers: [Server]
  var artifacts: [Artifact]
  var clients: Int
  /// How often a client begins an artifact again after an error. Counted in the outcome.
  var allowedRetries = 0

  init(server: Server, artifacts: [Artifact], clients: Int, allowedRetries: Int = 0) {
    self.init(servers: [server], artifacts: artifacts, clients: clients, allowedRetries: allowedRetries)
  }

  init(servers: [Server], artifacts: [Artifact], clients: Int, allowedRetries: Int = 0) {
    self.servers = servers
    self.artifacts = artifacts
    self.clients = clients
    self.allowedRetries = allowedRetries
  }

  /// - Returns: an outcome with the seconds that each artifact took, from its first request to its last answer.
  func run() throws -> LoadOutcome {
    let numbers = Counter(limit: artifacts.count)
    let parts = try onThreads(clients) { [self] number in
      let client = try RegistryClient(servers[number % servers.count])
      var outcome = LoadOutcome()
      while let next = numbers.next() {
        let start = nowNanoseconds()
        outcome.retries += try push(artifacts[next], client)
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
