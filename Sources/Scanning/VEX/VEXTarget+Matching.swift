public import OCI

/// An image as statements speak of it.
public struct VEXImage: Sendable, Hashable {
  /// Its own, and those of the indexes that list it.
  public var digests: [Digest]
  /// All names under which it lies: `team/app`, `registry.example/team/app`, that of the repository it is a copy of.
  public var repositories: [String]
  public var tags: [String] = []
  /// As image configurations spell it; nil: not known.
  public var architecture: String?
  public var distribution: Distribution?

  public init(digests: [Digest], repositories: [String], distribution: Distribution? = nil) {
    self.digests = digests
    self.repositories = repositories
    self.distribution = distribution
  }
}

/// A package in an image as statements speak of it. Made once, it is asked for many statements.
public struct VEXPackage: Sendable, Hashable {
  public let component: Component
  let purl: PackageURL?
  let distribution: Distribution?
  let ownedBy: String?
  let neighbours: [PackageURL]

  /// - Parameters:
  ///   - ownedBy: the package of the operating system whose file names it.
  ///   - neighbours: other packages that the same file names, such as the main module of a program in Go.
  public init(
    _ component: Component, in image: VEXImage, ownedBy: String? = nil, neighbours: [PackageURL] = []
  ) {
    self.component = component
    distribution = image.distribution
    purl = PackageURL(component, in: image.distribution)
    self.ownedBy = ownedBy
    self.neighbours = neighbours
  }
}

extension VEXTarget {
  /// Whether what is said of this target is said of a package in an image.
  ///
  /// What a statement leaves open, it says of all: a package URL without a version means every version, one without a distribution
  /// every distribution. What it names has to be so; where the image does not tell, it is not taken to be so.
  ///
  /// - Parameter isAttached: the document of the statement is attached to the image, or to an index that lists it.
  /// - Source: OpenVEX 0.2.0, "Product" and "Subcomponent"; CSAF 2.0, sections 3.2.2 and 3.2.3.9.
  public func takes(_ package: VEXPackage, in image: VEXImage, isAttached: Bool) -> Bool {
    if let component, !component.means(package) { return false }
    switch product {
    case .attached: return isAttached
    case .digest(let digest): return image.digests.contains(digest)
    case .image(let purl): return purl.means(image)
    case .package(let purl):
      guard component != nil else { return purl.means(package) || purl.meansOwner(of: package) }
      return purl.means(package) || purl.meansOwner(of: package)
        || package.neighbours.contains { purl.covers($0) }
    case .system(let name):
      // What is said of a system is said of its own packages.
      guard package.component.type.isOperatingSystem, let own = package.distribution?.platformName else { return false }
      return name.takes(own)
    }
  }
}

extension PackageURL {
  /// The words for a package that others were built from.
  private var namesSource: Bool { ["src", "source", "nosrc"].contains(qualifiers["arch"]) }

  fileprivate func means(_ package: VEXPackage) -> Bool {
    guard let other = package.purl, type == other.type, subpath.isEmpty else { return false }
    let isSystem = package.component.type.isOperatingSystem
    guard namespace == other.namespace || (isSystem && namespace.isEmpty) else { return false }
    guard isSystem else { return name == other.name && meansVersion(package.component.comparedVersion) }
    guard meansDistribution(package.distribution), meansModule(package.component.module) else { return false }
    if namesSource {
      guard let source = package.component.source else { return false }
      return name == PackageURL(type: type, name: source.name)?.name && meansVersion(source.version)
    }
    if let wanted = qualifiers["arch"], let own = other.qualifiers["arch"], wanted != own { return false }
    return name == other.name && meansVersion(package.component.comparedVersion)
  }

  /// - Parameter own: the version of the package, as ``Component/comparedVersion``.
  private func meansVersion(_ own: String) -> Bool {
    guard let component = component()?.component else { return version == nil }
    let wanted = component.comparedVersion
    if wanted == own { return true }
    // Statements about packages of rpm mostly leave the epoch out; versions of sources have none.
    guard type == "rpm" else { return false }
    let plain = own.firstIndex(of: ":").map { String(own[own.index(after: $0)...]) } ?? own
    return plain == (namesSource ? wanted.split(separator: ":").last.map { String($0) } : wanted)
  }

  private func meansDistribution(_ own: Distribution?) -> Bool {
    guard qualifiers["distro"] != nil else { return true }
    guard let wanted = distribution, let own, wanted.id == own.id else { return false }
    if wanted.versionID.isEmpty { return wanted.codename == nil || wanted.codename == own.codename }
    return own.versionID == wanted.versionID || own.versionID.hasPrefix(wanted.versionID + ".")
      || wanted.versionID.hasPrefix(own.versionID + ".") && !own.versionID.isEmpty
  }

  /// Packages of a module are others than those of the same name outside: a statement has to name the module, or the version.
  private func meansModule(_ own: String?) -> Bool {
    guard let wanted = qualifiers["rpmmod"] else { return own == nil || version != nil }
    guard let own else { return false }
    return own == wanted || own.hasPrefix(wanted + ":")
  }

  /// The package whose file it is.
  fileprivate func meansOwner(of package: VEXPackage) -> Bool {
    guard let owner = package.ownedBy, PackageType(rawValue: type)?.isOperatingSystem == true else { return false }
    guard namespace.isEmpty || namespace == package.distribution.map({ [$0.packageNamespace] }) else { return false }
    return version == nil && subpath.isEmpty && name == PackageURL(type: type, name: owner)?.name
      && meansDistribution(package.distribution)
  }

  /// Whether `other` is this package, or a version of it.
  fileprivate func covers(_ other: PackageURL) -> Bool {
    guard type == other.type, namespace == other.namespace, name == other.name, subpath.isEmpty else { return false }
    guard let version else { return true }
    guard let own = other.component()?.component.comparedVersion else { return version == other.version }
    return meansVersion(own)
  }

  // MARK: Images

  fileprivate func means(_ image: VEXImage) -> Bool {
    // A digest is a target of its own; what else stands in its place is a tag.
    if let version, !image.tags.contains(version) { return false }
    if let tag = qualifiers["tag"], !image.tags.contains(tag) { return false }
    if let wanted = qualifiers["arch"], let own = image.architecture, wanted != own { return false }
    if type == "docker" {
      let path = (namespace + [name]).joined(separator: "/")
      let names = [path, "docker.io/\(path)", "docker.io/library/\(path)"]
      return image.repositories.contains { names.contains(Self.plain($0)) }
    }
    guard let url = qualifiers["repository_url"] else {
      return image.repositories.contains { $0.split(separator: "/").last.map { $0.lowercased() == name } ?? false }
    }
    let place = Self.plain(url)
    return image.repositories.contains { [place, "\(place)/\(name)"].contains(Self.plain($0)) }
  }

  /// A repository without what writers put in front of it.
  private static func plain(_ repository: String) -> String {
    var rest = repository.lowercased()[...]
    for scheme in ["https://", "http://", "oci://", "docker://"] where rest.hasPrefix(scheme) {
      rest = rest.dropFirst(scheme.count)
    }
    while rest.hasSuffix("/") { rest = rest.dropLast() }
    for host in ["index.docker.io/", "registry-1.docker.io/"] where rest.hasPrefix(host) {
      return "docker.io/" + rest.dropFirst(host.count)
    }
    return String(rest)
  }
}
