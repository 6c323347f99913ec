/// What an advisory says of the versions of one package, read once and asked of many.
public struct VersionRanges: Sendable {
  private let ecosystem: String
  private let named: Set<String>
  /// But those of commits, which say nothing of packages.
  private let ranges: [PreparedRange]
  /// Of Red Hat, whose releases are mended one by one: the minor releases that each range has a fix for. Else nil.
  private let minorReleases: [Set<String>]?

  public init(_ affected: Affected) {
    ecosystem = affected.ecosystem.name
    named = Set(affected.versions)
    let order = VersionOrder(affected.ecosystem)
    ranges = affected.ranges.filter { $0.kind != .git }.map { PreparedRange($0, order) }
    let isReleaseByRelease = ranges.count > 1 && ecosystem == "Red Hat"
    minorReleases =
      isReleaseByRelease ? ranges.map { Set($0.fixes.compactMap { RedHatFixes.minorRelease($0) }) } : nil
  }

  /// A version as text and, where it is one, ready to be compared: for who asks about it more than once.
  public struct Subject: Sendable {
    let text: String
    let order: VersionOrder?
    let parsed: ParsedVersion?

    public init(_ text: String, in ecosystem: Ecosystem) {
      self.text = text
      order = VersionOrder(ecosystem)
      parsed = order?.parse(text)
    }
  }

  /// Whether a version is affected: it is named, or a range that is not one of commits holds it.
  ///
  /// A version that is none in its ecosystem is affected when it is named, and undecidable when there is a range that would have
  /// to be asked.
  ///
  /// Source: OSV schema, "Evaluation"; at equal versions what ends a range counts before what begins one, unless the record names it
  /// right after that: from 1.5 to 1.5 inclusive is 1.5 alone.
  public func verdict(_ version: Subject) -> Verdict {
    let isNamed = named.contains(version.text)
    let ranges = counting(for: version.text)
    guard !ranges.isEmpty else { return isNamed ? .affected(fixed: nil) : .notAffected }
    var isIn = false
    var fixed: String?
    var reason: String?
    for range in ranges {
      switch verdict(version, range) {
      case .affected(let version):
        isIn = true
        fixed = fixed ?? version
      case .notAffected: break
      case .undecidable(let why): reason = reason ?? why
      }
    }
    if isIn || isNamed { return .affected(fixed: fixed ?? Self.nextFix(version, ranges)) }
    return reason.map { .undecidable($0) } ?? .notAffected
  }

  private func verdict(_ version: Subject, _ range: PreparedRange) -> Verdict {
    guard range.order != nil else { return .undecidable("the order of versions in \(ecosystem) is not known") }
    guard let parsed = version.parsed(for: range) else {
      return .undecidable("“\(version.text.prefix(80))” is no version in \(ecosystem)")
    }
    return range.verdict(parsed)
  }

  /// Those of several ranges that count for a version. Where Red Hat has mended the minor release that it was built for, what is said
  /// of others says nothing of it; else, where the release as a whole is not mended, that some minor releases are does not help.
  private func counting(for version: String) -> [PreparedRange] {
    guard let minorReleases else { return ranges }
    if let own = RedHatFixes.minorRelease(version) {
      let mended = zip(ranges, minorReleases).filter { $1.contains(own) }.map(\.0)
      if !mended.isEmpty { return mended }
    }
    let open = ranges.filter(\.fixes.isEmpty)
    return open.isEmpty ? ranges : open
  }

  /// Of a version that is named and in no range: the first fix after it.
  private static func nextFix(_ version: Subject, _ ranges: [PreparedRange]) -> String? {
    // Those of two orders cannot be compared.
    ranges.filter { $0.order == ranges.first?.order }.compactMap { range in
      version.parsed(for: range).flatMap { range.firstFix(after: $0) }
    }.min { $0.version < $1.version }?.text
  }
}

extension VersionRanges.Subject {
  /// In the order of a range; nil when it is no version there.
  fileprivate func parsed(for range: PreparedRange) -> ParsedVersion? {
    range.order == order ? parsed : range.order?.parse(text)
  }
}

/// A range whose events are parsed and in order.
private struct PreparedRange: Sendable {
  /// One event with its place.
  private struct Mark: Sendable {
    enum Kind: Sendable { case fixed, lastAffected, introduced }

    /// Nil: before every version.
    let version: ParsedVersion?
    let kind: Kind
    let text: String
    /// Of an event that the record pairs with one of the same version: a version that alone is affected, or none at all.
    var isPaired = false

    /// At the same version what ends counts before what begins; but what ends at once after what it ends.
    var rank: Int { kind == .introduced ? (isPaired ? 1 : 3) : (isPaired ? 2 : 0) }
  }

  /// Nil: nobody knows how the versions of this ecosystem are ordered.
  let order: VersionOrder?
  /// From the least version on.
  private let marks: [Mark]
  private let limits: [ParsedVersion]
  private let hasLimit: Bool
  /// An event names what is no version.
  private let isBroken: Bool

  /// - Parameter native: the order of the ecosystem. A range of the type `SEMVER` has that of Semantic Versioning in any.
  init(_ range: AdvisoryRange, _ native: VersionOrder?) {
    let order = range.kind == .semver && !(native?.isSemantic ?? false) ? .semver : native
    self.order = order
    var marks: [Mark] = []
    var limits: [ParsedVersion] = []
    var (hasLimit, isUnlimited, isBroken) = (false, false, false)
    func mark(_ kind: Mark.Kind, _ text: String) {
      guard let version = order?.parseEvent(text) else { return isBroken = true }
      var mark = Mark(version: version, kind: kind, text: text)
      if kind != .introduced, let last = marks.last, last.kind == .introduced, last.version == version {
        marks[marks.count - 1].isPaired = true
        mark.isPaired = true
      }
      marks.append(mark)
    }
    for event in range.events {
      switch event {
      case .introduced("0"): marks.append(Mark(version: nil, kind: .introduced, text: "0"))
      case .introduced(let text): mark(.introduced, text)
      case .fixed(let text): mark(.fixed, text)
      case .lastAffected(let text): mark(.lastAffected, text)
      case .limit(let text):
        hasLimit = true
        if text == "*" { isUnlimited = true } else if let limit = order?.parse(text) { limits.append(limit) }
      }
    }
    marks.sort { a, b in
      switch (a.version, b.version) {
      case (nil, nil): a.rank < b.rank
      case (nil, _?): true
      case (_?, nil): false
      case (let x?, let y?): x == y ? a.rank < b.rank : x < y
      }
    }
    self.marks = marks
    self.limits = limits
    self.hasLimit = hasLimit && !isUnlimited
    self.isBroken = isBroken
  }

  func verdict(_ version: ParsedVersion) -> Verdict {
    guard !isBroken else { return .undecidable("a range of the advisory names what is no version") }
    var isIn = false
    var next = marks.startIndex
    while next < marks.endIndex {
      let mark = marks[next]
      guard let place = mark.version else {
        isIn = true
        next += 1
        continue
      }
      let order = ParsedVersion.compare(place, version)
      if order == .greater { break }
      switch mark.kind {
      case .introduced: isIn = true
      case .fixed: isIn = false
      case .lastAffected: if order == .less { isIn = false }
      }
      next += 1
    }
    // Without a limit there is none.
    guard isIn, !hasLimit || limits.contains(where: { version < $0 }) else { return .notAffected }
    return .affected(fixed: marks[next...].first { $0.kind == .fixed }?.text)
  }

  var fixes: [String] { marks.filter { $0.kind == .fixed }.map(\.text) }

  func firstFix(after version: ParsedVersion) -> (version: ParsedVersion, text: String)? {
    for mark in marks where mark.kind == .fixed {
      if let place = mark.version, version < place { return (place, mark.text) }
    }
    return nil
  }
}
