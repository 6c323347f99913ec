extension Section {
  static let manifests = Section(name: "manifest", summary: "GET and HEAD of a manifest, by tag and by digest") {
    bench in
    try bench.withServers([.dockerRegistry, .nginx, .berth]) { servers in
      let repository = "bench/manifests"
      let digest = try publishSampleManifest(on: servers, in: repository)
      var findings = Findings()
      for method in ["GET", "HEAD"] {
        for (kind, reference) in [("tag", "latest"), ("digest", digest)] {
          func load(_ server: Server, seconds: Double) -> GetLoad {
            GetLoad(
              port: server.port, method: method, targets: ["/v2/\(repository)/manifests/\(reference)"],
              connections: 16, seconds: seconds)
          }
          let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
            _ = try load(server, seconds: 0.2).run()
          } _: { server, _ in
            // Four pairs of figures, from requests of microseconds: a second of each is enough.
            try server.measure { try load(server, seconds: min(1, bench.plan.turnSeconds)).run() }
          }
          let path = "\(method) of a manifest by \(kind)"
          findings.comparisons += [
            Comparison(
              path: path, figure: "CPU µs a request", unit: "µs",
              medians: medians(samples, \.cpuMicrosecondsPerOperation),
              must: [.atMost(0.06, .dockerRegistry), .atMost(4, .nginx)],
              aim: [.atMost(0.02, .dockerRegistry), .atMost(1.5, .nginx)]),
            Comparison(path: path, figure: "requests/s", unit: "/s", medians: medians(samples, \.operationsPerSecond)),
          ]
        }
      }
      return findings
    }
  }
}

/// Publishes a manifest of 1.4 KB, under the tag `latest`, with everything it refers to.
///
/// - Returns: its digest.
func publishSampleManifest(on servers: [Server], in repository: String) throws -> String {
  var random = RandomBytes(seed: 14)
  let config = SmallBlob(random.bytes(600))
  let layers = (0..<7).map { _ in SmallBlob(random.bytes(2048)) }
  let manifest = imageManifest(config: config, layers: layers)
  for server in servers {
    for blob in layers + [config] { try server.publish(blob, in: repository) }
    try server.publishManifest(manifest, tag: "latest", in: repository)
  }
  return sha256Digest(of: manifest)
}
