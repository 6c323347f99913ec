/// One package as a layer's own records name it.
///
/// Which distribution it belongs to is not known here: the layer that holds the package database need not be the one that
/// holds `os-release`. Folding joins the two; see ``ImageInventory``.
public struct Component: Sendable, Hashable {
  public var type: PackageType
  /// As the ecosystem spells it, normalised where the ecosystem says how (PEP 503 for Python). Maven: `group:artifact`.
  public var name: String
  /// As the package's own record has it, with epoch and revision where there are any (`1:2.30-1+b1`).
  public var version: String
  /// The source package that a distribution's advisories name, also where it has the package's own name; nil when the record does
  /// not tell, and for packages of languages.
  public var source: Source?
  /// As the package manager spells it (`amd64`, `x86_64`, `noarch`); nil where packages have none.
  public var architecture: String?
  /// An RPM's module label, `name:stream:version:context`.
  public var module: String?
  /// Who built it, where the record says so: the vendor of an RPM.
  public var vendor: String?
  /// Licences as the record names them, not checked against SPDX.
  public var licenses: [String] = []
  /// What the package is not judged for: it holds no code that runs, such as headers of the kernel alone.
  public var isHeadersOnly = false

  /// A source package.
  public struct Source: Sendable, Hashable {
    public var name: String
    public var version: String

    public init(name: String, version: String) {
      self.name = name
      self.version = version
    }
  }

  public init(_ type: PackageType, name: String, version: String) {
    self.type = type
    self.name = name
    self.version = version
  }
}
