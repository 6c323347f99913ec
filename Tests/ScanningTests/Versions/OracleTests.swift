import Foundation
import TestSupport
import Testing

@testable import Scanning

/// Random versions, compared by us and by the tools whose orders these are.
@Suite struct `Version orders agree with the tools that define them` {
  /// Numbers from a seed, so that a failure can be had again.
  private struct Chance {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func below(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }
  }

  /// Pairs that are often close to each other: the second is the first with a piece changed, every other time.
  private static func pairs(_ seed: UInt64, _ count: Int, _ make: (inout Chance) -> [String]) -> [(String, String)] {
    var chance = Chance(seed)
    return (0..<count).map { index in
      var first = make(&chance)
      let one = first.joined()
      guard index % 2 == 0, !first.isEmpty else { return (one, make(&chance).joined()) }
      let other = make(&chance)
      let position = chance.below(first.count)
      if position < other.count { first[position] = other[position] }
      return (one, first.joined())
    }
  }

  /// Runs a script once for all pairs: lines of two versions in, lines of `-1`, `0`, `1` out.
  private static func ask(_ program: String, _ arguments: [String], _ pairs: [(String, String)]) throws -> [String] {
    let file = FileManager.default.temporaryDirectory.appending(path: "pairs-\(UUID().uuidString)")
    try Data(pairs.map { "\($0.0) \($0.1)\n" }.joined().utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    // Warnings are no answers.
    let asked = try FinishedProgram(
      "sh", ["-c", #"exec "$@" 2> /dev/null"#, "sh", program] + arguments.map { $0 == "PAIRS" ? file.path() : $0 })
    try #require(asked.status == 0, "\(program) is among the packages that tests need")
    return asked.text.split(separator: "\n").map { String($0) }
  }

  private static func expect(
    _ order: VersionOrder?, _ pairs: [(String, String)], _ answers: [String], seed: UInt64
  ) throws {
    let order = try #require(order)
    try #require(answers.count == pairs.count)
    // Old records have versions that the tool does not take any more, and we do.
    #expect(answers.filter { $0 != "invalid" }.count > answers.count / 2)
    for ((first, second), answer) in zip(pairs, answers) where answer != "invalid" {
      let ours = order.compare(first, second).map { $0 == .less ? "-1" : $0 == .equal ? "0" : "1" } ?? "invalid"
      #expect(ours == answer, "\(first) and \(second), seed \(seed)")
    }
  }

  private static func systemVersion(_ chance: inout Chance) -> [String] {
    var pieces = [chance.pick(["", "", "1:", "2:"]), chance.pick(["0", "1", "2", "10", "09"])]
    for _ in 0..<chance.below(4) {
      pieces.append(chance.pick([".", "~", "+", ".0", "~rc", "+b", "a", ".z"]))
      pieces.append(chance.pick(["0", "1", "9", "10", "010", "git2", "", "A"]))
    }
    return pieces + [chance.pick(["-1", "-0", "-1~bpo12", "-1ubuntu2", "-2.1"])]
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func `dpkg`(seed: UInt64) throws {
    let pairs = Self.pairs(seed, 300, Self.systemVersion)
    let script = """
      while read -r a b; do
        if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi
      done < "$0"
      """
    try Self.expect(
      VersionOrder(ecosystem: "Debian"), pairs, try Self.ask("sh", ["-c", script, "PAIRS"], pairs), seed: seed)
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func `Python's packaging`(seed: UInt64) throws {
    let pairs = Self.pairs(seed, 3000) { chance in
      var pieces = [chance.pick(["", "", "1!"]), chance.pick(["0", "1", "2", "10"])]
      for _ in 0..<chance.below(3) { pieces.append(chance.pick([".0", ".1", ".10", ".01"])) }
      pieces.append(chance.pick(["", "", "a1", "b2", "rc1", ".rc2", "-alpha3", "c4"]))
      pieces.append(chance.pick(["", "", ".post1", "-2", ".post0", "r3"]))
      pieces.append(chance.pick(["", "", ".dev1", ".dev0"]))
      return pieces + [chance.pick(["", "", "+local.1", "+ubuntu-2", "+abc"])]
    }
    let script = """
      import sys
      from pip._vendor.packaging.version import Version
      for line in open(sys.argv[1]):
          try:
              a, b = map(Version, line.split())
              print((a > b) - (a < b))
          except ValueError:
              print("invalid")
      """
    try Self.expect(
      VersionOrder(ecosystem: "PyPI"), pairs,
      try Self.ask(OfficialValidator.python().path(), ["-c", script, "PAIRS"], pairs), seed: seed)
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func `rpm`(seed: UInt64) throws {
    // The whole of a version with its release: rpm compares the parts between dashes and the epoch by themselves.
    let pairs = Self.pairs(seed, 3000) { chance in
      var pieces = [chance.pick(["0", "1", "2", "10", "09", "a", "b1"])]
      for _ in 0..<chance.below(5) {
        pieces.append(chance.pick([".", "~", "^", "_", "..", ".0", "~rc", "+"]))
        pieces.append(chance.pick(["0", "1", "9", "10", "010", "git2", "a", "Z"]))
      }
      return pieces
    }
    let script =
      "%{lua: for line in io.lines(os.getenv('PAIRS')) do local a, b = line:match('(%S+) (%S+)'); print(rpm.vercmp(a, b)..'\\n') end}"
    let answers = try Self.ask(
      "sh", ["-c", "PAIRS=\"$0\" exec rpm --eval \"$1\"", "PAIRS", script], pairs)
    try Self.expect(VersionOrder(ecosystem: "Red Hat"), pairs, answers, seed: seed)
  }
}
