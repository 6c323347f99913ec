/// What an advisory says of a version of a package.
public enum Verdict: Sendable, Hashable {
  /// - Parameter fixed: the first version after it that is mended; nil: none is known.
  case affected(fixed: String?)
  case notAffected
  /// It cannot be said, and why.
  case undecidable(String)
}

extension Affected {
  /// Whether a version is affected: it is named, or a range that is not one of commits holds it.
  ///
  /// A version that is none in its ecosystem is affected when it is named, and undecidable when there is a range that would have
  /// to be asked.
  ///
  /// Source: OSV schema, "Evaluation"; at equal versions what ends a range counts before what begins one.
  public func verdict(_ version: String) -> Verdict {
    let isNamed = versions.contains(version)
    let ranges = counting(ranges.filter { $0.kind != .git }, for: version)
    guard !ranges.isEmpty else { return isNamed ? .affected(fixed: nil) : .notAffected }
    guard let order = VersionOrder(ecosystem: ecosystem.name) else {
      return isNamed ? .affected(fixed: nil) : .undecidable("the order of versions in \(ecosystem.name) is not known")
    }
    guard let parsed = order.parse(version) else {
      return isNamed
        ? .affected(fixed: nil) : .undecidable("“\(version.prefix(80))” is no version in \(ecosystem.name)")
    }
    var isIn = false
    var fixed: String?
    var reason: String?
    for range in ranges {
      switch range.verdict(parsed, order) {
      case .affected(let version):
        isIn = true
        fixed = fixed ?? version
      case .notAffected: break
      case .undecidable(let why): reason = reason ?? why
      }
    }
    if isIn || isNamed { return .affected(fixed: fixed ?? Self.nextFix(parsed, order, ranges)) }
    return reason.map { .undecidable($0) } ?? .notAffected
  }

  /// Of a version that is named and in no range: the first fix after it.
  private static func nextFix(_ version: ParsedVersion, _ order: VersionOrder, _ ranges: [AdvisoryRange]) -> String? {
    ranges.flatMap(\.events).compactMap { event -> (ParsedVersion, String)? in
      guard case .fixed(let text) = event, let parsed = order.parse(text), version < parsed else { return nil }
      return (parsed, text)
    }.min { $0.0 < $1.0 }?.1
  }
}

extension AdvisoryRange {
  /// One event with its place.
  private struct Mark {
    /// Nil: before every version.
    let version: ParsedVersion?
    /// What ends counts before what begins.
    let rank: Int
    let event: Event
  }

  fileprivate func verdict(_ version: ParsedVersion, _ order: VersionOrder) -> Verdict {
    var marks: [Mark] = []
    for event in events {
      switch event {
      case .introduced("0"): marks.append(Mark(version: nil, rank: 1, event: event))
      case .introduced(let text): marks.append(Mark(version: order.parse(text), rank: 1, event: event))
      case .fixed(let text): marks.append(Mark(version: order.parse(text), rank: 0, event: event))
      case .lastAffected(let text): marks.append(Mark(version: order.parse(text), rank: 0, event: event))
      case .limit: continue
      }
      let isZero: Bool = if case .introduced("0") = event { true } else { false }
      if let last = marks.last, last.version == nil, !isZero {
        return .undecidable("a range of the advisory names what is no version")
      }
    }
    marks.sort { a, b in
      switch (a.version, b.version) {
      case (nil, nil): return a.rank < b.rank
      case (nil, _?): return true
      case (_?, nil): return false
      case (let x?, let y?): return x == y ? a.rank < b.rank : x < y
      }
    }
    var isIn = false
    for mark in marks {
      switch mark.event {
      case .introduced: if mark.version.map({ $0 <= version }) ?? true { isIn = true }
      case .fixed: if let fixed = mark.version, fixed <= version { isIn = false }
      case .lastAffected: if let last = mark.version, last < version { isIn = false }
      case .limit: break
      }
    }
    guard isIn, isBeforeLimits(version, order) else { return .notAffected }
    let fix = marks.first { mark in
      if case .fixed = mark.event, let fixed = mark.version { version < fixed } else { false }
    }
    if case .fixed(let text)? = fix?.event { return .affected(fixed: text) }
    return .affected(fixed: nil)
  }

  /// Without a limit there is none; `*` is none either.
  private func isBeforeLimits(_ version: ParsedVersion, _ order: VersionOrder) -> Bool {
    var hasLimit = false
    for case .limit(let text) in events {
      hasLimit = true
      if text == "*" { return true }
      if let limit = order.parse(text), version < limit { return true }
    }
    return !hasLimit
  }
}
