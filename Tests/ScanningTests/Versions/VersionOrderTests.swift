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
      if VersionForm(Ecosystem(parsing: row[0]))?.compare(row[1], row[3]) != found {
        wrong.append("\(row[1]) or \(row[3]) is refused")
      }
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

  @Test(
    arguments: [
      ("SemVer", "01.2.3"), ("SemVer", "1.2.3-01"), ("SemVer", "1.2.3-"), ("SemVer", "1.2.3-a..b"), ("SemVer", "1.2.x"),
      ("SemVer", "1.2.3+"), ("SemVer", "1.2.3-a_b"), ("SemVer", ""), ("crates.io", "1.2"), ("crates.io", "v1.2.3"),
      ("npm", "1.2.3.4"), ("npm", "01.2.3"), ("Go", "v1-pre"), ("Go", "v1.2-rc.1"), ("Go", "v1.2.3.4"),
      ("Go", "v01.2.3"),
      ("PyPI", "hello world"), ("PyPI", "-"), ("RubyGems", "a.1"), ("RubyGems", "1..2"), ("RubyGems", "1_2"),
      ("Debian", "foo"), ("Debian", "1.0-"), ("Debian", "1:"), ("Debian", ":1"), ("Debian", "99999999999:1"),
      ("Debian:12", "1.0_1"), ("NuGet", "1.2.3.4.5"), ("NuGet", "1.0.0-"), ("NuGet", "a"), ("Packagist", "1.0 beta"),
      ("Packagist", "hello"), ("Hackage", "1.a"), ("CRAN", "1.a"), ("Maven", ""), ("Red Hat", "1 2"), ("Alpine", " "),
      ("Root:npm", "1.2"),
    ])
  func `is not asked of what is no version`(ecosystem: String, text: String) throws {
    #expect(try !#require(VersionForm(Ecosystem(parsing: ecosystem))).holds(text))
  }

  @Test(
    arguments: [
      ("Go", "v1.2.3-0.20200101000000-abcdefabcdef"), ("Go", "v2.0.0+incompatible"), ("Go", "go1.21rc2"),
      ("Go", "1.21.0"),
      ("SemVer", "1.0.0-alpha.1+b.01"), ("Debian", "1:2.0~rc1-1+deb12u1"), ("Packagist", "v1.0.0-RC1"),
      ("Packagist", "dev-main"), ("Packagist", "1.x-dev"), ("RubyGems", "1.0.0.pre-java"), ("NuGet", "1.0.0.1-a+b"),
      ("PyPI", "1!2.0.post1.dev3+local.1"), ("opam", "v0.9.0~beta"), ("Root:Alpine:3.18", "2.38.1-r10071"),
    ])
  func `is asked of versions`(ecosystem: String, text: String) throws {
    #expect(try #require(VersionForm(Ecosystem(parsing: ecosystem))).holds(text))
  }

  @Test(arguments: VersionOrder.allCases) func `of absurd versions is found at once, and always the same`(
    _ order: VersionOrder
  ) {
    let limit = VersionOrder.lengthLimitBytes
    let absurd =
      ["9", "0", "a", ".", "-", "1.", "1-", "a1", "1a", "~", "^", "_p", "+a", "1:", "*", "=", "v", "!", "é", "\u{0}"]
      .map {
        String(String(repeating: $0, count: limit).prefix(limit / max($0.utf8.count, 1)))
      }
      + ["1.", "1-", "1+", "1~", "1_alpha"].flatMap { start in
        ["9", "0", "a", ".0", "-1", "a1"].map { start + String(repeating: $0, count: (limit - 8) / $0.utf8.count) }
      }
    #expect(order.parse(String(repeating: "1", count: limit + 1)) == nil)
    let parsed = absurd.compactMap { order.parse($0) }
    for (index, a) in parsed.enumerated() {
      for b in parsed[index...] {
        let found = ParsedVersion.compare(a, b)
        #expect(found == ParsedVersion.compare(b, a).reversed && found == ParsedVersion.compare(a, b))
      }
      #expect(ParsedVersion.compare(a, a) == .equal)
    }
    #expect(order.compare("1." + String(repeating: "9", count: 1000), "1.1") == .greater)
  }

  @Test(
    arguments: [
      // A suffix that has a number comes before one with another suffix behind it, and after one that ends there.
      ("Alpine", "3.1_p16", "<", "3.1_p_hg16"), ("Alpine", "4_beta", "<", "4_beta0"),
      // What is no number is no epoch, and an empty one is zero.
      ("Red Hat", "1.1:v4-1", "<", "1.4-3.el8"), ("Red Hat", ":1.0-1", "=", "1.0-1"),
      ("PyPI", "3b.", "=", "3b0"), ("PyPI", "1.0.post-", "=", "1.0.post0"), ("PyPI", "1.0a--1", "=", "1.0a0.post1"),
      ("Packagist", "1.0", "=", "1.0.0"), ("Packagist", "v8", "=", "8.0.0.0"),
      ("Packagist", "1.0-RC1", "=", "1.0.0RC1"),
      ("Packagist", "1.0.0-dev", "<", "1"), ("Packagist", "1.0.0-stable", "=", "1"),
      ("Packagist", "3.p11", "<", "3.0.1"),
      ("Packagist", "8.3.x-dev", ">", "8.3.99"), ("Packagist", "8.3.x-dev", "<", "8.4"),
      ("Packagist", "1.2@dev", "=", "1.2.0"),
    ])
  func `is that of the ecosystem in what only its tools say`(_ name: String, _ a: String, _ sign: String, _ b: String)
    throws
  {
    let order = try #require(VersionOrder(ecosystem: name))
    let found = try ParsedVersion.compare(#require(order.parse(a)), #require(order.parse(b)))
    #expect(Self.holds(sign, found))
  }

  @Test(arguments: [
    "Packagist", "PyPI", "SemVer", "crates.io", "npm", "Go", "RubyGems", "NuGet", "Debian:12", "Hackage", "CRAN",
  ])
  func `is not looked for in every way in what is no version`(ecosystem: String) throws {
    let form = try #require(VersionForm(Ecosystem(parsing: ecosystem)))
    for part in ["1", "1.", "a", "a1", "1-", "1.0-", "0a", "-a.", "+a.", "p"] {
      let many = String(repeating: part, count: (VersionOrder.lengthLimitBytes - 8) / part.utf8.count)
      for text in ["1.0-\(many)", "1.0.0-\(many)", many] { #expect(!form.holds(text + "é"), "\(text.prefix(12))…") }
    }
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
