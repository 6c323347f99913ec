import Foundation

private let catalogue = PackageCatalogue(names: 8000, versions: 5, packagesOfImage: 200)

extension Section {
  static let matching = Section(name: "match", summary: "berth match: 100,000 components by 40,000 advisories") {
    bench in
    let folder = "\(bench.launcher.directory)/match"
    defer { bench.removeHome("match") }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let advisories = catalogue.advisories(0..<40_000, fixed: "1.3.0-1")
    try Data(advisories).write(to: URL(fileURLWithPath: "\(folder)/advisories.jsonl"))
    var random = RandomBytes(seed: 5)
    var lines = ""
    for _ in 0..<100_000 {
      lines +=
        #"{"ecosystem":"Debian:12","name":"package\#(random.next() % 8000)","version":"1.\#(random.next() % 5).0-1"}"#
        + "\n"
    }
    try Data(lines.utf8).write(to: URL(fileURLWithPath: "\(folder)/components.jsonl"))
    try Data().write(to: URL(fileURLWithPath: "\(folder)/none.jsonl"))
    func run(_ components: String) throws -> FinishedProcess {
      try FinishedProcess.run(
        "\(bench.launcher.berthPath) match --advisories \(folder)/advisories.jsonl < \(folder)/\(components) > /dev/null",
        log: "\(folder)/log")
    }
    let (all, none) = (try run("components.jsonl"), try run("none.jsonl"))
    let rate = Double(advisories.count) / 1e6 / none.cpuSeconds
    return Findings(tables: [
      Table(
        title: "berth match", columns: ["step", "CPU s", "peak resident, MB"],
        rows: [
          ["reading 40,000 advisories", threeDigits(none.cpuSeconds), threeDigits(Double(none.peakBytes) / 1e6)],
          ["and matching 100,000 components", threeDigits(all.cpuSeconds), threeDigits(Double(all.peakBytes) / 1e6)],
        ],
        notes: [
          "100,000 components must take a minute at most: \(all.wallSeconds <= 60 ? "met" : "**missed**") "
            + "(\(threeDigits(all.wallSeconds)) s).",
          "Advisories at \(threeDigits(rate)) MB/s of JSON a core; must ≥ 50: \(rate >= 50 ? "met." : "**missed**.")",
        ])
    ])
  }

  static let judging = Section(
    name: "judging", summary: "an update of 2,000 advisories, and judging everything again, over many images"
  ) { bench in
    let home = "judging"
    let server = try bench.launcher.start(.berth, home: home).server
    defer {
      server.stop()
      bench.removeHome(home)
    }
    let count = bench.plan.judgedImages
    let start = nowNanoseconds()
    let images = (0..<count).map {
      Artifact(series: "judged", serial: $0, repository: "bench/judged\($0 % 50)", layer: catalogue.layer(of: $0))
    }
    _ = try PushLoad(server: server, artifacts: images, clients: 4).run()
    try waitUntilKnown(server)
    bench.say("judging: \(count) images known after \(Int(secondsSince(start))) s")

    let connection = try HTTPConnection(port: server.port)
    func post(_ path: String, _ body: [UInt8]) throws -> Sample {
      try server.measure {
        let answer = try connection.send(
          "POST", path, headers: ["Content-Type: application/x-ndjson"], body: .bytes(body), keepBody: true)
        guard answer.head.status == 200 else {
          throw BenchError("POST of \(path): \(answer.head.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        return LoadOutcome(operations: 1, bytes: body.count)
      }
    }
    func bring(_ serials: Range<Int>, fixed: String) throws -> Sample {
      try post("/api/v1/advisories/bench?records=\(serials.count)", catalogue.advisories(serials, fixed: fixed))
    }
    let first = try bring(0..<20_000, fixed: "1.3.0-1")
    let fresh = try bring(20_000..<22_000, fixed: "1.4.0-1")
    let changed = try bring(0..<2000, fixed: "1.2.0-1")
    let again = try post("/api/v1/inspection/rematch", [])
    let one = try server.measure {
      for image in images.prefix(100) {
        let path = "/api/v1/repositories/\(image.repository)/-/findings/\(image.tag)"
        guard try connection.send("GET", path).head.status == 200 else { throw BenchError("GET of findings") }
      }
      return LoadOutcome(operations: min(100, count))
    }
    let peak = Double(server.figures.residentBytes()) / 1e6
    func row(_ name: String, _ sample: Sample, must seconds: Double?) -> [String] {
      [
        name, threeDigits(sample.cpuSeconds), threeDigits(sample.wallSeconds),
        seconds.map { "≤ \(trimmed($0)) s" } ?? "–",
        seconds.map { sample.wallSeconds <= $0 ? "met" : "**missed**" } ?? "–",
      ]
    }
    let perImage = one.cpuSeconds / Double(one.operations)
    return Findings(tables: [
      Table(
        title: "Judging \(grouped(count)) images of 200 packages", columns: ["step", "CPU s", "s", "must", "result"],
        rows: [
          row("the first 20,000 advisories", first, must: nil),
          row("2,000 new advisories", fresh, must: 2), row("2,000 changed advisories", changed, must: 2),
          row("everything once more", again, must: 10),
        ],
        notes: [
          "Findings of one image: \(threeDigits(perImage * 1e3)) ms of CPU; must ≤ 10 ms: "
            + (perImage <= 0.01 ? "met." : "**missed**."),
          "Resident memory of the server afterwards: \(threeDigits(peak)) MB.",
        ])
    ])
  }
}
