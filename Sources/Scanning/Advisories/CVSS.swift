internal import Glibc
internal import Synchronization

/// Scores of CVSS vectors of versions 2, 3 and 4.
///
/// Source: FIRST, "A Complete Guide to the Common Vulnerability Scoring System Version 2.0", section 3.2.1; "Common
/// Vulnerability Scoring System v3.1: Specification Document", section 7.1.
public enum CVSS {
  public struct Rating: Sendable, Hashable {
    /// 0 to 10.
    public let score: Double
    public let band: Severity.Band
  }

  /// How many vectors it remembers the rating of, and how long those may be. Feeds have some thousand, each thousands of times.
  private static let rememberedLimit = 4096
  private static let rememberedLimitBytes = 256
  private static let remembered = Mutex<[String: Rating?]>([:])

  /// Nil for what is no vector of these versions, or lacks a part.
  public static func rating(_ vector: String) -> Rating? {
    if let rating = remembered.withLock({ $0[vector] }) { return rating }
    let rating = calculated(vector)
    guard vector.utf8.count <= rememberedLimitBytes else { return rating }
    remembered.withLock { ratings in
      if ratings.count >= rememberedLimit { ratings.removeAll(keepingCapacity: true) }
      ratings.updateValue(rating, forKey: vector)
    }
    return rating
  }

  private static func calculated(_ vector: String) -> Rating? {
    var metrics: [Substring: Substring] = [:]
    for part in vector.split(separator: "/") {
      let pair = part.split(separator: ":", maxSplits: 1)
      guard pair.count == 2 else { return nil }
      metrics[pair[0]] = pair[1]
    }
    let score: Double?
    switch metrics["CVSS"] {
    case "4.0": score = CVSS4(metrics)?.score
    case "3.0", "3.1": score = third(metrics)
    case nil: score = second(metrics)
    default: score = nil
    }
    return score.map { Rating(score: $0, band: Severity.Band(score: $0)) }
  }

  private static func third(_ metrics: [Substring: Substring]) -> Double? {
    let isChanged = metrics["S"] == "C"
    func value(_ name: Substring, _ table: [Substring: Double]) -> Double? { metrics[name].flatMap { table[$0] } }
    let impact: [Substring: Double] = ["H": 0.56, "L": 0.22, "N": 0]
    let privileges: [Substring: Double] =
      isChanged ? ["N": 0.85, "L": 0.68, "H": 0.5] : ["N": 0.85, "L": 0.62, "H": 0.27]
    guard metrics["S"] == "U" || isChanged, let c = value("C", impact), let i = value("I", impact),
      let a = value("A", impact), let av = value("AV", ["N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2]),
      let ac = value("AC", ["L": 0.77, "H": 0.44]), let pr = value("PR", privileges),
      let ui = value("UI", ["N": 0.85, "R": 0.62])
    else { return nil }
    let base = 1 - (1 - c) * (1 - i) * (1 - a)
    let sub = isChanged ? 7.52 * (base - 0.029) - 3.25 * pow(base - 0.02, 15) : 6.42 * base
    guard sub > 0 else { return 0 }
    let sum = sub + 8.22 * av * ac * pr * ui
    return roundedUp(min((isChanged ? 1.08 : 1) * sum, 10))
  }

  /// To one decimal, up, without the dust of binary fractions.
  private static func roundedUp(_ value: Double) -> Double {
    let scaled = Int((value * 100_000).rounded())
    return scaled % 10_000 == 0 ? Double(scaled / 10_000) / 10 : Double(scaled / 10_000 + 1) / 10
  }

  private static func second(_ metrics: [Substring: Substring]) -> Double? {
    func value(_ name: Substring, _ table: [Substring: Double]) -> Double? { metrics[name].flatMap { table[$0] } }
    let impact: [Substring: Double] = ["N": 0, "P": 0.275, "C": 0.660]
    guard let c = value("C", impact), let i = value("I", impact), let a = value("A", impact),
      let av = value("AV", ["L": 0.395, "A": 0.646, "N": 1]), let ac = value("AC", ["H": 0.35, "M": 0.61, "L": 0.71]),
      let au = value("Au", ["M": 0.45, "S": 0.56, "N": 0.704])
    else { return nil }
    let sub = 10.41 * (1 - (1 - c) * (1 - i) * (1 - a))
    let exploitability = 20 * av * ac * au
    let score = ((0.6 * sub) + (0.4 * exploitability) - 1.5) * (sub == 0 ? 0 : 1.176)
    return (score * 10).rounded() / 10
  }
}
