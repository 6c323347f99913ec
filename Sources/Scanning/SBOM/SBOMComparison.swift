/// What differs between the packages that we found in an image and those that an SBOM of somebody else names.
///
/// Packages are the same when their type and name are; for those of a system the distribution's name does not count, as tools spell
/// it in different ways, and neither does the architecture. A version counts once, however many files have it.
public struct SBOMComparison: Sendable, Hashable {
  /// A package that both name, in versions that only one of them does.
  public struct OtherVersion: Sendable, Hashable {
    public var type: PackageType
    public var name: String
    /// Sorted as texts.
    public var ours: [String]
    /// Sorted as texts.
    public var theirs: [String]
  }

  /// A version of a package that one of them names.
  public struct Entry: Sendable, Hashable {
    public var type: PackageType
    public var name: String
    public var version: String
  }

  /// By type, name and version.
  public var onlyOurs: [Entry] = []
  /// By type, name and version.
  public var onlyTheirs: [Entry] = []
  /// By type and name.
  public var otherVersions: [OtherVersion] = []
  /// Versions of packages that both name.
  public var sameCount = 0
  /// Components of theirs that cannot be compared: of a type we do not look for, or without a package URL or version.
  public var notCompared: [SBOMComponent] = []

  /// Nothing differs.
  public var isSame: Bool { onlyOurs.isEmpty && onlyTheirs.isEmpty && otherVersions.isEmpty }

  /// - Cost: linear in both, but for sorting what differs.
  public init(of ours: [Component], with theirs: SBOMDocument) {
    var known = Versions()
    for component in ours { known.add(component, ours: true) }
    for entry in theirs.components {
      guard let component = entry.component else {
        notCompared.append(entry)
        continue
      }
      known.add(component, ours: false)
    }
    for (key, both) in known.byName {
      let ours = both.ours.filter { both.theirs[$0.key] == nil }.values.sorted()
      let theirs = both.theirs.filter { both.ours[$0.key] == nil }.values.sorted()
      sameCount += both.ours.count - ours.count
      if !ours.isEmpty, !theirs.isEmpty {
        otherVersions.append(.init(type: key.type, name: both.name, ours: ours, theirs: theirs))
      } else {
        onlyOurs += ours.map { Entry(type: key.type, name: both.name, version: $0) }
        onlyTheirs += theirs.map { Entry(type: key.type, name: both.name, version: $0) }
      }
    }
    onlyOurs.sort { $0.place < $1.place }
    onlyTheirs.sort { $0.place < $1.place }
    otherVersions.sort { ($0.type.rawValue, $0.name) < ($1.type.rawValue, $1.name) }
  }
}

extension SBOMComparison.Entry {
  fileprivate var place: (String, String, String) { (type.rawValue, name, version) }
}

/// Versions by the package that they are of.
private struct Versions {
  struct Key: Hashable {
    let type: PackageType
    let name: String
  }

  /// Versions as they are compared, with the texts that they were.
  struct Both {
    var name: String
    var ours: [String: String] = [:]
    var theirs: [String: String] = [:]
  }

  private(set) var byName: [Key: Both] = [:]

  mutating func add(_ component: Component, ours: Bool) {
    let name = component.type == .pypi ? PythonCataloguer.normalised(component.name) : component.name
    let key = Key(type: component.type, name: name.lowercased())
    let version = component.comparedVersion
    var both = byName.removeValue(forKey: key) ?? Both(name: name)
    if ours {
      both.name = name
      both.ours[version] = component.version
    } else {
      both.theirs[version] = component.version
    }
    byName[key] = both
  }
}

extension Component {
  /// The version without what tools write or leave out at will: a `v` or `go` in front, an epoch of zero.
  var comparedVersion: String {
    switch type {
    case .golang, .composer:
      if version.hasPrefix("v") { return String(version.dropFirst()) }
      return version.hasPrefix("go") ? String(version.dropFirst(2)) : version
    case .deb, .rpm: return version.hasPrefix("0:") ? String(version.dropFirst(2)) : version
    default: return version
    }
  }
}
