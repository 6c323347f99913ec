import Testing

@testable import Scanning

@Suite struct `The order of versions` {
  /// The files of shared data whose rows are `ecosystem, a, operator, b`.
  private static let files = [
    "alpine.osv-hand", "cran.osv-hand", "debian.osv-hand", "go.x-mod-semver", "hackage.osv-hand",
    "maven.comparableversion", "maven.osv-hand", "npm.node-semver-loose", "npm.node-semver", "nuget.nuget-client",
    "nuget.osv-hand", "packagist.composer-semver", "packagist.osv-hand", "pub.osv-hand", "pypi.osv-hand",
    "pypi.packaging-normalise", "pypi.packaging-order", "rpm.osv-hand", "rubygems.gem-version", "rubygems.osv-hand",
    "semver.osv-hand", "semver.spec",
  ]

  @Test(arguments: files) func `is that of the ecosystem in every case that others wrote down`(_ file: String) throws {
    var wrong: [String] = []
    var count = 0
    for row in try SharedData.table("versions/\(file).tsv") where row.count >= 4 {
      if row[1] == "version" || row[0].hasPrefix("#") { continue }
      guard let order = VersionOrder(ecosystem: row[0]) else {
        wrong.append("no order for \(row[0])")
        continue
      }
      if Self.isOfBuilds(row) { continue }
      count += 1
      let found = order.compare(row[1], row[3])
      if !Self.holds(row[2], found) {
        wrong.append("\(row[1]) \(row[2]) \(row[3]): \(found.map { "\($0)" } ?? "invalid")")
      }
      let turned = order.compare(row[3], row[1])
      if turned != found?.reversed {
        wrong.append("\(row[1]) \(row[3]) turned round: \(turned.map { "\($0)" } ?? "invalid")")
      }
    }
    #expect(count > 0)
    #expect(wrong.isEmpty, "\(wrong.count) of \(count): \(wrong.prefix(12).joined(separator: "; "))")
  }

  /// `!=` stands for versions that NuGet's comparers tell apart. One of them looks at builds, which the order does not.
  private static func isOfBuilds(_ row: [String]) -> Bool {
    row == ["NuGet", "1.0.0-BETA+AA", "!=", "1.0.0-beta"]
  }

  @Test func `of npm is asked by ranges in every case that others wrote down`() throws {
    var wrong: [String] = []
    var count = 0
    for row in try SharedData.table("versions/npm.node-semver-range.tsv") {
      try #require(row.count == 4 && row[0] == "npm", "\(row)")
      count += 1
      let text = row[3].replacing("\\t", with: "\t")
      let range = NodeRange(parsing: text, includesPrereleases: row[2].hasSuffix("-pre"))
      if range?.contains(row[1]) != row[2].hasPrefix("in") { wrong.append("\(row[1]) \(row[2]) \(row[3])") }
    }
    #expect(count == 211)
    #expect(wrong.isEmpty, "\(wrong.count) of \(count): \(wrong.joined(separator: "; "))")
  }

  @Test(arguments: [
    "1.2.3.4", ">", "1.2.3 -", "~^1", ">=<1", "1.02.3", "1.2.3-", "1 || a b", "9007199254740992.0.0", "===",
  ])
  func `of npm has no range in what is none`(text: String) { #expect(NodeRange(parsing: text) == nil) }

  @Test func `of npm's ranges as events holds the same versions`() throws {
    let range = try #require(
      NodeRange(parsing: ">1.2.3 <=2.0.0-rc.1 || >3.0.0-a 3.x || <0.1 || 5 - 6.1 || >9 <8", includesPrereleases: true))
    #expect(range.ranges.count == 4)
    var affected = Affected(ecosystem: Ecosystem("npm"), name: "x")
    affected.ranges = range.ranges
    for version in [
      "1.2.3", "1.2.4-0", "1.2.4", "2.0.0-rc.0", "2.0.0-rc.1", "2.0.0-rc.1.0", "2.0.0", "3.0.0-a", "3.0.0-a.0", "3.0.0",
      "4.0.0-0", "0.0.9", "0.1.0-0", "0.1.0-a", "5.0.0-0", "6.1.9", "6.2.0-0", "8.5.0",
    ] {
      #expect((affected.verdict(version) != .notAffected) == range.contains(version), "\(version)")
    }
  }

  @Test(
    arguments: [
      ("Root:Alpine:3.18", .apk), ("Root:npm", .npm), ("Seal:Red Hat:6", .rpm), ("TuxCare:PyPI", .pep440),
      ("Docker Hardened Images:Debian:trixie", .dpkg), ("Root:Root:npm", nil), ("Root", nil), ("bitnami", .semver),
      ("kubernetes", .semver), ("opam", .dpkg), ("OSS-Fuzz", nil), ("SUSE Linux Enterprise Server:sles:15:sp4", .rpm),
      ("dpkg", .dpkg), ("Debian:11", .dpkg), ("pypi", .pep440),
    ] as [(String, VersionOrder?)])
  func `is found by the name of the ecosystem`(name: String, order: VersionOrder?) {
    #expect(VersionOrder(ecosystem: name) == order)
  }

  private static func holds(_ sign: String, _ found: VersionComparison?) -> Bool {
    switch sign {
    case "<": found == .less
    case ">": found == .greater
    case "=": found == .equal
    case "<=": found == .less || found == .equal
    case ">=": found == .greater || found == .equal
    case "!=": found == .less || found == .greater
    default: false
    }
  }
}
