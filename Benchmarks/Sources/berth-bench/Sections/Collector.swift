extension Section {
  static let collector = Section(
    name: "collector", summary: "small pushes by 32 clients while unreferenced blobs are freed"
  ) { bench in
    let garbage = (0..<bench.plan.garbageBlobs).map { SmallBlob(Array("garbage \($0)".utf8)) }
    let home = "collector"
    var server = try bench.launcher.start(.berth, home: home, berthSettings: settings(intervalSeconds: 3600)).server
    defer {
      server.stop()
      bench.removeHome(home)
    }
    try push(garbage, to: server)

    func pushArtifacts(_ series: String) throws -> LoadOutcome {
      let artifacts = makeArtifacts(series: series, 0..<bench.plan.collectorArtifacts)
      return try PushLoad(server: server, artifacts: artifacts, clients: 32, allowedRetries: 5).run()
    }
    let without = try pushArtifacts("without")

    // The first collection is due a second after the start.
    server.stop()
    server = try bench.launcher.start(.berth, home: home, berthSettings: settings(intervalSeconds: 1)).server
    let start = nowNanoseconds()
    let with = try pushArtifacts("with")
    let pushSeconds = secondsSince(start)
    let freedShare = try freedShare(of: garbage, on: server)
    let freedSeconds = try waitUntilFreed(garbage, on: server, since: start)

    let base = median(without.latencies)
    let slow = percentile(0.99, of: with.latencies)
    var table = Table(
      title: "Pushes beside the collector",
      columns: [
        "\(grouped(bench.plan.collectorArtifacts)) small artifacts, 32 clients", "median, ms", "99th percentile, ms",
      ])
    table.rows = [("without collector", without), ("while blobs are freed", with)].map { name, outcome in
      [
        name, threeDigits(median(outcome.latencies) * 1e3), threeDigits(percentile(0.99, of: outcome.latencies) * 1e3),
      ]
    }
    table.notes = [
      "99th percentile with the collector: \(ratioText(slow / base)) × the median without; must ≤ 3 ×: "
        + (slow <= 3 * base ? "met." : "**missed**."),
      "Of the \(grouped(garbage.count)) unreferenced blobs, by a sample of a thousand, "
        + "\(Int((freedShare * 100).rounded())) % were gone when the pushes ended after \(threeDigits(pushSeconds)) s; "
        + (freedSeconds.map { "all after \(threeDigits($0)) s." } ?? "**not all of them within two minutes**."),
      "Artifacts begun again after an error: \(without.retries) without, \(with.retries) with.",
    ]
    return Findings(tables: [table])
  }
}

private func settings(intervalSeconds: Int) -> String {
  "collection:\n  interval: \(intervalSeconds)s\n  lease: 1s\n"
}

private func push(_ blobs: [SmallBlob], to server: Server) throws {
  let numbers = Counter(limit: blobs.count)
  _ = try onThreads(32) { _ in
    let client = try RegistryClient(server)
    while let number = numbers.next() {
      try client.pushBlob("bench/garbage", .bytes(blobs[number].bytes), digest: blobs[number].digest)
    }
  }
}

/// How much of a sample of a thousand blobs is gone, from 0 to 1. Its HEADs may renew leases, so it is not asked often.
private func freedShare(of blobs: [SmallBlob], on server: Server) throws -> Double {
  let connection = try HTTPConnection(port: server.port)
  var random = RandomBytes(seed: 7)
  var gone = 0
  let sample = 1000
  for _ in 0..<sample {
    let blob = blobs[Int(random.next() % UInt64(blobs.count))]
    if try connection.send("HEAD", "/v2/bench/garbage/blobs/\(blob.digest)").head.status == 404 { gone += 1 }
  }
  return Double(gone) / Double(sample)
}

/// - Returns: seconds since `start`, to within two; nil when some are left after two minutes.
private func waitUntilFreed(_ blobs: [SmallBlob], on server: Server, since start: UInt64) throws -> Double? {
  while secondsSince(start) < 120 {
    if try freedShare(of: blobs, on: server) == 1 { return secondsSince(start) }
    // Longer than a lease, or a HEAD would keep what it looks for.
    pause(seconds: 3)
  }
  return nil
}
