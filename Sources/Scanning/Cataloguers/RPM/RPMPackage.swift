/// One installed package as its header describes it.
struct RPMPackage: Hashable {
  let name: String
  let epoch: Int?
  let version: String
  let release: String
  let architecture: String?
  /// `bash-5.1.8-1.cm2.src.rpm`.
  let sourcePackage: String?
  /// `name:stream:version:context`.
  let moduleLabel: String?
  let vendor: String?
  let license: String?

  /// Of the licences of all that is in a package.
  private static let licenseLimitBytes = 4096

  /// - Throws: when the header names no package.
  init(_ header: RPMHeader) throws(CatalogueError) {
    guard let name = header.text(.name), let version = header.text(.version), let release = header.text(.release),
      !name.isEmpty, !version.isEmpty
    else { throw CatalogueError("a record of a package has no name or no version") }
    self.name = name
    self.version = version
    self.release = release
    epoch = header.number(.epoch)
    architecture = header.text(.architecture)
    sourcePackage = header.text(.sourcePackage)
    moduleLabel = header.text(.moduleLabel)
    vendor = header.text(.vendor)
    license = header.text(.license, limitBytes: Self.licenseLimitBytes)
  }

  init(
    name: String, epoch: Int?, version: String, release: String, architecture: String?, sourcePackage: String?,
    vendor: String?
  ) {
    self.name = name
    self.epoch = epoch
    self.version = version
    self.release = release
    self.architecture = architecture
    self.sourcePackage = sourcePackage
    self.vendor = vendor
    moduleLabel = nil
    license = nil
  }

  /// `[epoch:]version[-release]`. An epoch of zero is none, as in advisories.
  var fullVersion: String {
    let prefix = epoch.map { $0 == 0 ? "" : "\($0):" } ?? ""
    return prefix + version + (release.isEmpty ? "" : "-\(release)")
  }

  var component: Component {
    var component = Component(.rpm, name: name, version: fullVersion)
    component.architecture = architecture
    component.source = sourcePackage.flatMap { Self.source(of: $0) }
    component.module = moduleLabel
    component.vendor = vendor
    component.licenses = license.map { [$0] } ?? []
    component.isHeadersOnly = Self.headersOnly.contains(name)
    return component
  }

  /// Headers of the kernel as Red Hat, SUSE and Photon name them.
  static let headersOnly: Set<String> = [
    "kernel-headers", "kernel-devel", "kernel-core-devel", "kernel-default-devel", "kernel-devel-matched",
    "kernel-uek-devel", "linux-glibc-devel", "linux-api-headers",
  ]

  /// `name-version-release.src.rpm`; the name may have dashes.
  static func source(of sourcePackage: String) -> Component.Source? {
    var rest = sourcePackage[...]
    for ending in [".nosrc.rpm", ".src.rpm"] where rest.hasSuffix(ending) { rest = rest.dropLast(ending.count) }
    let parts = rest.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 3 else { return nil }
    return .init(
      name: parts.dropLast(2).joined(separator: "-"), version: parts.suffix(2).joined(separator: "-"))
  }
}
