extension Section {
  static let scale = Section(
    name: "scale", summary: "the same operations in a small and in a large registry; pages of long lists"
  ) { bench in
    let small = ScaleRegistry(tags: 1000)
    let large = ScaleRegistry(tags: bench.plan.scaleTags)
    let longList = LongList(count: bench.plan.largeRepositoryTags)
    var servers: [Server] = []
    defer {
      for server in servers { server.stop() }
      bench.removeHome("scale-small")
      bench.removeHome("scale-large")
    }
    servers.append(try bench.launcher.start(.berth, home: "scale-small").server)
    servers.append(try bench.launcher.start(.berth, home: "scale-large").server)
    let start = nowNanoseconds()
    try small.fill(servers[0])
    try large.fill(servers[1])
    try longList.fill(servers[1])
    bench.say("scale: filled in \(Int(secondsSince(start))) s")
    return Findings(tables: [
      try compareSizes(bench, (servers[0], small), (servers[1], large)),
      try comparePages(bench, servers[1], large, longList),
    ])
  }
}

/// "Does not grow", with room for the noise of a shared machine.
private let growthLimit = 1.5

private func compareSizes(
  _ bench: Bench, _ small: (server: Server, registry: ScaleRegistry), _ large: (server: Server, registry: ScaleRegistry)
) throws -> Table {
  var table = Table(
    title: "Cost and size of the registry",
    columns: [
      "operation", "figure", "\(grouped(small.registry.tags)) tags", "\(grouped(large.registry.tags)) tags", "ratio",
      "must", "result",
    ],
    notes: [
      "Every tag has a manifest of its own; fifty tags to a repository. \"does not grow\" is read as ≤ \(growthLimit) ×, "
        + "with both registries asked for a thousand places chosen at random over all of it; reads that are "
        + "scattered over everything also show what is not in memory, and promise nothing."
    ])
  for operation in ScaleOperation.all {
    let runs = [small, large].map { side in (side.server, operation.prepare(side.registry)) }
    var figures: [[Double]] = [[], []]
    for round in 0...bench.plan.rounds {
      for (side, run) in runs.enumerated() {
        let sample = try run.0.measure { try run.1(run.0, bench.plan.turnSeconds / 2, round) }
        // The first turn warms up.
        if round > 0 { figures[side].append(sample.cpuMicrosecondsPerOperation) }
      }
    }
    let (few, many) = (median(figures[0]), median(figures[1]))
    let verdict = many <= growthLimit * few ? "met" : "**missed**"
    table.rows.append([
      operation.name, "CPU µs", threeDigits(few), threeDigits(many), ratioText(many / few),
      operation.isPromised ? "≤ \(growthLimit) ×" : "–", operation.isPromised ? verdict : "–",
    ])
  }
  return table
}

/// Something to do in registries of different sizes.
private struct ScaleOperation: Sendable {
  typealias Run = @Sendable (_ server: Server, _ seconds: Double, _ round: Int) throws -> LoadOutcome

  let name: String
  var isPromised = true
  let prepare: @Sendable (ScaleRegistry) -> Run

  static let all: [ScaleOperation] = [
    requests("GET of a manifest by tag", "GET") { "/v2/\($0.repository)/manifests/\($0.tag)" },
    requests("GET of a manifest by tag, scattered", "GET", places: 100_000, isPromised: false) {
      "/v2/\($0.repository)/manifests/\($0.tag)"
    },
    requests("HEAD of a manifest by tag", "HEAD") { "/v2/\($0.repository)/manifests/\($0.tag)" },
    requests("tags/list of a repository of 50", "GET") { "/v2/\($0.repository)/tags/list?n=50" },
    requests("_catalog, ten from the middle", "GET") { "/v2/_catalog?n=10&last=\($0.middleRepository)" },
    ScaleOperation(name: "push of a small artifact, 16 clients") { registry in
      { server, _, round in
        let artifacts = (0..<200).map { number in
          Artifact(
            series: "scale\(round)", serial: number,
            repository: registry.repository(number * 37 % registry.repositories))
        }
        return try PushLoad(server: server, artifacts: artifacts, clients: 16).run()
      }
    },
  ]

  private static func requests(
    _ name: String, _ method: String, places: Int = 1000, isPromised: Bool = true,
    _ target: @escaping @Sendable (ScaleRegistry.Place) -> String
  ) -> ScaleOperation {
    ScaleOperation(name: name, isPromised: isPromised) { registry in
      let targets = registry.randomPlaces(places).map(target)
      return { server, seconds, round in
        // Each turn begins elsewhere, so that scattered reads do not come upon what the turn before left in memory.
        let offset = round * targets.count / 40
        return try GetLoad(
          port: server.port, method: method, targets: targets, offset: offset, connections: 8, seconds: seconds
        ).run()
      }
    }
  }
}

private func comparePages(
  _ bench: Bench, _ server: Server, _ registry: ScaleRegistry, _ list: LongList
) throws -> Table {
  var table = Table(
    title: "Pages of long lists",
    columns: ["list", "figure", "first page", "last page", "ratio", "must", "result"])
  let pages = [
    ("tags/list of \(grouped(list.count)) tags, n=100", list.firstPage, list.lastPage),
    ("_catalog of \(grouped(registry.repositories)) repositories, n=10", registry.firstPage, registry.lastPage),
  ]
  for (name, first, last) in pages {
    var figures: [[Double]] = [[], []]
    for round in 0...bench.plan.rounds {
      for (side, target) in [first, last].enumerated() {
        let load = GetLoad(port: server.port, targets: [target], connections: 2, seconds: bench.plan.turnSeconds / 3)
        let sample = try server.measure(load.run)
        if round > 0 { figures[side].append(sample.cpuMicrosecondsPerOperation) }
      }
    }
    let (before, after) = (median(figures[0]), median(figures[1]))
    table.rows.append([
      name, "CPU µs a page", threeDigits(before), threeDigits(after), ratioText(after / before), "≤ \(growthLimit) ×",
      after <= growthLimit * before ? "met" : "**missed**",
    ])
  }
  return table
}
