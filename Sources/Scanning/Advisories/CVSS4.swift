/// Scores of CVSS vectors of version 4.
///
/// A vector falls into one of 270 classes, each with a score; from it something is taken off in proportion to how far the vector is
/// from the worst one of its class.
///
/// Source: FIRST, "Common Vulnerability Scoring System version 4.0: Specification Document", sections 8.1 to 8.3 and the score of
/// each class.
struct CVSS4 {
  private let values: [Metric: UInt8]

  /// What the score depends on, with its values from the worst on.
  private enum Metric: String, CaseIterable {
    case av = "AV", pr = "PR", ui = "UI", ac = "AC", at = "AT", vc = "VC", vi = "VI", va = "VA", sc = "SC", si = "SI"
    case sa = "SA", cr = "CR", ir = "IR", ar = "AR", e = "E"

    var order: [UInt8] {
      switch self {
      case .av: Array("NALP".utf8)
      case .pr: Array("NLH".utf8)
      case .ui: Array("NPA".utf8)
      case .ac: Array("LH".utf8)
      case .at: Array("NP".utf8)
      case .vc, .vi, .va: Array("HLN".utf8)
      // Safety is the worst; a vector has it by a modified metric alone.
      case .sc, .si, .sa: Array("SHLN".utf8)
      case .cr, .ir, .ar: Array("HML".utf8)
      case .e: Array("APU".utf8)
      }
    }

    /// Those that have to be there; the others have the worst value where the vector says nothing.
    var isBase: Bool {
      switch self {
      case .cr, .ir, .ar, .e: false
      default: true
      }
    }
  }

  /// - Parameter metrics: of a vector whose `CVSS` is `4.0`. Nil: one that has to be there is not, or has no value.
  init?(_ metrics: [Substring: Substring]) {
    var values: [Metric: UInt8] = [:]
    for metric in Metric.allCases {
      var text = metrics[Substring(metric.rawValue)] ?? "X"
      guard !metric.isBase || (text != "X" && text != "S") else { return nil }
      // What an organisation has changed for itself counts.
      if metric.isBase, let own = metrics[Substring("M" + metric.rawValue)], own != "X" { text = own }
      if text == "X" { text = metric == .e ? "A" : "H" }
      guard let value = text.utf8.first, text.utf8.count == 1, metric.order.contains(value),
        !(metric == .sc && value == UInt8(ascii: "S"))
      else { return nil }
      values[metric] = value
    }
    self.values = values
  }

  private func has(_ metric: Metric, _ value: Unicode.Scalar) -> Bool { values[metric] == UInt8(ascii: value) }

  // MARK: Classes

  /// One digit for each of the five ways in which vectors are told apart; the third and sixth of the specification are one here.
  private struct Class: Hashable {
    var access: Int
    var complexity: Int
    /// As ``impactPairs`` has them.
    var impact: Int
    var others: Int
    var exploit: Int

    var score: Double? {
      guard (0..<3).contains(access), (0..<2).contains(complexity), (0..<5).contains(impact), (0..<3).contains(others),
        (0..<3).contains(exploit)
      else { return nil }
      return Double(CVSS4.scores[(((access * 2 + complexity) * 5 + impact) * 3 + others) * 3 + exploit]) / 10
    }
  }

  /// Impact on the system itself, and whether it meets what is required most: (0, 0), (0, 1), (1, 0), (1, 1), (2, 1).
  private static func impactIndex(_ impact: Int, _ requirement: Int) -> Int {
    impact == 2 ? 4 : impact * 2 + requirement
  }

  private var ownClass: Class {
    let open = [has(.av, "N"), has(.pr, "N"), has(.ui, "N")]
    let access = open.allSatisfy { $0 } ? 0 : open.contains(true) && !has(.av, "P") ? 1 : 2
    let high = [has(.vc, "H"), has(.vi, "H"), has(.va, "H")]
    let impact = high[0] && high[1] ? 0 : high.contains(true) ? 1 : 2
    let required = [has(.cr, "H"), has(.ir, "H"), has(.ar, "H")]
    let requirement = zip(high, required).contains { $0 && $1 } ? 0 : 1
    let isSafety = has(.si, "S") || has(.sa, "S")
    let others = isSafety ? 0 : has(.sc, "H") || has(.si, "H") || has(.sa, "H") ? 1 : 2
    return Class(
      access: access, complexity: has(.ac, "L") && has(.at, "N") ? 0 : 1,
      impact: Self.impactIndex(impact, requirement), others: others,
      exploit: has(.e, "A") ? 0 : has(.e, "P") ? 1 : 2)
  }

  // MARK: Score

  var score: Double {
    let impacts: [Metric] = [.vc, .vi, .va, .sc, .si, .sa]
    if impacts.allSatisfy({ has($0, "N") }) { return 0 }
    let own = ownClass
    guard let top = own.score else { return 0 }
    let ways: [(next: Double?, metrics: [Metric], worst: [String], depth: Double)] = [
      (next(own) { $0.access += 1 }, [.av, .pr, .ui], Self.accessWorst[own.access], [1, 4, 5][own.access]),
      (next(own) { $0.complexity += 1 }, [.ac, .at], Self.complexityWorst[own.complexity], [1, 2][own.complexity]),
      (
        nextImpact(own), [.vc, .vi, .va, .cr, .ir, .ar], Self.impactWorst[own.impact], [7, 6, 8, 8, 10][own.impact]
      ),
      (next(own) { $0.others += 1 }, [.sc, .si, .sa], Self.othersWorst[own.others], [6, 5, 4][own.others]),
      // Of the exploits there is one vector in each class: nothing to be far from.
      (next(own) { $0.exploit += 1 }, [], [""], 1),
    ]
    var taken = 0.0
    var count = 0.0
    for way in ways {
      guard let next = way.next else { continue }
      count += 1
      taken += (top - next) * Double(distance(way.metrics, way.worst)) / way.depth
    }
    let value = min(max(top - (count > 0 ? taken / count : 0), 0), 10)
    return ((value * 10 + 1e-6).rounded()) / 10
  }

  private func next(_ own: Class, _ change: (inout Class) -> Void) -> Double? {
    var other = own
    change(&other)
    return other.score
  }

  /// From (0, 0) there are two ways down, and the one that loses less counts.
  private func nextImpact(_ own: Class) -> Double? {
    let below = [[1, 2], [3], [3], [4], []][own.impact]
    return below.compactMap { index in next(own) { $0.impact = index } }.max()
  }

  /// How many steps the vector is from the first of the worst ones that is nowhere better than it.
  private func distance(_ metrics: [Metric], _ worst: [String]) -> Int {
    for vector in worst {
      var total = 0
      var isAbove = true
      for (metric, value) in zip(metrics, vector.utf8) {
        let order = metric.order
        guard let own = values[metric].flatMap({ order.firstIndex(of: $0) }), let other = order.firstIndex(of: value),
          own >= other
        else {
          isAbove = false
          break
        }
        total += own - other
      }
      if isAbove { return total }
    }
    return 0
  }

  // The worst vectors of each class, with the values of the metrics in the order above.
  private static let accessWorst = [["NNN"], ["ANN", "NLN", "NNP"], ["PNN", "ALP"]]
  private static let complexityWorst = [["LN"], ["HN", "LP"]]
  private static let impactWorst = [
    ["HHHHHH"], ["HHLMMH", "HHHMMM"], ["LHHHHH", "HLHHHH"],
    ["LHLHMH", "LHHHMM", "HLHMHM", "HLLMHH", "LLHHHM"], ["LLLHHH"],
  ]
  private static let othersWorst = [["HSS"], ["HHH"], ["LLL"]]

  /// In tenths. A row for each access, complexity and impact; in it the others and the exploits.
  private static let scores: [UInt8] = [
    100, 98, 95, 100, 93, 91, 93, 89, 81,
    99, 95, 92, 96, 87, 81, 90, 80, 68,
    98, 95, 90, 93, 89, 81, 88, 78, 69,
    95, 92, 84, 92, 81, 65, 80, 70, 48,
    92, 82, 72, 79, 69, 50, 69, 55, 27,
    99, 95, 92, 95, 90, 84, 92, 82, 72,
    97, 92, 85, 91, 83, 71, 81, 71, 53,
    95, 92, 85, 92, 80, 70, 84, 71, 50,
    93, 85, 73, 82, 72, 59, 70, 52, 30,
    86, 75, 52, 71, 52, 29, 63, 29, 17,
    98, 94, 91, 94, 86, 77, 87, 74, 63,
    95, 87, 81, 89, 74, 64, 75, 63, 49,
    94, 88, 76, 86, 74, 59, 72, 57, 52,
    89, 77, 67, 76, 58, 50, 57, 52, 25,
    83, 70, 54, 65, 58, 26, 53, 21, 13,
    95, 88, 76, 90, 75, 61, 77, 68, 52,
    90, 76, 70, 77, 62, 53, 66, 59, 30,
    89, 76, 62, 74, 57, 47, 61, 57, 24,
    78, 67, 58, 59, 57, 23, 52, 29, 16,
    71, 59, 30, 58, 26, 15, 23, 13, 6,
    93, 86, 75, 86, 74, 56, 70, 52, 40,
    87, 72, 58, 74, 61, 34, 54, 40, 22,
    85, 74, 62, 72, 55, 46, 53, 34, 19,
    75, 55, 51, 57, 41, 19, 36, 19, 8,
    64, 51, 20, 47, 21, 11, 24, 9, 4,
    88, 73, 60, 73, 59, 41, 54, 45, 20,
    75, 53, 50, 55, 40, 20, 43, 22, 11,
    75, 58, 40, 61, 48, 20, 46, 17, 8,
    55, 45, 21, 51, 18, 9, 18, 7, 2,
    53, 24, 14, 24, 12, 5, 10, 3, 1,
  ]
}
