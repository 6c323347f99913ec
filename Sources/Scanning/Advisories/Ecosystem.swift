/// The family of packages that an advisory speaks of, with its release where it has one: `PyPI`, `Debian:12`, `Alpine:v3.18`.
///
/// Source: OSV schema, "affected[].package field".
public struct Ecosystem: Sendable, Hashable, CustomStringConvertible {
  /// Before the first colon, as the schema spells it where it knows it.
  public let name: String
  /// After it; nil when there is none.
  public let release: String?

  public init(_ name: String, release: String? = nil) {
    self.name = name
    self.release = release
  }

  /// Reads `NAME` or `NAME:RELEASE`. Every text is one: an ecosystem that we do not know has no order of versions. Names that the
  /// schema defines are taken in whatever case: records of Bitnami have had `bitnami`.
  public init(parsing text: some StringProtocol) {
    if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
      name = Self.spelled(text[..<colon])
      let rest = text[text.utf8.index(after: colon)...]
      release = Self.repackagers.contains(name) ? Ecosystem(parsing: String(rest)).description : String(rest)
    } else {
      name = Self.spelled(text[...])
      release = nil
    }
  }

  public var description: String { release.map { "\(name):\($0)" } ?? name }

  /// The one whose names and versions count: `Alpine:3.18` of `Root:Alpine:3.18`.
  var base: Ecosystem {
    guard Self.repackagers.contains(name), let release else { return self }
    let inner = Ecosystem(parsing: release)
    return Self.repackagers.contains(inner.name) ? self : inner
  }

  /// Who mends packages of others, and names theirs behind the own name. Source: OSV schema, "Defined ecosystems"; osv.dev.
  private static let repackagers: Set<String> = ["Docker Hardened Images", "Root", "Seal", "TuxCare"]

  /// Source: OSV schema 1.7, "Defined ecosystems".
  private static let defined: Set<String> = [
    "AlmaLinux", "Alpaquita", "Alpine", "Android", "Azure Linux", "BellSoft Hardened Containers", "Bioconductor",
    "Bitnami",
    "CRAN", "Chainguard", "CleanStart", "ConanCenter", "Debian", "Docker Hardened Images", "Echo", "FreeBSD", "GHC",
    "GIT",
    "GitHub Actions", "Go", "Hackage", "Hex", "Homebrew", "Julia", "Kubernetes", "Linux", "Mageia", "Maven", "MinimOS",
    "NuGet", "OSS-Fuzz", "Packagist", "Photon OS", "Pub", "PyPI", "Red Hat", "Rocky Linux", "Root", "RubyGems", "SUSE",
    "Seal", "SwiftURL", "TuxCare", "Ubuntu", "VSCode", "Wolfi", "crates.io", "npm", "opam", "openEuler", "openSUSE",
  ]

  private static let definedByLowerCase = Dictionary(uniqueKeysWithValues: defined.map { ($0.lowercased(), $0) })

  private static func spelled(_ name: some StringProtocol) -> String {
    let text = String(name)
    return defined.contains(text) ? text : definedByLowerCase[text.lowercased()] ?? text
  }
}
