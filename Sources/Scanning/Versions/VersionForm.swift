/// How versions of an ecosystem are written, for who asks whether a text is one. Matching is not so strict: advisories and packages
/// have versions that no specification knows.
///
/// Where others order what a specification does not know (`1.1.3.4.5` as Semantic Versioning, `0.1-bulbasaur` in Python), it is one.
public struct VersionForm {
  private let order: VersionOrder
  private let pattern: Regex<Substring>?

  /// Nil when the order of its versions is not known.
  public init?(_ ecosystem: Ecosystem) {
    guard let order = VersionOrder(ecosystem) else { return nil }
    self.order = order
    pattern = Self.pattern(order, ecosystem.base.name)
  }

  /// Nil when one of them is no version.
  public func compare(_ a: String, _ b: String) -> VersionComparison? {
    guard holds(a), holds(b) else { return nil }
    return order.compare(a, b)
  }

  /// Whether a text is a version.
  public func holds(_ text: String) -> Bool {
    guard text.utf8.count <= VersionOrder.lengthLimitBytes else { return false }
    let version = text.trimmed
    guard !version.isEmpty, !version.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }), order.parse(version) != nil
    else {
      return false
    }
    guard let pattern else { return true }
    return version.wholeMatch(of: pattern) != nil
  }

  /// Nil: whatever is read is one. So it is of Maven; of apk and rpm others order more than their manuals know.
  ///
  /// Source: semver.org 2.0.0, clauses 2, 9, 10; deb-version(7); Go, "Module version numbering"; `Gem::Version`; NuGet, "Package
  /// versioning"; getcomposer.org, "Versions and constraints".
  private static func pattern(_ order: VersionOrder, _ name: String) -> Regex<Substring>? {
    switch order {
    // What PEP 440 does not know has the order of before.
    case .pep440: /[0-9A-Za-z._+!\-]*[0-9A-Za-z][0-9A-Za-z._+!\-]*/
    case .dpkg:
      // Opam has Debian's order, and other names.
      name == "opam"
        ? nil : /[0-9]{1,9}:[0-9](?:[A-Za-z0-9.+~:\-]*[A-Za-z0-9.+~:])?|[0-9](?:[A-Za-z0-9.+~\-]*[A-Za-z0-9.+~])?/
    case .semver where ["crates.io", "Hex"].contains(name):
      /(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*))*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?/
    case .semver, .pub:
      /v?(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*))*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?/
    case .npm:
      /[v= ]*(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*))*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?/
    // Short ones have nothing before a release.
    case .go:
      /v?(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}(?:-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\-][0-9A-Za-z\-]*))*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?|v?(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))?|go[0-9]+(?:\.[0-9]+)*(?:(?:beta|rc)[0-9]+)?/
    case .rubyGems: /[0-9][0-9A-Za-z]*(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?/
    case .nuGet:
      /[0-9]+(?:\.[0-9]+){0,3}(?:-[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?/
    // Nothing that was taken is given back: digits in a row, divided in every way, would take for ever.
    case .composer:
      /(?i:v?[0-9]++(?:\.(?:[0-9]++|\#|x|\*))*+(?:[._\-]?(?:stable|beta|b|rc|c|alpha|a|patch|pl|p|dev|[0-9]++|\#))*+(?:\+[^ ]+)?|dev-[^ ]+)/
    case .hackage: /[0-9]+(?:\.[0-9]+)*/
    case .cran: /[0-9]+(?:[.\-][0-9]+)*/
    case .maven, .apk, .rpm: nil
    }
  }
}
