/// The products of Red Hat as its advisories name them: by what follows the vendor in a CPE.
///
/// Which repository a package came from stands in no package. Content manifests beside them name content sets, which mean a product
/// only by Red Hat's `repository-to-cpe.json`: they are not read, and all repositories of a release are asked. What is not mended is
/// said of the release as a whole.
///
/// Source: OSV schema, "Defined ecosystems", Red Hat; records RHSA of OSV; Red Hat's VEX.
struct RedHatProducts {
  /// The release as a whole comes after its repositories.
  let ecosystems: [Ecosystem]
  /// The image says that it is of another product than the release.
  let isOfOtherProduct: Bool

  /// Of releases before 8, editions; later, repositories.
  private static let editions = ["server", "workstation", "client", "computenode"]
  private static let repositories = [
    "baseos", "appstream", "crb", "supplementary", "highavailability", "resilientstorage", "realtime", "nfv",
  ]
  /// From 10 on a product is a minor release. The last one is .10.
  private static let minors = 0...10

  /// Nil without a release, and for CentOS Stream, whose packages are ahead of those that advisories name.
  init?(_ distribution: Distribution) {
    let isStream = distribution.id == "centos" && distribution.prettyName?.contains("Stream") ?? false
    guard let major = Int(distribution.versionID.prefix { $0 != "." }), !isStream else { return nil }
    var products: [String]
    switch major {
    case ..<8: products = Self.editions.map { "enterprise_linux:\(major)::\($0)" }
    case 8, 9: products = Self.repositories.map { "enterprise_linux:\(major)::\($0)" }
    default: products = Self.minors.map { "enterprise_linux:\(major).\($0)" }
    }
    products.append("enterprise_linux:\(major)")
    // Images of other products say so.
    let own = Self.product(distribution.cpeName).flatMap { $0.hasPrefix("enterprise_linux:") ? nil : $0 }
    if let own { products = [own] + products + [Self.whole(own)] }
    isOfOtherProduct = own != nil
    ecosystems = products.map { Ecosystem("Red Hat", release: $0) }
  }

  /// `enterprise_linux_ai:1` of `enterprise_linux_ai:1.1::el9`: what is not mended is said of that.
  private static func whole(_ product: String) -> String {
    let fields = product.split(separator: ":", omittingEmptySubsequences: false)
    return "\(fields[0]):\(fields.dropFirst().first?.prefix { $0 != "." } ?? "")"
  }

  /// `cpe:/a:redhat:enterprise_linux_ai:1.1::el9` → `enterprise_linux_ai:1.1::el9`.
  static func product(_ cpe: String?) -> String? {
    for prefix in ["cpe:/o:redhat:", "cpe:/a:redhat:"] {
      if let cpe, cpe.hasPrefix(prefix) { return String(cpe.dropFirst(prefix.count)) }
    }
    return nil
  }

  /// Products with the packages of a release, and longer support for some of its minor releases.
  static let prolonged: Set<String> = [
    "rhel_eus", "rhel_eus_long_life", "rhel_e4s", "rhel_aus", "rhel_tus", "rhel_els", "enterprise_linux_eus",
  ]
}

// By what names packages are spoken of.
extension RedHatProducts {
  /// `openssl.src`: of everything that was built from that source.
  static func sourceName(_ package: String) -> String { package + ".src" }

  /// In the release as a whole, where what is not mended is told of, the source is asked for besides, and a package of a module stream
  /// under that alone.
  static func subjects(of component: Component, in ecosystem: Ecosystem) -> [AdvisorySubject] {
    let isWhole = !(ecosystem.release ?? "").contains { $0 == "." } && !(ecosystem.release ?? "").contains("::")
    var names = [(component.name, component.version)]
    if isWhole, let source = component.source {
      names.append((sourceName(source.name), AdvisorySubject.sourceVersion(of: component, source)))
    }
    return names.flatMap { name, version in
      let asked = ModuleStreams.asked(name, of: component)
      return (isWhole ? Array(asked.prefix(1)) : asked).map { AdvisorySubject(ecosystem, $0, version) }
    }
  }

  /// Whether a package was built for another product than a release, which has advisories of its own: `1.25-5.rhaos4.12.el8`,
  /// `3.1-4.el9fdp`, `6.5-1.el7sat`.
  static func isOfOtherProduct(_ version: String) -> Bool {
    guard let dash = version.utf8.lastIndex(of: UInt8(ascii: "-")) else { return false }
    let release = version[dash...]
    if release.contains(".rhaos") { return true }
    guard let mark = release.firstRange(of: ".el") else { return false }
    let rest = release[mark.upperBound...].utf8
    let digits = rest.prefix { $0.isDecimal }
    guard !digits.isEmpty, let next = rest.dropFirst(digits.count).first else { return false }
    return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(next)
  }
}
