/// How the versions of an ecosystem are ordered, exactly as the ecosystem defines it.
public enum VersionOrder: String, Sendable, Hashable, CaseIterable {
  case dpkg, apk, rpm
  case pep440, semver, npm, maven, rubyGems, nuGet, composer, go
  case hackage, cran, pub

  /// The order of an ecosystem by its name in OSV, or by the name of the order itself; nil when we know none.
  public init?(ecosystem: String) {
    switch ecosystem {
    case "Debian", "Ubuntu", "Echo", "deb": self = .dpkg
    default: return nil
    }
  }
}
