extension Section {
  static let openTransfers = Section(
    name: "open-transfers", summary: "memory with 200 uploads and 200 downloads of 1 GiB open"
  ) { bench in
    try bench.withServers([.dockerRegistry, .berth]) { servers in
      var resident: [Subject: Double] = [:]
      var proportional: [Subject: Double] = [:]
      let blob = LargeBlobFactory(size: 1 << 30).make()
      for server in servers {
        try server.publish(.large(blob), digest: blob.digest, in: "bench/blobs")
        let peak = try OpenTransfers(server: server, blob: blob, count: bench.plan.openTransfers).run()
        resident[server.subject] = Double(peak.resident) / 1e6
        proportional[server.subject] = Double(peak.proportional) / 1e6
        server.stop()
      }
      let path = "\(bench.plan.openTransfers) uploads and \(bench.plan.openTransfers) downloads of 1 GiB open"
      return Findings(comparisons: [
        Comparison(path: path, figure: "peak resident, MB", unit: "MB", medians: resident, must: [.atMost(400)]),
        Comparison(path: path, figure: "peak proportional, MB", unit: "MB", medians: proportional),
      ])
    }
  }
}

/// Slow clients: all transfers are opened, then each advances by a few hundred kilobytes a round.
private struct OpenTransfers {
  static let rounds = 8
  static let uploadStepBytes = 256 << 10

  let server: Server
  let blob: LargeBlob
  let count: Int

  /// - Returns: the largest memory of the server, in bytes, from the opening of the first transfer to the last round.
  func run() throws -> (resident: Int, proportional: Int) {
    var peak = (resident: 0, proportional: 0)
    func look() {
      peak.resident = max(peak.resident, server.figures.residentBytes())
      peak.proportional = max(peak.proportional, server.figures.proportionalBytes())
    }
    var downloads: [HTTPConnection] = []
    var uploads: [HTTPConnection] = []
    var random = RandomBytes(seed: 200)
    let step = random.bytes(Self.uploadStepBytes)
    for number in 0..<count {
      let download = try HTTPConnection(port: server.port, bufferBytes: 65_536, receiveBuffer: 65_536)
      try download.begin("GET", "/v2/bench/blobs/blobs/\(blob.digest)")
      downloads.append(download)
      let client = try RegistryClient(server, bufferBytes: 16_384)
      let place = try client.openUpload("bench/open")
      try client.connection.begin(
        "PATCH", place, headers: ["Content-Type: application/octet-stream"], contentLength: blob.count)
      uploads.append(client.connection)
      if number.isMultiple(of: 20) { look() }
    }
    for _ in 0..<Self.rounds {
      for index in 0..<count {
        try step.withUnsafeBytes { try uploads[index].sendMore($0) }
        for _ in 0..<4 {
          guard try downloads[index].readSome() > 0 else { throw BenchError("a slow download was cut off") }
        }
        if index.isMultiple(of: 20) { look() }
      }
      pause(seconds: 0.2)
      look()
    }
    return peak
  }
}
