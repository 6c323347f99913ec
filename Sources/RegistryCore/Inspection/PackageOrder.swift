internal import Scanning

/// How versions of a type of package are ordered.
enum PackageOrder {
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
