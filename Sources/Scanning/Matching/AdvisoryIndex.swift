/// Advisories in memory, by the packages that they speak of.
public struct AdvisoryIndex: Sendable {
  private struct Key: Hashable {
    let ecosystem: String
    let package: String
  }

  private struct Entry {
    let advisory: String
    let ranges: VersionRanges
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
      let key = Key(
        ecosystem: affected.ecosystem.description, package: affected.ecosystem.normalised(affected.name))
      entries[key, default: []].append(Entry(advisory: advisory.id, ranges: VersionRanges(affected)))
    }
  }

  /// What advisories find in a version of a package: those that do, sorted, and those that cannot be decided.
  public func advisories(
    for ecosystem: Ecosystem, _ package: String, _ version: String
  ) -> (affected: [String], undecidable: [String]) {
    var affected: Set<String> = []
    var undecidable: Set<String> = []
    let key = Key(ecosystem: ecosystem.description, package: ecosystem.normalised(package))
    guard let known = entries[key] else { return ([], []) }
    let asked = VersionRanges.Subject(version, in: ecosystem)
    for entry in known {
      switch entry.ranges.verdict(asked) {
      case .affected: affected.insert(entry.advisory)
      case .undecidable: undecidable.insert(entry.advisory)
      case .notAffected: break
      }
    }
    return (affected.sorted(), undecidable.subtracting(affected).sorted())
  }
}
