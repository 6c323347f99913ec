/// Advisories in memory, by the packages that they speak of.
public struct AdvisoryIndex: Sendable {
  private struct Key: Hashable {
    let ecosystem: String
    let package: String
  }

  private struct Entry {
    let advisory: String
    let affected: Affected
  }

  private var entries: [Key: [Entry]] = [:]
  /// How many advisories it holds.
  public private(set) var advisoryCount = 0

  public init() {}

  /// Adds an advisory; one that was withdrawn says nothing.
  public mutating func add(_ advisory: Advisory) {
    guard advisory.withdrawn == nil else { return }
    advisoryCount += 1
    for affected in advisory.affected {
      var kept = affected
      kept.severities = []
      kept.ranges.removeAll { $0.kind == .git }
      let key = Key(
        ecosystem: affected.ecosystem.description, package: affected.ecosystem.normalised(affected.name))
      entries[key, default: []].append(Entry(advisory: advisory.id, affected: kept))
    }
  }

  /// What advisories find in a version of a package: those that do, sorted, and those that cannot be decided.
  public func advisories(
    for ecosystem: Ecosystem, _ package: String, _ version: String
  ) -> (affected: [String], undecidable: [String]) {
    var affected: Set<String> = []
    var undecidable: Set<String> = []
    let key = Key(ecosystem: ecosystem.description, package: ecosystem.normalised(package))
    for entry in entries[key] ?? [] {
      switch entry.affected.verdict(version) {
      case .affected: affected.insert(entry.advisory)
      case .undecidable: undecidable.insert(entry.advisory)
      case .notAffected: break
      }
    }
    return (affected.sorted(), undecidable.subtracting(affected).sorted())
  }
}
