/// What one file of a layer says of packages: a package database, a manifest, a binary.
///
/// Artefacts are what folding works on: the file of a newer layer replaces the file of the same path of an older one as a
/// whole, and a whiteout of the path removes it with everything it said.
public struct Artefact: Sendable, Hashable {
  /// From the root of the image, without a slash before or behind: `var/lib/dpkg/status`.
  public var path: String
  /// The name of the cataloguer that read it: `dpkg`, `python`.
  public var cataloguer: String
  public var components: [Component]
  /// Set by files that describe the operating system and hold no package.
  public var distribution: Distribution?
  /// Paths of other artefacts that belong to packages of this one, in the spelling of ``path``. Of all the files of a package
  /// only those are kept that a cataloguer would read.
  public var ownedPaths: [String]
  /// The package of the operating system whose paths these are, where the file is about one package.
  public var ownerName: String?
  /// For each of ``ownedPaths`` the position in ``components`` of the package that owns it; empty where the file is about one
  /// package.
  public var pathOwners: [Int] = []

  /// The package that owns one of ``ownedPaths``, as far as the file says.
  func owner(ofPathAt position: Int) -> String? {
    guard pathOwners.indices.contains(position), components.indices.contains(pathOwners[position]) else {
      return ownerName
    }
    return components[pathOwners[position]].name
  }

  public init(
    path: String, cataloguer: String, components: [Component] = [], distribution: Distribution? = nil,
    ownedPaths: [String] = [], ownerName: String? = nil
  ) {
    self.path = path
    self.cataloguer = cataloguer
    self.components = components
    self.distribution = distribution
    self.ownedPaths = ownedPaths
    self.ownerName = ownerName
  }
}
