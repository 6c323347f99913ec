import Foundation

extension Section {
  static let layerReading = Section(
    name: "inspect-layer", summary: "reading one packed layer, against gzip and tar that list it"
  ) { bench in
    let folder = "\(bench.launcher.directory)/layer"
    defer { bench.removeHome("layer") }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let archive = LayerArchive.ordinary(byteCount: bench.plan.layerBytes)
    let size = archive.count
    try Data(archive).write(to: URL(fileURLWithPath: "\(folder)/layer.tar"))
    _ = try FinishedProcess.run("gzip -6 \(folder)/layer.tar", log: "\(folder)/log")
    let layer = "\(folder)/layer.tar.gz"
    let commands = [
      ("gzip -dc, tar -t", "gzip -dc \(layer) | tar -t > /dev/null"),
      ("berth inspect-layer", "\(bench.launcher.berthPath) inspect-layer < \(layer) > /dev/null"),
      ("the same of an empty layer", "tar -c -T /dev/null | \(bench.launcher.berthPath) inspect-layer > /dev/null"),
    ]
    var found: [[FinishedProcess]] = commands.map { _ in [] }
    for _ in 0..<bench.plan.rounds {
      for (index, command) in commands.enumerated() {
        found[index].append(try FinishedProcess.run(command.1, log: "\(folder)/log"))
      }
    }
    let cpu = found.map { median($0.map(\.cpuSeconds)) }
    let peak = found.map { median($0.map { Double($0.peakBytes) }) }
    var table = Table(
      title: "Reading a layer of \(size >> 20) MiB", columns: ["program", "CPU s", "MB/s a core", "peak resident, MB"])
    for (index, command) in commands.enumerated() {
      table.rows.append([
        command.0, threeDigits(cpu[index]), index < 2 ? threeDigits(Double(size) / 1e6 / cpu[index]) : "–",
        threeDigits(peak[index] / 1e6),
      ])
    }
    let rate = Double(size) / 1e6 / cpu[1]
    let memory = (peak[1] - peak[2]) / 1_048_576
    table.notes = [
      "CPU of reading against that of listing: \(ratioText(cpu[1] / cpu[0])) ×. Must ≥ 400 MB/s: "
        + (rate >= 400 ? "met." : "**missed**."),
      "Memory above that of an empty layer: \(threeDigits(memory)) MiB; must ≤ 64: "
        + (memory <= 64 ? "met." : "**missed**."),
      "ISA-L inflates where it is installed (Debian's libisal2), else zlib.",
    ]
    return Findings(tables: [table])
  }

  static let inspectedPushes = Section(
    name: "inspect-push", summary: "push of images with inspection on and off, and how long until they are known"
  ) { bench in
    let names = ["inspect-off", "inspect-on"]
    var servers: [Server] = []
    defer {
      for server in servers { server.stop() }
      for name in names { bench.removeHome(name) }
    }
    for (index, name) in names.enumerated() {
      let settings = "inspection:\n  enabled: \(index == 1)\n"
      servers.append(try bench.launcher.start(.berth, home: name, berthSettings: settings).server)
    }
    let catalogue = PackageCatalogue(names: 8000, versions: 5, packagesOfImage: 200)
    let count = bench.plan.smallArtifacts / 20
    var seconds: [[Double]] = [[], []]
    for round in 0...bench.plan.rounds {
      for (index, server) in servers.enumerated() {
        let images = (0..<count).map { made($0 + round * count, catalogue) }
        sync()
        let begin = nowNanoseconds()
        // As people push: one image after the other, and not as fast as a machine can.
        let client = try RegistryClient(server)
        for image in images { try client.push(image) }
        // The first round warms up.
        if round > 0 { seconds[index].append(secondsSince(begin)) }
        try waitUntilKnown(server, isInspected: index == 1)
      }
    }
    let (off, on) = (median(seconds[0]), median(seconds[1]))
    var table = Table(
      title: "Pushes and inspection", columns: ["one client, \(count) images of 200 packages", "ms an image"],
      rows: [
        ["inspection off", threeDigits(off / Double(count) * 1e3)],
        ["inspection on", threeDigits(on / Double(count) * 1e3)],
      ])
    let delays = try (0..<10).map { try secondsUntilKnown(made(1_000_000 + $0, catalogue), on: servers[1]) }
    let slowest = delays.max() ?? 0
    table.notes = [
      "With to without: \(ratioText(on / off)) ×; must ≤ 1.05 ×: \(on <= 1.05 * off ? "met." : "**missed**.")",
      "From the answer to a push until its inventory is there, ten times: median \(threeDigits(median(delays) * 1e3)) ms, "
        + "longest \(threeDigits(slowest * 1e3)) ms; must ≤ 1 s: \(slowest <= 1 ? "met." : "**missed**.")",
    ]
    return Findings(tables: [table])
  }
}

private func made(_ serial: Int, _ catalogue: PackageCatalogue) -> Artifact {
  Artifact(series: "inspect", serial: serial, repository: "bench/inspect", layer: catalogue.layer(of: serial))
}

/// Waits until no layer and no image waits any more.
func waitUntilKnown(_ server: Server, isInspected: Bool = true) throws {
  guard isInspected else { return }
  let begin = nowNanoseconds()
  let connection = try HTTPConnection(port: server.port)
  // Facts are read first; only then is it known that something waits.
  pause(seconds: 1)
  while secondsSince(begin) < 1800 {
    let answer = try connection.send("GET", "/api/v1/inspection", keepBody: true)
    guard answer.head.status == 200,
      let counts = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any],
      let layers = counts["layers"] as? [String: Int], let images = counts["images"] as? [String: Int]
    else { throw BenchError("GET of /api/v1/inspection: \(answer.head.status)") }
    if layers["waiting"] == 0, images["waiting"] == 0 { return }
    pause(seconds: 0.2)
  }
  throw BenchError("images wait for inspection for half an hour")
}

/// From the answer to a push until the inventory is answered.
private func secondsUntilKnown(_ image: Artifact, on server: Server) throws -> Double {
  let client = try RegistryClient(server)
  try client.push(image)
  let begin = nowNanoseconds()
  let path = "/api/v1/repositories/\(image.repository)/-/inventory/\(image.tag)"
  while secondsSince(begin) < 30 {
    let answer = try client.connection.send("GET", path, keepBody: true)
    if answer.head.status == 200, String(decoding: answer.body, as: UTF8.self).contains(#""state":"inventoried""#) {
      return secondsSince(begin)
    }
    pause(seconds: 0.01)
  }
  throw BenchError("no inventory of \(image.tag) after half a minute")
}
