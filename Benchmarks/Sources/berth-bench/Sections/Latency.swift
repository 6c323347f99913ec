import Glibc

extension Section {
  static let latency = Section(
    name: "latency", summary: "manifest latency while 256 MiB blobs stream in and out"
  ) { bench in
    try bench.withServers([.dockerRegistry, .nginx, .berth]) { servers in
      _ = try publishSampleManifest(on: servers, in: "bench/latency")
      let factory = LargeBlobFactory(size: 256 << 20)
      let blob = factory.make()
      for server in servers { try server.publish(.large(blob), digest: blob.digest, in: "bench/blobs") }

      let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server, _ in
        sync()
        return try LatencyTurn(server: server, factory: factory, download: blob, seconds: bench.plan.latencyTurnSeconds)
          .run()
      }
      let path = "manifest by tag while 256 MiB blobs stream in and out"
      return Findings(
        comparisons: [
          Comparison(
            path: path, figure: "99th percentile, ms", unit: "ms",
            medians: medians(samples) { percentile(0.99, of: $0.latencies) * 1e3 },
            must: [.atMost(0.5, .dockerRegistry)], aim: [.atMost(2, .nginx)]),
          Comparison(
            path: path, figure: "median, ms", unit: "ms", medians: medians(samples) { median($0.latencies) * 1e3 }),
          Comparison(
            path: path, figure: "streamed, MB/s", unit: "MB/s",
            medians: medians(samples) { Double($0.bytes) / 1e6 / $0.seconds }),
        ],
        notes: [
          "Latency: four clients, each asking again two milliseconds after an answer, beside one client that pushes and "
            + "one that pulls as fast as they can. nginx takes the push as a WebDAV PUT: no hash, no sync."
        ])
    }
  }
}

/// One server's manifest latencies while blobs stream.
private struct LatencyTurn: Sendable {
  struct Result: Sendable {
    /// Seconds of each request.
    var latencies: [Double] = []
    /// Bytes that streamed meanwhile, in and out.
    var bytes = 0
    var seconds = 0.0
  }

  let server: Server
  let factory: LargeBlobFactory
  let download: LargeBlob
  let seconds: Double

  func run() throws -> Result {
    let over = Flag()
    let start = nowNanoseconds()
    let parts = try onThreads(6) { [self] index in
      // Whoever fails must not leave the others streaming.
      defer { over.raise() }
      switch index {
      case 0: return Result(bytes: try pullUntil(over))
      case 1: return Result(bytes: try pushUntil(over))
      default: return Result(latencies: try probe(over))
      }
    }
    return parts.reduce(into: Result(seconds: secondsSince(start))) { total, part in
      total.latencies += part.latencies
      total.bytes += part.bytes
    }
  }

  private func pullUntil(_ over: Flag) throws -> Int {
    let connection = try HTTPConnection(port: server.port)
    var bytes = 0
    while !over.isRaised {
      bytes += try connection.send("GET", "/v2/bench/blobs/blobs/\(download.digest)").bodyBytes
    }
    return bytes
  }

  private func pushUntil(_ over: Flag) throws -> Int {
    let client = try RegistryClient(server)
    var bytes = 0
    while !over.isRaised {
      let blob = factory.make()
      if server.subject == .nginx {
        let response = try client.connection.send("PUT", "/upload/blob", body: .large(blob))
        guard response.head.status / 100 == 2 else { throw BenchError("PUT answered \(response.head.status)") }
      } else {
        try client.pushBlob("bench/stream", .large(blob), digest: blob.digest)
      }
      bytes += blob.count
    }
    return bytes
  }

  /// Asks for the manifest until the turn's time is over; ignores the first fifth, in which the streams get going.
  private func probe(_ over: Flag) throws -> [Double] {
    // The servers' latency is asked for, not that of a client that waits for a CPU. Refused to ordinary users.
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
    let connection = try HTTPConnection(port: server.port, bufferBytes: 16_384)
    let begin = nowNanoseconds()
    var latencies: [Double] = []
    while !over.isRaised, secondsSince(begin) < seconds {
      let start = nowNanoseconds()
      let response = try connection.send("GET", "/v2/bench/latency/manifests/latest", headers: [acceptHeader])
      let elapsed = secondsSince(start)
      guard response.head.status == 200 else { throw BenchError("GET answered \(response.head.status)") }
      if secondsSince(begin) > seconds / 5 { latencies.append(elapsed) }
      pause(seconds: 0.002)
    }
    return latencies
  }
}
