public import OCI

/// What an SBOM of any tool says: which packages there are.
public struct SBOMDocument: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, CaseIterable {
    case cycloneDX = "CycloneDX"
    case spdx = "SPDX"
  }

  public var format: Format
  /// Of the format: `1.6`, `2.3`.
  public var version: String
  /// What it is about, in the words of its tool.
  public var name = ""
  /// What it is about, where it or its attestation says so by a digest. Without repetition, in the order found.
  public var subjects: [Digest] = []
  /// As the document has it, RFC 3339.
  public var created: String?
  /// Those that made it.
  public var tools: [String] = []
  /// In the order of the document. Files, images and the operating system are not among them.
  public var components: [SBOMComponent] = []
  /// It came in an envelope that has a signature, which has not been checked.
  public var isSigned = false

  init(_ format: Format, version: String) {
    self.format = format
    self.version = version
  }

  mutating func add(subject text: String?) {
    guard let text, let digest = try? Digest(parsing: text), !subjects.contains(digest) else { return }
    guard subjects.count < Self.subjectLimit else { return }
    subjects.append(digest)
  }

  /// An SBOM is about one image, or an index of some.
  private static let subjectLimit = 64
}

/// One package of an SBOM.
public struct SBOMComponent: Sendable, Hashable {
  /// As the document spells it, with its group or scope: `@babel/core`, `org.example:thing`.
  public var name: String
  /// Empty where the document has none.
  public var version: String
  /// Nil where the document has none that can be read.
  public var purl: PackageURL?
  /// The package as advisories can be asked about it; nil where its type is none that we judge, or its version is missing.
  public var component: Component?
  /// The distribution that it belongs to, from its package URL or the document as a whole.
  public var distribution: Distribution?

  /// - Parameter system: the distribution that the document names as a whole.
  init?(name: String, version: String, purl text: String?, system: Distribution?) {
    var purl = text.flatMap { try? PackageURL(parsing: $0) }
    // Tools list the files that name packages beside them.
    guard purl != nil || (!name.isEmpty && !version.isEmpty) else { return nil }
    if let found = purl, found.version == nil, !version.isEmpty { purl = found.versioned(version) }
    self.name = name.isEmpty ? purl?.name ?? "" : name
    self.version = version.isEmpty ? purl?.version ?? "" : version
    self.purl = purl
    guard let read = purl?.component(spelled: name) else { return }
    component = read.component
    guard read.component.type.isOperatingSystem else { return }
    distribution = read.distribution ?? system
    // A package URL may name the distribution without its release.
    if let found = distribution, let system, found == Distribution(id: system.id) { distribution = system }
  }

  /// Tools that have no `upstream` in their package URLs name the source of a package elsewhere.
  mutating func take(source name: String?, version: String?) {
    guard let name, !name.isEmpty, purl?.qualifiers["upstream"] == nil, var found = component,
      found.type.isOperatingSystem
    else { return }
    var version = version ?? found.source?.version ?? found.version
    // The epoch of an rpm is its own; its source has none.
    if found.type == .rpm, let colon = version.firstIndex(of: ":") {
      version = String(version[version.index(after: colon)...])
    }
    found.source = .init(name: name, version: version)
    component = found
  }
}

extension PackageURL {
  /// It names an image, not a package.
  var isImage: Bool { type == "oci" || type == "docker" }

  fileprivate func versioned(_ version: String) -> PackageURL? {
    PackageURL(
      type: type, namespace: namespace, name: name, version: version, qualifiers: qualifiers, subpath: subpath)
  }
}
