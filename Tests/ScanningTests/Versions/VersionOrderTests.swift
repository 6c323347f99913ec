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
      // Of NuGet's strictest comparer, which tells builds apart; the order does not.
      if order == .nuGet, row[2] == "!=" { continue }
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
