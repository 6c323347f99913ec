extension Section {
  static let searches = Section(
    name: "search", summary: "queries of GET /api/v1/search in a small and in a large registry"
  ) { bench in
    var servers: [(server: Server, registry: ScaleRegistry)] = []
    let sizes = [1000, bench.plan.scaleTags]
    defer {
      for (server, _) in servers { server.stop() }
      for size in sizes { bench.removeHome("search-\(size)") }
    }
    for size in sizes {
      let registry = ScaleRegistry(tags: size)
      let server = try bench.launcher.start(.berth, home: "search-\(size)").server
      servers.append((server, registry))
      let start = nowNanoseconds()
      try registry.fill(server)
      bench.say("search: \(size) tags after \(Int(secondsSince(start))) s")
    }
    var table = Table(
      title: "Search",
      columns: [
        "query", "\(grouped(sizes[0])) tags, CPU ms", "\(grouped(sizes[1])) tags, CPU ms", "ratio",
        "95th percentile, ms", "must", "result",
      ],
      notes: ["Every tag has a manifest of its own; fifty tags to a repository. One client; a page of 50 results."])
    for query in SearchQueryShape.all {
      var cpu: [Double] = []
      var slowest = 0.0
      for (server, registry) in servers {
        let places = registry.randomPlaces(bench.plan.rounds * 20)
        let connection = try HTTPConnection(port: server.port)
        var latencies: [Double] = []
        let sample = try server.measure {
          for place in places {
            let begin = nowNanoseconds()
            let answer = try connection.send("GET", "/api/v1/search?n=50&q=\(query.text(place))", keepBody: true)
            latencies.append(secondsSince(begin) * 1e3)
            guard answer.head.status == 200 else {
              throw BenchError("search: \(answer.head.status) \(String(decoding: answer.body, as: UTF8.self))")
            }
          }
          return LoadOutcome(operations: places.count)
        }
        cpu.append(sample.cpuMillisecondsPerOperation)
        slowest = percentile(0.95, of: latencies)
      }
      table.rows.append([
        query.name, threeDigits(cpu[0]), threeDigits(cpu[1]), ratioText(cpu[1] / cpu[0]), threeDigits(slowest),
        "≤ 50 ms", slowest <= 50 ? "met" : "**missed**",
      ])
    }
    return Findings(tables: [table])
  }
}

/// A kind of query, already as it stands in an address.
private struct SearchQueryShape: Sendable {
  let name: String
  let text: @Sendable (ScaleRegistry.Place) -> String

  static let all: [SearchQueryShape] = [
    .init(name: "repo:scale/r…") { "repo:\($0.repository)" },
    .init(name: "a tag's name") { $0.tag },
    .init(name: "repo:scale/* tag:t00*") { _ in "repo:scale/*%20tag:t00*" },
    .init(name: "pushed:<1h") { _ in "pushed:%3C1h" },
    .init(name: "nothing selective, by size") { _ in "size:%3E1KB" },
    .init(name: "repo:… -label:x (version:1 OR size:>1KB)") {
      "repo:\($0.repository)%20-label:x%20(version:1%20OR%20size:%3E1KB)"
    },
  ]
}
