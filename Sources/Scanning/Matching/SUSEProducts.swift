/// The products of SUSE as its advisories name them. Which module a package came from stands nowhere in it, so all are asked.
///
/// Source: records SUSE-SU of OSV; suse.com, "SUSE Linux Enterprise Modules".
struct SUSEProducts {
  let ecosystems: [Ecosystem]

  private static let modules = [
    "Basesystem", "Server Applications", "Web and Scripting", "Development Tools", "Containers", "Public Cloud",
    "Python 3", "Desktop Applications", "Legacy",
  ]

  /// Nil without a release.
  init?(_ distribution: Distribution) {
    let parts = distribution.versionID.split(separator: ".").compactMap { Int($0) }
    guard let major = parts.first else { return nil }
    let minor = parts.dropFirst().first ?? 0
    let names: [String]
    switch (distribution.id, major) {
    case ("sle-micro", ..<6), ("suse-microos", _): names = ["Linux Enterprise Micro \(major).\(minor)"]
    case ("sle-micro", _), ("sl-micro", _): names = ["Linux Micro \(major).\(minor)"]
    case (_, 16...): names = Self.products(distribution.id).map { "\($0) \(major).\(minor)" }
    default:
      let release = minor == 0 ? "\(major)" : "\(major) SP\(minor)"
      names =
        Self.products(distribution.id).map { "\($0) \(release)" }
        + (major >= 15 ? Self.modules.map { "Linux Enterprise Module for \($0) \(release)" } : [])
        + ["Linux Enterprise Server \(release)-LTSS", "Linux Enterprise Server LTSS Extended Security \(release)"]
    }
    ecosystems = names.map { Ecosystem("SUSE", release: $0) }
  }

  private static func products(_ id: String) -> [String] {
    switch id {
    case "sled": ["Linux Enterprise Desktop", "Linux Enterprise Server"]
    case "sles_sap": ["Linux Enterprise Server for SAP Applications", "Linux Enterprise Server"]
    case "sle_hpc": ["Linux Enterprise High Performance Computing", "Linux Enterprise Server"]
    default: ["Linux Enterprise Server"]
    }
  }

  /// Of a product by its full name: `SUSE Linux Enterprise Server 15 SP6`, `openSUSE Leap 15.6`; nil for others.
  static func ecosystem(_ product: String) -> Ecosystem? {
    for name in ["SUSE", "openSUSE"] where product.hasPrefix(name + " ") {
      return Ecosystem(name, release: String(product.dropFirst(name.count + 1)))
    }
    return nil
  }

  /// `SUSE 15 SP4` of `SUSE:Linux Enterprise Server 15 SP4-LTSS`: what the modules and extensions of a release have in common.
  static func release(of product: Ecosystem) -> String {
    let words = (product.release ?? "").split(separator: " ")
    guard let place = words.lastIndex(where: { $0.first.map { ("0"..."9").contains($0) } ?? false }) else {
      return product.description
    }
    let version = words[place].prefix { $0 != "-" }
    let pack = words.dropFirst(place + 1).first { $0.hasPrefix("SP") }?.prefix { $0 != "-" }
    return "\(product.name) \(version)" + (pack.map { " \($0)" } ?? "")
  }
}
