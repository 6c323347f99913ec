import Glibc

extension Section {
  static let largePush = Section(name: "push-256m", summary: "push of a 256 MiB blob") { bench in
    try bench.withServers([.dockerRegistry, .berth]) { servers in
      let factory = LargeBlobFactory(size: 256 << 20)
      func push(_ server: Server, _ count: Int) throws -> LoadOutcome {
        let client = try RegistryClient(server)
        var outcome = LoadOutcome()
        for blob in factory.makeBlobs(count) {
          try client.pushBlob("bench/push", .large(blob), digest: blob.digest)
          outcome.operations += 1
          outcome.bytes += blob.count
        }
        return outcome
      }
      let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try push(server, 1)
      } _: { server, _ in
        // What the other server left for the disk to write is not this one's cost.
        sync()
        return try server.measure { try push(server, bench.plan.largePushes) }
      }
      let path = "push of a 256 MiB blob"
      return Findings(comparisons: [
        Comparison(
          path: path, figure: "MB/s", unit: "MB/s", medians: medians(samples, \.megabytesPerSecond),
          must: [.atLeast(2.5, .dockerRegistry)], aim: [.atLeast(3.4, .dockerRegistry)]),
        Comparison(
          path: path, figure: "CPU s/GiB", unit: "s/GiB", medians: medians(samples, \.cpuSecondsPerGiB),
          must: [.atMost(0.5, .dockerRegistry)], aim: [.atMost(0.35, .dockerRegistry)]),
      ])
    }
  }

  static let smallPushes = Section(name: "push-small", summary: "push of small artifacts by 16 clients") { bench in
    try bench.withServers([.dockerRegistry, .berth]) { servers in
      let slice = bench.plan.smallArtifacts / bench.plan.rounds
      let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try PushLoad(server: server, artifacts: makeArtifacts(series: "warm", 0..<100), clients: 16).run()
      } _: { server, round in
        let artifacts = makeArtifacts(series: "small", (round * slice)..<((round + 1) * slice))
        sync()
        return try server.measure { try PushLoad(server: server, artifacts: artifacts, clients: 16).run() }
      }
      let path = "push of \(grouped(slice * bench.plan.rounds)) small artifacts, 16 clients"
      return Findings(comparisons: [
        Comparison(
          path: path, figure: "artifacts/s", unit: "/s", medians: medians(samples, \.operationsPerSecond),
          must: [.atLeast(4, .dockerRegistry)], aim: [.atLeast(8, .dockerRegistry)]),
        Comparison(
          path: path, figure: "CPU ms an artifact", unit: "ms",
          medians: medians(samples, \.cpuMillisecondsPerOperation),
          must: [.atMost(0.2, .dockerRegistry)]),
      ])
    }
  }
}
