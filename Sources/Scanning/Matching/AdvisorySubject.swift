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

    static let headersOnly = NotJudged(text: "it holds headers only, and nothing that runs")
    static let signatureKey = NotJudged(text: "it is a key for signatures, and nothing that runs")

    static let otherProduct = NotJudged(
      text: "it is of another product of Red Hat than the release, and the image does not say which")

    /// Whether a reason says that there is nothing to be judged, not that it cannot be.
    public static func isHarmless(_ text: String) -> Bool { [headersOnly.text, signatureKey.text].contains(text) }
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
    if component.isHeadersOnly { return .failure(.headersOnly) }
    switch component.type {
    case .deb, .apk, .rpm: return ofSystem(component, distribution)
    case .pypi: return language("PyPI", component)
    case .npm: return language("npm", component)
    case .gem: return language("RubyGems", component)
    case .maven:
      guard component.name.contains(":") else {
        return .failure(.init(text: "nothing in it says which group it is of"))
      }
      return language("Maven", component)
    case .golang: return language("Go", component)
    case .cargo: return language("crates.io", component)
    case .composer: return language("Packagist", component)
    case .nuget: return language("NuGet", component)
    }
  }

  private static func language(_ ecosystem: String, _ component: Component) -> Result<[AdvisorySubject], NotJudged> {
    // What Go writes into a program that was built from a working copy.
    guard !component.version.isEmpty, component.version != "(devel)" else {
      return .failure(.init(text: "its version is not known"))
    }
    // Advisories of Go leave out the letter that its versions begin with.
    let isOfGo = component.type == .golang && component.version.hasPrefix("v")
    let version = isOfGo ? String(component.version.dropFirst()) : component.version
    return .success([AdvisorySubject(Ecosystem(ecosystem), component.name, version)])
  }

  private static func ofSystem(
    _ component: Component, _ distribution: Distribution?
  ) -> Result<[AdvisorySubject], NotJudged> {
    guard let distribution else { return .failure(.init(text: "its distribution is not known")) }
    guard let rules = DistributionAdvisories(distribution) else {
      let name = distribution.release.isEmpty ? distribution.id : "\(distribution.id) \(distribution.release)"
      return .failure(.init(text: "no advisories are known for \(name)"))
    }
    if component.type == .rpm, component.name == "gpg-pubkey" {
      return .failure(.signatureKey)
    }
    if let vendor = component.vendor, !rules.vendors.isEmpty {
      let lower = vendor.lowercased()
      guard rules.vendors.contains(where: { lower.contains($0) }) else {
        return .failure(.init(text: "it was built by “\(vendor.prefix(80))”, not by the distribution"))
      }
    }
    switch rules.naming {
    case .binary:
      return .success(
        rules.ecosystems.flatMap { subjects($0, component.name, component.version, of: component) })
    case .redHat:
      if rules.isWithoutOtherProducts, RedHatProducts.isOfOtherProduct(component.version) {
        return .failure(.otherProduct)
      }
      return .success(rules.ecosystems.flatMap { RedHatProducts.subjects(of: component, in: $0) })
    case .source:
      guard let source = component.source else {
        return .failure(.init(text: "the source that it was built from is not known"))
      }
      let version = sourceVersion(of: component, source)
      return .success(rules.ecosystems.flatMap { subjects($0, source.name, version, of: component) })
    }
  }

  private static func subjects(
    _ ecosystem: Ecosystem, _ name: String, _ version: String, of component: Component
  ) -> [AdvisorySubject] {
    let names = ModuleStreams.has(ecosystem) ? ModuleStreams.asked(name, of: component) : [name]
    return names.map { AdvisorySubject(ecosystem, $0, version) }
  }

  /// The name of a source package of rpm has no epoch; it is that of its binaries: `1:` of `1:2.0-3`.
  static func sourceVersion(of component: Component, _ source: Component.Source) -> String {
    guard component.type == .rpm else { return source.version }
    return (component.version.firstIndex(of: ":").map { String(component.version[...$0]) } ?? "") + source.version
  }
}

extension Ecosystem {
  /// A name of a package as the ecosystem compares them.
  public func normalised(_ package: String) -> String {
    switch base.name {
    case "PyPI": PythonCataloguer.normalised(package)
    case "NuGet", "Packagist": package.lowercased()
    default: package
    }
  }
}
