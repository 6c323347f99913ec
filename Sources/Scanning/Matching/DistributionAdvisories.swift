/// How a distribution's advisories speak of its packages.
///
/// Source: OSV schema, "Defined ecosystems"; the records of each ecosystem as OSV publishes them.
struct DistributionAdvisories {
  /// What an advisory calls a package.
  enum Naming {
    /// The source that binaries were built from, with its version.
    case source
    /// The binary package.
    case binary
    /// The binary package, and what ``RedHatProducts`` has besides.
    case redHat
  }

  /// Asked in this order. More than one where repositories or products of a distribution are spoken of one by one.
  var ecosystems: [Ecosystem]
  var naming: Naming
  /// Of packages of Red Hat that are for other products nobody is asked.
  var isWithoutOtherProducts = false
  /// Words of which one stands in the vendor of every package that the distribution built. Empty: packages name none.
  var vendors: [String] = []

  private init(_ ecosystems: [Ecosystem], _ naming: Naming, vendors: [String] = []) {
    self.ecosystems = ecosystems
    self.naming = naming
    self.vendors = vendors
  }

  private init(_ products: RedHatProducts, vendors: [String]) {
    self.init(products.ecosystems, .redHat, vendors: vendors)
    isWithoutOtherProducts = !products.isOfOtherProduct
  }

  private static func one(
    _ name: String, _ release: String?, _ naming: Naming, vendors: [String] = []
  ) -> DistributionAdvisories {
    DistributionAdvisories([Ecosystem(name, release: release)], naming, vendors: vendors)
  }

  /// Nil where we know of no advisories, or do not know the release.
  init?(_ distribution: Distribution) {
    let found: DistributionAdvisories? =
      switch distribution.id {
      case "wolfi": Self.one("Wolfi", nil, .source)
      case "chainguard": Self.one("Chainguard", nil, .source)
      case "minimos": Self.one("MinimOS", nil, .source)
      case "opensuse-tumbleweed": Self.one("openSUSE", "Tumbleweed", .source, vendors: ["suse"])
      case "sles", "sled", "sles_sap", "sle_hpc", "sle-micro", "sl-micro", "suse-microos":
        SUSEProducts(distribution).map { Self($0.ecosystems, .source, vendors: ["suse"]) }
      case "rhel": RedHatProducts(distribution).map { Self($0, vendors: ["red hat"]) }
      case "centos": RedHatProducts(distribution).map { Self($0, vendors: ["centos"]) }
      default: Self.released(distribution)
      }
    guard let found else { return nil }
    self = found
  }

  /// Those that have one set of advisories for each release.
  private static func released(_ distribution: Distribution) -> DistributionAdvisories? {
    let version = distribution.release
    let major = String(version.prefix { $0 != "." })
    let minor = version.split(separator: ".").prefix(2).joined(separator: ".")
    guard !major.isEmpty else { return nil }
    switch distribution.id {
    case "debian": return one("Debian", major, .source)
    case "ubuntu": return ubuntu(minor, distribution)
    case "alpine": return one("Alpine", minor == "edge" ? "edge" : "v" + minor, .source)
    case "alpaquita": return one("Alpaquita", version, .source)
    case "almalinux": return one("AlmaLinux", major, .binary, vendors: ["almalinux"])
    case "rocky": return one("Rocky Linux", major, .source, vendors: ["rocky"])
    case "opensuse-leap": return one("openSUSE", "Leap \(minor)", .source, vendors: ["suse"])
    case "opensuse-leap-micro": return one("openSUSE", "Leap Micro \(minor)", .source, vendors: ["suse"])
    case "azurelinux", "mariner": return one("Azure Linux", major, .source, vendors: ["microsoft"])
    case "photon": return one("Photon OS", minor, .source, vendors: ["vmware", "broadcom"])
    case "amzn": return one("Amazon Linux", major, .binary, vendors: ["amazon"])
    case "ol": return one("Oracle Linux", major, .binary, vendors: ["oracle"])
    case "fedora": return one("Fedora", major, .binary, vendors: ["fedora"])
    case "mageia": return one("Mageia", major, .source, vendors: ["mageia"])
    case "openeuler": return one("openEuler", distribution.openEulerRelease, .source, vendors: ["openeuler"])
    default: return nil
    }
  }

  /// Releases of April in even years are supported for long, and named so. Fixes of a subscription have records of their own.
  private static func ubuntu(_ version: String, _ distribution: Distribution) -> DistributionAdvisories {
    let parts = version.split(separator: ".").compactMap { Int($0) }
    let isLong = parts.count == 2 && parts[1] == 4 && parts[0] % 2 == 0
    let release = isLong ? "\(version):LTS" : version
    let hasExtension = distribution.services.contains { $0.hasPrefix("esm") }
    let names = hasExtension ? ["Pro:\(release)", release] : [release]
    return DistributionAdvisories(names.map { Ecosystem("Ubuntu", release: $0) }, .source)
  }
}

extension Distribution {
  /// Whose advisories judge its packages; empty where we know of none.
  ///
  /// That an ecosystem stands here does not say that a feed of it has been imported.
  public var ecosystems: [Ecosystem] { DistributionAdvisories(self)?.ecosystems ?? [] }

  /// The version, also of Debian's next ones, which have a name only.
  var release: String {
    guard id == "debian", versionID.isEmpty else { return versionID }
    // Source: debian.org, "Debian Releases".
    let names = [
      "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
    ]
    return names[codename ?? ""] ?? ""
  }

  /// `24.03-LTS-SP1`, of which the version has the number alone: `openEuler 24.03 (LTS-SP1)`.
  fileprivate var openEulerRelease: String {
    guard let name = prettyName, let open = name.lastIndex(of: "("), let close = name.lastIndex(of: ")"), open < close
    else { return versionID }
    return "\(versionID)-\(name[name.index(after: open)..<close])"
  }
}
