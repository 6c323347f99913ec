internal import Metadata
internal import Scanning

/// How versions of a type of package are ordered.
enum PackageOrder {
  /// Whether a version is inside of all bounds, in the order of its ecosystem. What cannot be compared is not.
  static func takes(_ version: String, ofType type: String, _ bounds: [SearchTerm.PackageVersions.Bound]) -> Bool {
    if bounds.isEmpty { return true }
    guard let order = order(ofType: type), let version = order.parse(version) else { return false }
    return bounds.allSatisfy { bound in
      guard let limit = order.parse(bound.version) else { return false }
      return switch bound.comparison {
      case .less: version < limit
      case .atMost: version <= limit
      case .more: version > limit
      case .atLeast: version >= limit
      case .equal: version == limit
      }
    }
  }

  /// The highest of several versions: what mends one of several advisories may leave another. Of those that cannot be compared the
  /// first one counts.
  static func highest(_ versions: [String], ofType type: String) -> String? {
    guard versions.count > 1, let order = order(ofType: type) else { return versions.first }
    return versions.dropFirst().reduce(versions.first) { highest, version in
      highest.flatMap { order.compare($0, version) } == .less ? version : highest
    }
  }

  static func order(ofType type: String) -> VersionOrder? {
    switch PackageType(rawValue: type) {
    case .deb: .dpkg
    case .apk: .apk
    case .rpm: .rpm
    case .pypi: .pep440
    case .npm: .npm
    case .gem: .rubyGems
    case .maven: .maven
    case .golang: .go
    case .cargo: .semver
    case .composer: .composer
    case .nuget: .nuGet
    case nil: nil
    }
  }
}
