/// One record of what is wrong with versions of packages, from whatever format it was read.
///
/// The shape is that of OSV, which says the most; other formats fill what they have.
///
/// Source: OSV schema 1.7.
public struct Advisory: Sendable, Hashable {
  public var id: String
  /// As the record has it, RFC 3339; empty where the format has none.
  public var modified = ""
  public var published: String?
  /// Set when the record was taken back: it finds nothing any more.
  public var withdrawn: String?
  /// Other names of the very same flaw.
  public var aliases: [String] = []
  /// What a distribution's record was made from: mostly CVEs.
  public var upstream: [String] = []
  public var related: [String] = []
  public var summary: String?
  public var details: String?
  public var severities: [Severity] = []
  public var affected: [Affected] = []
  /// Addresses to read on.
  public var references: [String] = []

  public init(id: String) { self.id = id }
}

/// What a record says of one package.
public struct Affected: Sendable, Hashable {
  public var ecosystem: Ecosystem
  /// As the record spells it.
  public var name: String
  public var purl: String?
  public var ranges: [AdvisoryRange] = []
  /// Versions that are named one by one.
  public var versions: [String] = []
  /// Of this package alone; counts before the record's own.
  public var severities: [Severity] = []
  public var state: State = .affected

  /// What the vendor means to do.
  public enum State: String, Sendable, Hashable, CaseIterable {
    case affected
    case willNotFix = "will-not-fix"
    case deferred
    case endOfLife = "end-of-life"
    /// Nobody has said yet whether it is affected.
    case underInvestigation = "under-investigation"
  }

  public init(ecosystem: Ecosystem, name: String) {
    self.ecosystem = ecosystem
    self.name = name
  }
}

/// A range of versions as a row of events.
public struct AdvisoryRange: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case semver = "SEMVER"
    case ecosystem = "ECOSYSTEM"
    /// Commits. They say nothing of packages.
    case git = "GIT"
  }

  public enum Event: Sendable, Hashable {
    /// `"0"` is before every version, and is no version itself.
    case introduced(String)
    case fixed(String)
    case lastAffected(String)
    case limit(String)
  }

  public var kind: Kind
  /// In the order of the record.
  public var events: [Event]

  public init(_ kind: Kind, _ events: [Event]) {
    self.kind = kind
    self.events = events
  }
}

/// How bad something is, as one source says.
public struct Severity: Sendable, Hashable {
  public enum Band: String, Sendable, Hashable, CaseIterable, Comparable {
    case unknown, negligible, low, medium, high, critical

    public static func < (a: Band, b: Band) -> Bool { a.rank < b.rank }
    private var rank: Int { Band.allCases.firstIndex(of: self) ?? 0 }
  }

  /// `CVSS_V2`, `CVSS_V3`, `CVSS_V4`, or the vendor whose word it is: `Debian`, `Ubuntu`, `Red Hat`.
  public var source: String
  /// The vector, or the vendor's word.
  public var text: String
  public var band: Band
  /// 0 to 10, where there is one.
  public var score: Double?

  public init(source: String, text: String, band: Band, score: Double? = nil) {
    self.source = source
    self.text = text
    self.band = band
    self.score = score
  }
}
