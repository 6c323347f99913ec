/// Which kind of package manager a package belongs to. The raw value is the type in a package URL.
///
/// Source: purl-spec, PURL-TYPES.
public enum PackageType: String, Sendable, Hashable, CaseIterable {
  case deb, apk, rpm
  case pypi, npm, gem, maven, golang, cargo, composer, nuget

  /// Whether it is installed by the operating system, and judged by the distribution's advisories.
  public var isOperatingSystem: Bool {
    switch self {
    case .deb, .apk, .rpm: true
    case .pypi, .npm, .gem, .maven, .golang, .cargo, .composer, .nuget: false
    }
  }
}
