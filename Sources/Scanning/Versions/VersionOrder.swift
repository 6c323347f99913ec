/// How the versions of an ecosystem are ordered, exactly as the ecosystem defines it.
public enum VersionOrder: String, Sendable, Hashable, CaseIterable {
  case dpkg, apk, rpm
  case pep440, semver, npm, maven, rubyGems, nuGet, composer, go
  case hackage, cran, pub

  /// No version is longer: those that are, are none.
  public static let lengthLimitBytes = 1024

  /// The order of an ecosystem by its name in OSV, with or without a release, or by the name of the order itself; nil when we know
  /// none.
  public init?(ecosystem: String) { self.init(Ecosystem(parsing: ecosystem)) }

  /// The order of an ecosystem; nil when we know none.
  ///
  /// Source: OSV schema, "Defined ecosystems".
  public init?(_ ecosystem: Ecosystem) {
    let name = ecosystem.base.name
    switch name {
    case "Debian", "Ubuntu", "Echo", "deb": self = .dpkg
    // The manual of opam, "Version ordering": that of Debian.
    case "opam": self = .dpkg
    case "Alpine", "Wolfi", "Chainguard", "MinimOS", "Alpaquita", "BellSoft Hardened Containers", "apk": self = .apk
    case "AlmaLinux", "Rocky Linux", "Red Hat", "SUSE", "openSUSE", "Azure Linux", "CBL-Mariner", "Mageia", "openEuler",
      "Photon OS", "Amazon Linux", "Oracle Linux", "Fedora", "RPM", "rpm":
      self = .rpm
    case "PyPI", "pypi": self = .pep440
    case "npm": self = .npm
    case "SemVer", "crates.io", "Hex", "SwiftURL", "GitHub Actions", "Julia", "Bitnami", "Kubernetes", "VSCode":
      self = .semver
    case "Go", "golang": self = .go
    case "Maven": self = .maven
    case "RubyGems": self = .rubyGems
    case "NuGet": self = .nuGet
    case "Packagist": self = .composer
    case "Hackage", "GHC": self = .hackage
    case "CRAN", "Bioconductor": self = .cran
    case "Pub": self = .pub
    default:
      // Of vendors' records: `SUSE Linux Enterprise Server:sles:15:sp4`.
      if name.hasPrefix("SUSE Linux") {
        self = .rpm
      } else {
        guard let order = VersionOrder(rawValue: name) else { return nil }
        self = order
      }
    }
  }

  /// Whether its versions are those of Semantic Versioning, to which ranges of the type `SEMVER` are held.
  var isSemantic: Bool { self == .semver || self == .npm || self == .go }

  /// A version, ready to be compared with others of this order; nil when it is none.
  public func parse(_ text: String) -> ParsedVersion? {
    guard (1...Self.lengthLimitBytes).contains(text.utf8.count) else { return nil }
    let bytes = Array(text.trimmed.utf8)
    let form: ParsedVersion.Form? =
      switch self {
      case .dpkg: DpkgVersion(bytes).map { .dpkg($0) }
      case .apk: ApkVersion(bytes).map { .apk($0) }
      case .rpm: RPMVersion(bytes).map { .rpm($0) }
      case .pep440: PythonVersion(bytes).map { .python($0) } ?? .legacyPython(LegacyPythonVersion(bytes))
      case .semver, .npm: SemanticOrder(bytes, .plain).map { .semantic($0) }
      case .go: SemanticOrder(Self.goBytes(bytes), .plain).map { .semantic($0) }
      case .nuGet: SemanticOrder(bytes, .nuGet).map { .semantic($0) }
      case .pub: SemanticOrder(bytes, .pub).map { .semantic($0) }
      case .maven: MavenVersion(bytes).map { .maven($0) }
      case .rubyGems: SegmentVersion(bytes, .rubyGems).map { .segments($0) }
      case .composer: SegmentVersion(bytes, .composer).map { .segments($0) }
      case .hackage: SegmentVersion(bytes, .hackage).map { .segments($0) }
      case .cran: SegmentVersion(bytes, .cran).map { .segments($0) }
      }
    return form.map { ParsedVersion(form: $0) }
  }

  /// A version as an event of a range names it. Nil also for what only old programs took for a version: where such a one stands says
  /// nothing of those that are asked about, and a range without one of its ends is not known.
  func parseEvent(_ text: String) -> ParsedVersion? {
    guard !text.trimmed.utf8.contains(where: { $0 <= 0x20 }), let version = parse(text) else { return nil }
    if case .legacyPython = version.form { return nil }
    return version
  }

  /// The standard library has versions such as `go1.21rc2`.
  private static func goBytes(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.starts(with: "go".utf8) else { return bytes }
    let rest = bytes.dropFirst(2)
    let core = rest.prefix { $0.isDecimal || $0 == UInt8(ascii: ".") }
    return core + (core.count < rest.count ? [UInt8(ascii: "-")] : []) + rest.dropFirst(core.count)
  }

  /// Nil when one of them is no version of this order.
  ///
  /// For who puts versions in a row: of Composer's, `1.0` comes before `1.0.0` here, as it does for PHP. To ``ParsedVersion`` the two
  /// are one.
  public func compare(_ a: String, _ b: String) -> VersionComparison? {
    guard let x = parse(a), let y = parse(b) else { return nil }
    return ParsedVersion.compare(x, y).or(ParsedVersion.compareAsWritten(x, y))
  }
}

/// A version that can be compared with others of the same order.
public struct ParsedVersion: Sendable, Comparable {
  enum Form: Sendable {
    case dpkg(DpkgVersion)
    case apk(ApkVersion)
    case rpm(RPMVersion)
    case python(PythonVersion)
    case legacyPython(LegacyPythonVersion)
    case semantic(SemanticOrder)
    case maven(MavenVersion)
    case segments(SegmentVersion)
  }

  let form: Form

  /// - Precondition: both are of the same order.
  public static func compare(_ a: ParsedVersion, _ b: ParsedVersion) -> VersionComparison {
    switch (a.form, b.form) {
    case (.dpkg(let x), .dpkg(let y)): return DpkgVersion.compare(x, y)
    case (.apk(let x), .apk(let y)): return ApkVersion.compare(x, y)
    case (.rpm(let x), .rpm(let y)): return RPMVersion.compare(x, y)
    case (.python(let x), .python(let y)): return PythonVersion.compare(x, y)
    case (.legacyPython(let x), .legacyPython(let y)): return LegacyPythonVersion.compare(x, y)
    case (.legacyPython, .python): return .less
    case (.python, .legacyPython): return .greater
    case (.semantic(let x), .semantic(let y)): return SemanticOrder.compare(x, y)
    case (.maven(let x), .maven(let y)): return MavenVersion.compare(x, y)
    case (.segments(let x), .segments(let y)): return SegmentVersion.compare(x, y)
    default: preconditionFailure("versions of two orders cannot be compared")
    }
  }

  /// What tells two versions apart that are one in the order.
  static func compareAsWritten(_ a: ParsedVersion, _ b: ParsedVersion) -> VersionComparison {
    guard case (.segments(let x), .segments(let y)) = (a.form, b.form) else { return .equal }
    return SegmentVersion.compareAsWritten(x, y)
  }

  public static func < (a: ParsedVersion, b: ParsedVersion) -> Bool { compare(a, b) == .less }
  public static func == (a: ParsedVersion, b: ParsedVersion) -> Bool { compare(a, b) == .equal }
}
