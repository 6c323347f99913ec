/// Versions in which Red Hat has mended a flaw, one for each minor release that gets updates.
///
/// Source: docs.fedoraproject.org, "Packaging guidelines: versioning", `%{?dist}`; the releases of real packages.
enum RedHatFixes {
  /// The minor release that a version was built for: `9.2` of `7.76.1-23.el9_2.4`, `8.10` of
  /// `0.78-12.module+el8.10.0+23147+20b7d289`; nil where it does not say, as those that come with a release do not.
  static func minorRelease(_ version: String) -> String? {
    let bytes = version.utf8
    guard let dash = bytes.lastIndex(of: UInt8(ascii: "-")) else { return nil }
    let release = bytes[dash...]
    for mark in [".el", "+el", "_el"] {
      guard let place = Substring(release).firstRange(of: mark) else { continue }
      let rest = Substring(release)[place.upperBound...].utf8
      let major = rest.prefix { $0.isDecimal }
      guard let separator = rest.dropFirst(major.count).first, !major.isEmpty,
        separator == UInt8(ascii: "_") || (separator == UInt8(ascii: ".") && mark != ".el")
      else { continue }
      let minor = rest.dropFirst(major.count + 1).prefix { $0.isDecimal }
      if !minor.isEmpty { return "\(Substring(major)).\(Substring(minor))" }
    }
    return nil
  }

  /// The fixes of all products of a release, each once and in their order.
  ///
  /// Builds of a module for several contexts differ in a hash behind the number of the build, which has no order: where there are
  /// several, all that have the number have the fix.
  static func reduced(_ fixes: [Ecosystem: Set<String>]) -> [String] {
    let all = fixes.values.reduce(into: Set<String>()) { $0.formUnion($1) }
    let builds = Dictionary(grouping: all) { build($0) }
    let kept = builds.map { build, versions in versions.count == 1 ? versions[0] : build }
    return kept.sorted { a, b in
      let order = VersionOrder.rpm.compare(a, b)
      return order == .less || (order != .greater && a < b)
    }
  }

  /// `0.78-12.module+el8.10.0+23147` of `0.78-12.module+el8.10.0+23147+20b7d289`; another version as it is.
  private static func build(_ version: String) -> String {
    let parts = version.split(separator: "+", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 4].hasSuffix(".module") else { return version }
    return parts.dropLast().joined(separator: "+")
  }
}
