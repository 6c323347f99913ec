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
    var naming = PackageNaming(advisory)
    for affected in advisory.affected {
      let (ecosystem, ranges) = (affected.ecosystem.description, VersionRanges(affected))
      for name in naming.names(of: affected) {
        entries[Key(ecosystem: ecosystem, package: name), default: []].append(
          Entry(advisory: advisory.id, ranges: ranges))
      }
    }
  }

  /// What advisories find in a version of a package, by all that they say of its name, whatever module stream it is for: those that
  /// do, sorted, and those that cannot be decided.
  public func advisories(
    for ecosystem: Ecosystem, _ package: String, _ version: String
  ) -> (affected: [String], undecidable: [String]) {
    let name = ecosystem.normalised(package)
    return advisories(ecosystem, ModuleStreams.has(ecosystem) ? ModuleStreams.asked(name) : [name], version)
  }

  /// What advisories find by the very name that they have for a package of an image.
  public func advisories(for subject: AdvisorySubject) -> (affected: [String], undecidable: [String]) {
    advisories(subject.ecosystem, [subject.name], subject.version)
  }

  private func advisories(
    _ ecosystem: Ecosystem, _ names: [String], _ version: String
  ) -> (affected: [String], undecidable: [String]) {
    var affected: Set<String> = []
    var undecidable: Set<String> = []
    let text = ecosystem.description
    let known = names.flatMap { entries[Key(ecosystem: text, package: $0)] ?? [] }
    guard !known.isEmpty else { return ([], []) }
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
