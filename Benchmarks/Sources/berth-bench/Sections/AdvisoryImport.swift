import Foundation

extension Section {
  static let advisoryImport = Section(
    name: "import", summary: "berth advisories import of a whole feed, and of the same feed again"
  ) { bench in
    let home = "import"
    let server = try bench.launcher.start(.berth, home: home).server
    defer {
      server.stop()
      bench.removeHome(home)
    }
    let feed = "\(server.data)/../feed.jsonl"
    let size = try writeFeed(bench.plan.importedAdvisories, to: feed)
    func bring() throws -> Sample {
      try server.measure {
        _ = try FinishedProcess.run(
          "\(bench.launcher.berthPath) advisories import bench \(feed) --whole --server http://\(server.address)",
          log: "\(feed).log")
        return LoadOutcome(operations: bench.plan.importedAdvisories, bytes: size)
      }
    }
    let before = server.figures.peakBytes()
    let samples = [("the first import", try bring()), ("the same feed again", try bring())]
    let peak = Double(server.figures.peakBytes()) / 1e6
    return Findings(tables: [
      Table(
        title:
          "Import of \(grouped(bench.plan.importedAdvisories)) advisories, \(trimmed(Double(size / 1_000_000))) MB of JSON",
        columns: ["step", "CPU s", "MB/s a core", "s", "must", "result"],
        rows: samples.map { name, sample in
          let rate = Double(size) / 1e6 / sample.cpuSeconds
          return [
            name, threeDigits(sample.cpuSeconds), threeDigits(rate), threeDigits(sample.wallSeconds), "≥ 50 MB/s",
            rate >= 50 ? "met" : "**missed**",
          ]
        },
        notes: [
          "CPU of the server; the command that sends the feed is another process.",
          "Peak resident memory of the server: \(threeDigits(peak)) MB, \(threeDigits(Double(before) / 1e6)) before; "
            + "must ≤ 256: \(peak <= 256 ? "met." : "**missed**.")",
        ])
    ])
  }
}

/// Writes a feed some records at a time. Answers how many bytes it has.
private func writeFeed(_ count: Int, to path: String) throws -> Int {
  let catalogue = PackageCatalogue(names: 8000, versions: 5, packagesOfImage: 200)
  guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
  else { throw BenchError("\(path) cannot be written") }
  defer { try? file.close() }
  var size = 0
  // Backwards: a feed need not have the order in which a database keeps it.
  let step = 1000
  for part in stride(from: 0, to: count, by: step).reversed() {
    let records = catalogue.advisories(part..<min(part + step, count), fixed: "1.3.0-1")
    try file.write(contentsOf: Data(records))
    size += records.count
  }
  return size
}
