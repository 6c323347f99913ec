/// Until when a distribution mends a release.
public enum EndOfLife {
  /// What holds on a day.
  public enum Support: Sendable, Hashable {
    /// It gets updates for everybody; until: the last day, nil where none is set.
    case supported(until: CalendarDay?)
    /// It gets updates by a programme that not everybody takes part in, or that mends less: `Ubuntu Pro`, `Debian LTS`.
    case extended(until: CalendarDay, programme: String)
    /// It gets no updates any more; on: the last day on which everybody got them; extended: the last day of the programme, where there
    /// was one.
    case ended(on: CalendarDay, extended: CalendarDay? = nil, programme: String? = nil)
    /// The release stands in no table.
    case unknown
  }

  /// - Parameter day: the day that is asked about. The last day of support still counts.
  public static func support(of distribution: Distribution, on day: CalendarDay) -> Support {
    if isRolling(distribution) { return .supported(until: nil) }
    guard let family = EndOfLifeTable.families.first(where: { $0.ids.contains(distribution.id) }),
      let release = family.release(distribution), let dates = family.releases[release]
    else { return .unknown }
    if day <= dates.end { return .supported(until: dates.end) }
    if let extended = dates.extended, let programme = family.programme, day <= extended {
      return .extended(until: extended, programme: programme)
    }
    guard let extended = dates.extended, let programme = family.programme else { return .ended(on: dates.end) }
    return .ended(on: dates.end, extended: extended, programme: programme)
  }

  /// For people: what is to be said of a release that not everybody gets updates for any more; nil: nothing.
  public static func notice(of distribution: Distribution, on day: CalendarDay) -> String? {
    let name = distribution.prettyName ?? "\(distribution.id) \(distribution.release)"
    switch support(of: distribution, on: day) {
    case .supported, .unknown: return nil
    case .extended(let until, let programme): return "\(name) gets updates by \(programme) only, until \(until)"
    case .ended(let end, let extended?, let programme?):
      return "\(name) gets no updates any more: its regular support ended on \(end), and \(programme) on \(extended)"
    case .ended(let end, _, _): return "\(name) gets no updates any more: its support ended on \(end)"
    }
  }

  private static func isRolling(_ distribution: Distribution) -> Bool {
    switch distribution.id {
    case "wolfi", "chainguard", "minimos", "opensuse-tumbleweed", "arch": true
    case "alpine": distribution.versionID == "edge"
    default: false
    }
  }
}
