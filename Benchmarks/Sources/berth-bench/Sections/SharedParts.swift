import Glibc

// Over an S3 server, against docker-registry on the same one with its redis cache on; and PostgreSQL against SQLite.
extension Section {
  static let sharedLargePush = Section(name: "s3-push-256m", summary: "push of a 256 MiB blob to an object store") {
    bench in
    try bench.withSharedServers([.dockerRegistry, .berth]) { servers, _ in
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
        sync()
        return try server.measure { try push(server, bench.plan.largePushes) }
      }
      let path = "S3: push of a 256 MiB blob"
      return Findings(comparisons: [
        Comparison(
          path: path, figure: "MB/s", unit: "MB/s", medians: medians(samples, \.megabytesPerSecond),
          must: [.atLeast(1.5, .dockerRegistry)], aim: [.atLeast(2.5, .dockerRegistry)]),
        Comparison(path: path, figure: "CPU s/GiB", unit: "s/GiB", medians: medians(samples, \.cpuSecondsPerGiB)),
      ])
    }
  }

  static let sharedSmallPushes = Section(
    name: "s3-push-small", summary: "push of small artifacts to an object store by 16 clients"
  ) { bench in
    try bench.withSharedServers([.dockerRegistry, .berth]) { servers, _ in
      let slice = bench.plan.sharedArtifacts / bench.plan.rounds
      let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try PushLoad(server: server, artifacts: makeArtifacts(series: "warm", 0..<50), clients: 16).run()
      } _: { server, round in
        let artifacts = makeArtifacts(series: "small", (round * slice)..<((round + 1) * slice))
        sync()
        return try server.measure { try PushLoad(server: server, artifacts: artifacts, clients: 16).run() }
      }
      let path = "S3: push of \(grouped(slice * bench.plan.rounds)) small artifacts, 16 clients"
      return Findings(comparisons: [
        Comparison(
          path: path, figure: "artifacts/s", unit: "/s", medians: medians(samples, \.operationsPerSecond),
          must: [.atLeast(5, .dockerRegistry)], aim: [.atLeast(10, .dockerRegistry)]),
        Comparison(
          path: path, figure: "CPU ms an artifact", unit: "ms", medians: medians(samples, \.cpuMillisecondsPerOperation)
        ),
      ])
    }
  }

  static let sharedPulls = Section(
    name: "s3-pull", summary: "GET of manifests and of blobs that lie in an object store"
  ) {
    bench in
    try bench.withSharedServers([.dockerRegistry, .berth]) { servers, _ in
      let repository = "bench/manifests"
      _ = try publishSampleManifest(on: servers, in: repository)
      let blobs = LargeBlobFactory(size: 64 << 20).makeBlobs(2)
      for server in servers {
        for blob in blobs { try server.publish(.large(blob), digest: blob.digest, in: repository) }
      }
      func load(_ server: Server, _ targets: [String], _ connections: Int, _ seconds: Double) throws -> Sample {
        try server.measure {
          try GetLoad(port: server.port, targets: targets, connections: connections, seconds: seconds).run()
        }
      }
      let manifest = ["/v2/\(repository)/manifests/latest"]
      let streams = blobs.map { "/v2/\(repository)/blobs/\($0.digest)" }
      let manifests = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try load(server, manifest, 16, 0.3)
      } _: { server, _ in
        try load(server, manifest, 16, bench.plan.turnSeconds)
      }
      let streamed = try takeTurns(servers, rounds: bench.plan.rounds) { server in
        _ = try load(server, streams, 2, 0.3)
      } _: { server, _ in
        try load(server, streams, 2, bench.plan.turnSeconds)
      }
      return Findings(comparisons: [
        Comparison(
          path: "S3: GET of a manifest by tag", figure: "CPU µs a request", unit: "µs",
          medians: medians(manifests, \.cpuMicrosecondsPerOperation), must: [.atMost(0.1, .dockerRegistry)],
          aim: [.atMost(0.05, .dockerRegistry)]),
        Comparison(
          path: "S3: GET of a manifest by tag", figure: "requests/s", unit: "/s",
          medians: medians(manifests, \.operationsPerSecond)),
        Comparison(
          path: "S3: 64 MiB blobs streamed through", figure: "CPU s/GiB", unit: "s/GiB",
          medians: medians(streamed, \.cpuSecondsPerGiB), must: [.atMost(0.7, .dockerRegistry)],
          aim: [.atMost(0.5, .dockerRegistry)]),
        Comparison(
          path: "S3: 64 MiB blobs streamed through", figure: "MB/s", unit: "MB/s",
          medians: medians(streamed, \.megabytesPerSecond)),
      ])
    }
  }

  static let sharedLists = Section(name: "s3-lists", summary: "tags/list and _catalog over an object store") { bench in
    try bench.withSharedServers([.dockerRegistry, .berth]) { servers, _ in
      let list = LongList(count: bench.plan.sharedTags)
      let catalogue = ScaleRegistry(tags: bench.plan.sharedRepositories * ScaleRegistry.tagsPerRepository)
      for server in servers {
        try list.fill(server)
        try catalogue.fillRepositories(server)
      }
      var findings = Findings()
      for (what, target) in [
        ("tags/list, all of \(grouped(list.count)) tags", list.all),
        ("tags/list, a page of \(grouped(list.count)) tags", list.firstPage),
        ("_catalog, a page of \(grouped(catalogue.repositories)) repositories", catalogue.firstPage),
      ] {
        let samples = try takeTurns(servers, rounds: bench.plan.rounds) { server, _ in
          try server.measure {
            try GetLoad(port: server.port, targets: [target], connections: 2, seconds: bench.plan.turnSeconds).run()
          }
        }
        findings.comparisons.append(
          Comparison(
            path: "S3: \(what)", figure: "requests/s", unit: "/s", medians: medians(samples, \.operationsPerSecond),
            must: [.atLeast(50, .dockerRegistry)]))
      }
      return findings
    }
  }

  static let replicas = Section(name: "replicas", summary: "two replicas against one; PostgreSQL against SQLite") {
    bench in
    let backends = try Backends.start(bench.launcher)
    defer {
      backends.stop()
      bench.removeHome("backends")
    }
    let slice = bench.plan.sharedArtifacts / bench.plan.rounds
    func rate(_ servers: [Server], _ series: String) throws -> Double {
      var rates: [Double] = []
      for round in 0..<bench.plan.rounds {
        let artifacts = makeArtifacts(series: "\(series)-\(round)", 0..<slice)
        sync()
        rates.append(
          try servers[0].measure { try PushLoad(servers: servers, artifacts: artifacts, clients: 16).run() }
            .operationsPerSecond)
      }
      return median(rates)
    }
    func berth(_ name: String, _ settings: String) throws -> Server {
      try bench.launcher.start(.berth, home: name, berthSettings: settings).server
    }
    let shared = try backends.settings("replicas", bench.launcher)
    let first = try berth("replica1", shared)
    let second = try berth("replica2", shared)
    let sqlite = try berth("sqlite", "")
    let database = try backends.makeDatabase("alone", bench.launcher)
    let postgres = try berth("postgres", "storage:\n  database: \(database)\n")
    let all = [first, second, sqlite, postgres]
    defer {
      for server in all { server.stop() }
      for name in ["replica1", "replica2", "sqlite", "postgres"] { bench.removeHome(name) }
    }
    _ = try rate([first], "warm")
    let one = try rate([first], "one")
    let two = try rate([first, second], "two")
    _ = try rate([sqlite], "warm")
    _ = try rate([postgres], "warm")
    let onSQLite = try rate([sqlite], "sqlite")
    let onPostgres = try rate([postgres], "postgres")
    func verdict(_ ratio: Double, _ must: Double) -> String { ratio >= must ? "met" : "**missed**" }
    return Findings(tables: [
      Table(
        title: "Small pushes, 16 clients",
        columns: ["what", "artifacts/s", "against", "artifacts/s", "ratio", "must", ""],
        rows: [
          [
            "two replicas", threeDigits(two), "one", threeDigits(one), ratioText(two / one), "≥ 1.2 ×",
            verdict(two / one, 1.2),
          ],
          [
            "PostgreSQL, files", threeDigits(onPostgres), "SQLite, files", threeDigits(onSQLite),
            ratioText(onPostgres / onSQLite), "≥ 0.5 ×", verdict(onPostgres / onSQLite, 0.5),
          ],
        ])
    ])
  }
}

extension Backends {
  /// Berth's configuration over a bucket and a database of this name.
  func settings(_ name: String, _ launcher: Launcher) throws -> String {
    try makeBucket(name, launcher)
    let database = try makeDatabase(name, launcher)
    return """
      storage:
        database: \(database)
        blobs: "\(blobsURL(name))"
      s3:
        access_key_id: \(Self.accessKey)
        secret_access_key: \(Self.secretKey)

      """
  }
}

extension Bench {
  /// As ``withServers(_:tls:_:)``, over one S3 server.
  func withSharedServers<Value>(_ subjects: [Subject], _ body: ([Server], Backends) throws -> Value) throws -> Value {
    let backends = try Backends.start(launcher)
    var servers: [Server] = []
    defer {
      for server in servers { server.stop() }
      backends.stop()
      for name in subjects.map(\.name) + ["backends"] { removeHome(name) }
    }
    try backends.makeBucket("docker", launcher)
    for subject in subjects {
      let settings = subject == .berth ? try backends.settings("berth", launcher) : nil
      servers.append(
        try launcher.start(
          subject, home: subject.name, berthSettings: settings, backends: subject == .berth ? nil : backends
        ).server)
    }
    return try body(servers, backends)
  }
}
