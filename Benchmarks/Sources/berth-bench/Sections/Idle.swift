import Glibc

extension Section {
  static let idle = Section(name: "idle", summary: "idle memory, and start to first answer") { bench in
    var samples: Samples<IdleSample> = [:]
    for _ in 0..<bench.plan.starts {
      for subject in [Subject.dockerRegistry, .nginx, .berth] {
        let home = "idle-\(subject.name)"
        defer { bench.removeHome(home) }
        // What earlier sections left for the disk to write would be waited for by the first sync of whoever syncs.
        sync()
        let first = try bench.launcher.start(subject, home: home)
        pause(seconds: 1)
        let figures = first.server.figures
        var sample = IdleSample(
          resident: Double(figures.residentBytes()) / 1e6, proportional: Double(figures.proportionalBytes()) / 1e6,
          firstStart: first.startSeconds * 1e3, laterStart: 0)
        first.server.stop()
        let second = try bench.launcher.start(subject, home: home)
        sample.laterStart = second.startSeconds * 1e3
        second.server.stop()
        samples[subject, default: []].append(sample)
      }
    }
    return Findings(comparisons: [
      Comparison(
        path: "idle memory", figure: "resident, MB", unit: "MB", medians: medians(samples, \.resident),
        must: [.atMost(40)], aim: [.atMost(21)]),
      Comparison(
        path: "idle memory", figure: "proportional, MB", unit: "MB", medians: medians(samples, \.proportional)),
      Comparison(
        path: "start to first answer, existing data", figure: "ms", unit: "ms",
        medians: medians(samples, \.laterStart), must: [.atMost(60)], aim: [.atMost(15)]),
      Comparison(
        path: "start to first answer, new data", figure: "ms", unit: "ms", medians: medians(samples, \.firstStart),
        must: [.atMost(60)], aim: [.atMost(15)]),
    ])
  }
}

/// One start of one server: megabytes and milliseconds.
private struct IdleSample {
  var resident: Double
  var proportional: Double
  var firstStart: Double
  var laterStart: Double
}
