extension Section {
  static let tls = Section(name: "tls", summary: "GET of a 256 MiB blob over TLS") { bench in
    try bench.withServers([.dockerRegistry, .nginx, .berth], tls: true) { servers in
      let blob = LargeBlobFactory(size: 256 << 20).make()
      for server in servers { try server.publish(.large(blob), digest: blob.digest, in: "bench/blobs") }
      let target = "/v2/bench/blobs/blobs/\(blob.digest)"

      func load(_ server: Server, seconds: Double) throws -> LoadOutcome {
        let deadline = nowNanoseconds() + UInt64(seconds * 1e9)
        let parts = try onThreads(2) { _ in
          let connection = try HTTPConnection(port: server.port, tls: true)
          var outcome = LoadOutcome()
          repeat {
            let response = try connection.send("GET", target)
            guard response.head.status == 200 else { throw BenchError("GET answered \(response.head.status)") }
            outcome.operations += 1
            outcome.bytes += response.bodyBytes
          } while nowNanoseconds() < deadline
          return outcome
        }
        return .sum(parts)
      }

      let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try load(server, seconds: 0.1)
      } _: { server, _ in
        try server.measure { try load(server, seconds: bench.plan.turnSeconds) }
      }
      let path = "GET of a 256 MiB blob over TLS"
      return Findings(comparisons: [
        Comparison(
          path: path, figure: "CPU s/GiB", unit: "s/GiB", medians: medians(samples, \.cpuSecondsPerGiB),
          must: [.atMost(0.55, .dockerRegistry), .atMost(1, .nginx)], aim: [.atMost(0.8, .nginx)]),
        Comparison(path: path, figure: "MB/s", unit: "MB/s", medians: medians(samples, \.megabytesPerSecond)),
      ])
    }
  }
}
