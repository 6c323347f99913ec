/// The products of Red Hat as its advisories name them: by what follows the vendor in a CPE.
///
/// Which repository a package came from stands nowhere in it, so all those of a release are asked.
///
/// Source: OSV schema, "Defined ecosystems", Red Hat; records RHSA of OSV.
struct RedHatProducts {
  let ecosystems: [Ecosystem]

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
    // Images of other products say so.
    if let own = Self.product(distribution.cpeName), !own.hasPrefix("enterprise_linux:") { products.insert(own, at: 0) }
    ecosystems = products.map { Ecosystem("Red Hat", release: $0) }
  }

  /// `cpe:/a:redhat:enterprise_linux_ai:1.1::el9` → `enterprise_linux_ai:1.1::el9`.
  private static func product(_ cpe: String?) -> String? {
    for prefix in ["cpe:/o:redhat:", "cpe:/a:redhat:"] {
      if let cpe, cpe.hasPrefix(prefix) { return String(cpe.dropFirst(prefix.count)) }
    }
    return nil
  }
}
