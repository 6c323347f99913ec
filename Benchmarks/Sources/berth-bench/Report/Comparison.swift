/// One figure of one path, of every server that has it.
struct Comparison {
  var path: String
  /// What is counted, with its unit.
  var figure: String
  var unit: String
  var medians: [Subject: Double]
  var must: [Bound] = []
  var aim: [Bound] = []

  static let columns = [
    "path", "figure", "docker-registry", "nginx", "berth", "× docker-registry", "× nginx", "must", "aim", "result",
  ]

  var row: [String] {
    let ours = medians[.berth] ?? 0
    func cell(_ subject: Subject) -> String { medians[subject].map(threeDigits) ?? "–" }
    func ratio(_ subject: Subject) -> String { medians[subject].map { ratioText(ours / $0) } ?? "–" }
    func promise(_ bounds: [Bound]) -> String {
      bounds.isEmpty ? "–" : bounds.map { $0.text(unit: unit) }.joined(separator: ", ")
    }
    let verdict = Verdict(value: ours, peers: medians, must: must, aim: aim)
    return [
      path, figure, cell(.dockerRegistry), cell(.nginx), cell(.berth), ratio(.dockerRegistry), ratio(.nginx),
      promise(must), promise(aim), verdict.text(hasAim: !aim.isEmpty),
    ]
  }
}

/// What a section found.
struct Findings {
  var comparisons: [Comparison] = []
  var tables: [Table] = []
  /// Sentences that belong to the comparisons.
  var notes: [String] = []
}
