internal import Metadata
internal import OCI
internal import Scanning

// Advisories and packages meet here, in the transaction that changes either.
extension Registry {
  /// Judges packages of which nothing is known yet, by all advisories.
  ///
  /// - Precondition: the inspection is locked.
  static func judge(_ packages: [NewPackage], _ transaction: borrowing Transaction) throws {
    try transaction.addFindings(try findings(of: packages.map { ($0.key, $0.record.subjects) }, transaction))
  }

  /// Judges packages once more by all advisories, and writes the differences as events.
  ///
  /// - Precondition: the inspection is locked.
  @discardableResult
  static func judgeAgain(
    _ packages: [(key: Int64, subjects: [PackageRecord.Subject])], _ transaction: borrowing Transaction
  ) throws -> FindingDifference {
    guard !packages.isEmpty else { return FindingDifference() }
    return try transaction.replaceFindings(
      ofPackages: packages.map(\.key), by: try findings(of: packages, transaction))
  }

  private static func findings(
    of packages: [(key: Int64, subjects: [PackageRecord.Subject])], _ transaction: borrowing Transaction
  ) throws -> [FindingRow] {
    let names = Set(packages.flatMap { $0.subjects.map { keptName(of: $0).name } })
    guard !names.isEmpty else { return [] }
    let entries = try transaction.advisoryEntries(Array(names)).mapValues { try $0.map { try ReadEntry($0) } }
    var found: [FindingRow] = []
    for package in packages {
      for subject in package.subjects {
        let (name, isFormer) = keptName(of: subject)
        guard let known = entries[name] else { continue }
        let version = VersionRanges.Subject(subject.version, in: Ecosystem(parsing: subject.ecosystem))
        for entry in known where !isFormer || entry.isOfModules {
          if let finding = entry.finding(package.key, version) { found.append(finding) }
        }
      }
    }
    return merged(found)
  }

  /// By what name records are kept that speak of a subject, and whether they are kept so only until their feed was read again.
  private static func keptName(of subject: PackageRecord.Subject) -> (name: AdvisorySubjectName, isFormer: Bool) {
    let former = AdvisorySubject.formerName(subject.name, in: Ecosystem(parsing: subject.ecosystem))
    return (AdvisorySubjectName(ecosystem: subject.ecosystem, name: former ?? subject.name), former != nil)
  }

  /// Judges by advisories that have changed all packages that they speak of or spoke of, and writes the differences as events.
  ///
  /// - Precondition: the inspection is locked.
  static func judge(
    _ changed: [ChangedAdvisory], feed: String, _ transaction: borrowing Transaction
  ) throws -> FindingDifference {
    let names = Set(
      changed.flatMap { $0.entries.map { AdvisorySubjectName(ecosystem: $0.ecosystem, name: $0.package) } })
    let subjects = Dictionary(grouping: try transaction.subjects(names)) {
      AdvisorySubjectName(ecosystem: $0.ecosystem, name: $0.name)
    }
    let versions = subjects.mapValues { known in
      known.map {
        (package: $0.package, version: VersionRanges.Subject($0.version, in: Ecosystem(parsing: $0.ecosystem)))
      }
    }
    var found: [FindingRow] = []
    for advisory in changed where !advisory.isWithdrawn {
      for entry in advisory.entries {
        let name = AdvisorySubjectName(ecosystem: entry.ecosystem, name: entry.package)
        guard let known = versions[name] else { continue }
        let read = try ReadEntry(
          AdvisoryEntryRow(
            advisory: advisory.key, ecosystem: entry.ecosystem, package: entry.package, content: entry.content))
        for subject in known {
          if let finding = read.finding(subject.package, subject.version) { found.append(finding) }
        }
      }
    }
    return try transaction.replaceFindings(
      of: changed.map { (key: $0.key, name: $0.name) }, fresh: Set(changed.filter(\.isNew).map(\.key)),
      by: merged(found), feed: feed)
  }

  /// One entry of an advisory, read once for all versions of its package.
  private struct ReadEntry {
    private let advisory: Int64
    private let state: Affected.State
    private let severity: Severity?
    private let ranges: VersionRanges
    let isOfModules: Bool

    init(_ entry: AdvisoryEntryRow) throws {
      let affected: Affected
      do throws(RecordError) {
        affected = try Affected(
          decoding: entry.content, ecosystem: Ecosystem(parsing: entry.ecosystem), name: entry.package)
      } catch {
        throw DatabaseError.corrupt("what an advisory says of \(entry.package) cannot be read")
      }
      advisory = entry.advisory
      state = affected.state
      severity = Severity.chosen(affected.severities)
      ranges = VersionRanges(affected)
      isOfModules = affected.isOfModules
    }

    /// What it says of a version; nil: nothing.
    func finding(_ package: Int64, _ version: VersionRanges.Subject) -> FindingRow? {
      switch ranges.verdict(version) {
      case .affected(let fixed): row(package, state.rawValue, fixed: fixed)
      case .undecidable(let why): row(package, "undecidable", fixed: nil, detail: why)
      case .notAffected: nil
      }
    }

    private func row(_ package: Int64, _ state: String, fixed: String?, detail: String? = nil) -> FindingRow {
      FindingRow(
        package: package, advisory: advisory, state: state, fixed: fixed,
        severity: severity?.band.rawValue ?? "unknown", severitySource: severity?.source ?? "",
        score: severity?.score.map { Int(($0 * 10).rounded()) }, detail: detail)
    }
  }

  /// One finding for each package and advisory: what decides counts, and then what knows a remedy.
  private static func merged(_ findings: [FindingRow]) -> [FindingRow] {
    struct Place: Hashable {
      let package: Int64
      let advisory: Int64
    }
    var best: [Place: FindingRow] = [:]
    for finding in findings {
      let place = Place(package: finding.package, advisory: finding.advisory)
      guard let known = best[place] else {
        best[place] = finding
        continue
      }
      let isBetter =
        (known.state == "undecidable" && finding.state != "undecidable") || (known.fixed == nil && finding.fixed != nil)
      if isBetter { best[place] = finding }
    }
    return best.values.sorted { ($0.advisory, $0.package) < ($1.advisory, $1.package) }
  }
}
