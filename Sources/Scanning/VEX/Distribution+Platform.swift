extension Distribution {
  /// Vendor and product in the CPE of distributions whose vendors publish VEX, or whose `os-release` has no CPE.
  ///
  /// Source: `os-release` of the distributions; NVD, CPE dictionary.
  private static let products = [
    "rhel": "redhat:enterprise_linux", "sles": "suse:sles", "sled": "suse:sled", "sles_sap": "suse:sles_sap",
    "opensuse-leap": "opensuse:leap", "debian": "debian:debian_linux", "ubuntu": "canonical:ubuntu_linux",
    "alpine": "alpinelinux:alpine_linux", "almalinux": "almalinux:almalinux", "rocky": "rocky:rocky",
    "fedora": "fedoraproject:fedora", "ol": "oracle:linux", "amzn": "amazon:amazon_linux",
  ]

  /// Its own CPE, or the one that its identifier and version make; nil where neither is known.
  var platformName: PlatformName? {
    if let own = cpeName.flatMap({ PlatformName(parsing: $0) }) { return own }
    guard let product = Self.products[id], !versionID.isEmpty else { return nil }
    // SUSE counts service packs apart: 15.6 is the sixth of 15.
    guard product.hasPrefix("suse:") else { return PlatformName(parsing: "cpe:/o:\(product):\(versionID)") }
    let parts = versionID.split(separator: ".", maxSplits: 1)
    let update = parts.count == 2 && parts[1] != "0" ? ":sp\(parts[1])" : ""
    return PlatformName(parsing: "cpe:/o:\(product):\(parts[0])\(update)")
  }
}
