public import OCI

extension PackageURL {
  /// The package URL of a package that was found in an image.
  ///
  /// Beyond what the specification of its type lists, a package of a system carries `upstream`, the source that advisories speak of,
  /// and `distro`, in the spelling that Syft uses.
  ///
  /// - Returns: nil for a package without a name.
  /// - Source: purl-spec, definitions of deb, apk, rpm, pypi, npm, gem, maven, golang, cargo, composer, nuget.
  public init?(_ component: Component, in distribution: Distribution?) {
    if component.type.isOperatingSystem {
      self.init(system: component, distribution)
      return
    }
    var namespace: [String] = []
    var name = component.name
    let mark: Character? =
      switch component.type {
      case .maven: ":"
      case .npm, .golang, .composer: "/"
      default: nil
      }
    if let mark, let last = name.lastIndex(of: mark) {
      namespace = name[..<last].split(separator: mark).map { String($0) }
      name = String(name[name.index(after: last)...])
    }
    self.init(type: component.type.rawValue, namespace: namespace, name: name, version: component.version)
  }

  private init?(system component: Component, _ distribution: Distribution?) {
    var qualifiers: [String: String] = [:]
    qualifiers["arch"] = component.architecture
    qualifiers["distro"] = distribution?.qualifier
    var version = component.version
    if component.type == .rpm {
      if let colon = version.firstIndex(of: ":") {
        qualifiers["epoch"] = String(version[..<colon])
        version = String(version[version.index(after: colon)...])
      }
      qualifiers["upstream"] = component.source.map { "\($0.name)-\($0.version).src.rpm" }
      qualifiers["rpmmod"] = component.module
    } else if let source = component.source, source != .init(name: component.name, version: component.version) {
      qualifiers["upstream"] = source.version == component.version ? source.name : "\(source.name)@\(source.version)"
    }
    let namespace = distribution.map { [$0.packageNamespace] } ?? []
    self.init(
      type: component.type.rawValue, namespace: namespace, name: component.name, version: version,
      qualifiers: qualifiers)
  }

  /// The package that it names, and the distribution that it belongs to where it says so: what ``AdvisorySubject`` has to know.
  ///
  /// A package of a system that names no source was built from one of its own name, as far as can be told.
  ///
  /// - Parameter spelling: the name as a document has it beside the package URL. It is taken where it is the same name: in a package
  ///   URL of Go or npm all names are in lower case, and advisories are not.
  /// - Returns: nil for a type that is none of ``PackageType``, and without a version.
  public func component(spelled spelling: String? = nil) -> (component: Component, distribution: Distribution?)? {
    guard let type = PackageType(rawValue: type), let version else { return nil }
    guard type.isOperatingSystem else {
      let separator = type == .maven ? ":" : "/"
      var name = (namespace + [name]).joined(separator: separator)
      if let spelling, spelling.lowercased() == name.lowercased() { name = spelling }
      if type == .pypi { name = PythonCataloguer.normalised(name) }
      return (Component(type, name: name, version: version), nil)
    }
    let epoch = qualifiers["epoch"].flatMap { $0 == "0" || version.utf8.contains(UInt8(ascii: ":")) ? nil : $0 + ":" }
    var component = Component(type, name: name, version: (epoch ?? "") + version)
    component.architecture = qualifiers["arch"]
    component.module = qualifiers["rpmmod"] ?? qualifiers["modularitylabel"]
    component.source = source(of: component, plain: version)
    component.isHeadersOnly = component.namesHeaders
    return (component, distribution)
  }

  /// - Parameter plain: the version without an epoch that stands beside it.
  private func source(of component: Component, plain: String) -> Component.Source {
    let own = Component.Source(name: name, version: component.type == .rpm ? plain : component.version)
    guard let upstream = qualifiers["upstream"], !upstream.isEmpty else { return own }
    if component.type == .rpm { return RPMPackage.source(of: upstream) ?? own }
    guard let at = upstream.lastIndex(of: "@"), at > upstream.startIndex else {
      return .init(name: upstream, version: own.version)
    }
    return .init(name: String(upstream[..<at]), version: String(upstream[upstream.index(after: at)...]))
  }

  /// The distribution that a package of a system belongs to; nil where it does not say.
  public var distribution: Distribution? {
    guard PackageType(rawValue: type)?.isOperatingSystem == true else { return nil }
    let owner = namespace.first.map { Distribution.identifier($0) }
    guard let text = qualifiers["distro"], !text.isEmpty else {
      // Those that have no releases are named by the namespace alone.
      return owner.flatMap { ["wolfi", "chainguard", "minimos"].contains($0) ? Distribution(id: $0) : nil }
    }
    return Distribution(qualifier: text, owner: owner)
  }

  /// The package URL of an image or index in a registry.
  ///
  /// - Parameters:
  ///   - repository: `registry.example/team/app`, or `team/app` where the registry has no name.
  ///   - tag: under which it was found.
  /// - Returns: nil where the repository has no name.
  /// - Source: purl-spec, definition of oci.
  public static func image(
    _ digest: Digest, repository: String, architecture: String? = nil, tag: String? = nil
  ) -> PackageURL? {
    let name = repository.split(separator: "/").last.map { String($0) } ?? ""
    var qualifiers = ["repository_url": repository]
    qualifiers["arch"] = architecture
    qualifiers["tag"] = tag
    return PackageURL(type: "oci", name: name, version: digest.description, qualifiers: qualifiers)
  }
}

extension Component {
  /// By its name alone it holds headers, and nothing that runs.
  fileprivate var namesHeaders: Bool {
    switch type {
    case .deb: name == "linux-libc-dev" || name.hasPrefix("linux-headers-")
    case .apk: name == "linux-headers"
    case .rpm: RPMPackage.headersOnly.contains(name)
    default: false
    }
  }
}
