/// By what name and version advisories of an ecosystem speak of a package.
public struct AdvisorySubject: Sendable, Hashable {
  public let ecosystem: Ecosystem
  /// As the ecosystem compares names.
  public let name: String
  public let version: String

  /// Why no advisory can be asked about a package.
  public struct NotJudged: Error, Sendable, Hashable {
    /// For people.
    public let text: String
  }

  public init(_ ecosystem: Ecosystem, _ name: String, _ version: String) {
    self.ecosystem = ecosystem
    self.name = ecosystem.normalised(name)
    self.version = version
  }

  /// - Parameter distribution: of the image that holds the component; nil: it is not known.
  public static func of(
    _ component: Component, in distribution: Distribution?
  ) -> Result<[AdvisorySubject], NotJudged> {
    if component.isHeadersOnly { return .failure(.init(text: "it holds headers only, and nothing that runs")) }
    switch component.type {
    case .deb, .apk, .rpm: return ofSystem(component, distribution)
    case .pypi: return language("PyPI", component)
    case .npm: return language("npm", component)
    case .gem: return language("RubyGems", component)
    case .maven: return language("Maven", component)
    case .golang: return language("Go", component)
    case .cargo: return language("crates.io", component)
    case .composer: return language("Packagist", component)
    case .nuget: return language("NuGet", component)
    }
  }

  private static func language(_ ecosystem: String, _ component: Component) -> Result<[AdvisorySubject], NotJudged> {
    .success([AdvisorySubject(Ecosystem(ecosystem), component.name, component.version)])
  }

  private static func ofSystem(
    _ component: Component, _ distribution: Distribution?
  ) -> Result<[AdvisorySubject], NotJudged> {
    guard let distribution else { return .failure(.init(text: "its distribution is not known")) }
    guard let ecosystem = distribution.ecosystem else {
      return .failure(.init(text: "no advisories are known for \(distribution.id) \(distribution.versionID)"))
    }
    // Distributions that build binaries from sources speak of the source.
    let source = component.type == .rpm ? nil : component.source
    return .success([
      AdvisorySubject(ecosystem, source?.name ?? component.name, source?.version ?? component.version)
    ])
  }
}

extension Ecosystem {
  /// A name of a package as the ecosystem compares them.
  public func normalised(_ package: String) -> String {
    switch name {
    case "PyPI": PythonCataloguer.normalised(package)
    case "NuGet", "Packagist": package.lowercased()
    default: package
    }
  }
}

extension Distribution {
  /// Whose advisories judge its packages; nil where we know of none.
  ///
  /// Source: OSV schema, "Defined ecosystems".
  public var ecosystem: Ecosystem? {
    let major = versionID.prefix { $0 != "." }
    let minor = versionID.split(separator: ".").prefix(2).joined(separator: ".")
    switch id {
    case "debian": return major.isEmpty ? nil : Ecosystem("Debian", release: String(major))
    case "ubuntu": return versionID.isEmpty ? nil : Ecosystem("Ubuntu", release: Self.ubuntu(minor))
    case "alpine": return minor.isEmpty ? nil : Ecosystem("Alpine", release: "v" + minor)
    case "wolfi": return Ecosystem("Wolfi")
    case "chainguard": return Ecosystem("Chainguard")
    case "almalinux": return major.isEmpty ? nil : Ecosystem("AlmaLinux", release: String(major))
    case "rocky": return major.isEmpty ? nil : Ecosystem("Rocky Linux", release: String(major))
    case "opensuse-leap": return versionID.isEmpty ? nil : Ecosystem("openSUSE", release: "Leap \(minor)")
    case "opensuse-tumbleweed": return Ecosystem("openSUSE", release: "Tumbleweed")
    case "azurelinux": return major.isEmpty ? nil : Ecosystem("Azure Linux", release: String(major))
    case "openeuler", "openEuler": return versionID.isEmpty ? nil : Ecosystem("openEuler", release: versionID)
    default: return nil
    }
  }

  /// Releases of April in even years are supported for long, and named so.
  private static func ubuntu(_ version: String) -> String {
    let parts = version.split(separator: ".").compactMap { Int($0) }
    let isLong = parts.count == 2 && parts[1] == 4 && parts[0] % 2 == 0
    return isLong ? "\(version):LTS" : version
  }
}
