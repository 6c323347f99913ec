extension Section {
  static let blob256MiB = Section(name: "blob-256m", summary: "GET of a 256 MiB blob") { bench in
    try blobDownloads(
      bench, "GET of a 256 MiB blob", .bytes, LargeBlobFactory(size: 256 << 20).makeBlobs(1), connections: 4,
      must: [.atMost(0.55, .dockerRegistry), .atMost(1.15, .nginx)], aim: [.atMost(1, .nginx)])
  }

  static let blob1MiB = Section(name: "blob-1m", summary: "GET of 1 MiB blobs") { bench in
    try blobDownloads(
      bench, "GET of 1 MiB blobs", .requests, LargeBlobFactory(size: 1 << 20).makeBlobs(64), connections: 8,
      must: [.atMost(0.15, .dockerRegistry), .atMost(1, .nginx)], aim: [.atMost(0.7, .nginx)])
  }

  static let blob10KiB = Section(name: "blob-10k", summary: "GET of 10 KiB blobs") { bench in
    try blobDownloads(
      bench, "GET of 10 KiB blobs", .requests, LargeBlobFactory(size: 10 << 10).makeBlobs(256), connections: 16,
      must: [.atMost(0.06, .dockerRegistry), .atMost(4, .nginx)], aim: [.atMost(1.5, .nginx)])
  }
}

/// What the CPU time of a download is divided by.
private enum Divisor {
  case bytes
  case requests
}

private func blobDownloads(
  _ bench: Bench, _ path: String, _ divisor: Divisor, _ blobs: [LargeBlob], connections: Int, must: [Bound],
  aim: [Bound]
) throws -> Findings {
  try bench.withServers([.dockerRegistry, .nginx, .berth]) { servers in
    for server in servers {
      for blob in blobs { try server.publish(.large(blob), digest: blob.digest, in: "bench/blobs") }
    }
    let targets = blobs.map { "/v2/bench/blobs/blobs/\($0.digest)" }
    func load(_ server: Server, seconds: Double) -> GetLoad {
      GetLoad(port: server.port, targets: targets, connections: connections, seconds: seconds)
    }
    let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
      _ = try load(server, seconds: 0.3).run()
    } _: { server, _ in
      try server.measure { try load(server, seconds: bench.plan.turnSeconds).run() }
    }
    let (figure, unit, values) =
      switch divisor {
      case .bytes: ("CPU s/GiB", "s/GiB", medians(samples, \.cpuSecondsPerGiB))
      case .requests: ("CPU µs a request", "µs", medians(samples, \.cpuMicrosecondsPerOperation))
      }
    return Findings(comparisons: [
      Comparison(path: path, figure: figure, unit: unit, medians: values, must: must, aim: aim),
      Comparison(path: path, figure: "MB/s", unit: "MB/s", medians: medians(samples, \.megabytesPerSecond)),
    ])
  }
}

extension LargeBlobFactory {
  func makeBlobs(_ count: Int) -> [LargeBlob] {
    (0..<count).map { _ in make() }
  }
}
