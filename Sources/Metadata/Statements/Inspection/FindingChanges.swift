import Ground
import OCI

/// A finding that is not as it was.
struct FindingChange {
  let kind: FindingEvent.Kind
  let finding: FindingRow
  let advisory: String
  let feed: String
  /// Of one that is changed, as it was.
  let before: String?
  /// Of one that is changed, what is not as it was.
  let change: String?

  init(_ kind: FindingEvent.Kind, _ finding: FindingRow, _ old: FindingRow?, by advisory: String, of feed: String) {
    self.kind = kind
    self.finding = finding
    self.advisory = advisory
    self.feed = feed
    before = old.map { "\($0.state) \($0.severity) \($0.fixed ?? "-")" }
    change = old.map { old in
      let parts = [
        ("state", old.state, finding.state), ("severity", old.severity, finding.severity),
        ("fixed", old.fixed ?? "-", finding.fixed ?? "-"),
      ].filter { $0.1 != $0.2 }.map { "\($0.0) \($0.1) → \($0.2)" }
      return parts.isEmpty ? "details" : parts.joined(separator: ", ")
    }
  }

  /// A vulnerability is known to be exploited now, or not any more.
  init(_ finding: FindingRow, exploitedSince day: String?, before: String?, vulnerability: String, feed: String) {
    kind = .changed
    self.finding = finding
    advisory = vulnerability
    self.feed = feed
    self.before = before.map { "known to be exploited since \($0)" } ?? "not known to be exploited"
    change = day.map { "known to be exploited since \($0)" } ?? "not known to be exploited any more"
  }
}

extension FindingDifference {
  init(_ changes: [FindingChange]) {
    for change in changes {
      switch change.kind {
      case .new: newCount += 1
      case .fixed: goneCount += 1
      case .changed: changedCount += 1
      }
    }
  }
}

extension Transaction {
  /// What makes changes of several packages one event: packages from one version of a source say it once.
  private struct Subject: Hashable {
    let kind: FindingEvent.Kind
    let feed: String
    let advisory: String
    let severity: String
    let before: String?
    let change: String?
    let package: Origin
  }

  /// A version of a source, or of a package without one.
  private struct Origin: Hashable {
    let type: String
    let distribution: String
    let name: String
    let version: String
  }

  /// Writes events of changes, only for packages that an image holds: nobody waits to hear of the others.
  func addEvents(_ changes: [FindingChange]) throws {
    guard !changes.isEmpty else { return }
    let origins = try origins(of: Set(changes.map(\.finding.package)).sorted())
    var order: [Subject] = []
    var groups: [Subject: [Int64]] = [:]
    for change in changes {
      guard let origin = origins[change.finding.package] else { continue }
      let subject = Subject(
        kind: change.kind, feed: change.feed, advisory: change.advisory, severity: change.finding.severity,
        before: change.before, change: change.change, package: origin)
      if groups[subject] == nil { order.append(subject) }
      if groups[subject, default: []].count < FindingEvent.packageLimit {
        groups[subject, default: []].append(change.finding.package)
      }
    }
    let holders = try holders(of: Set(groups.values))
    for subject in order {
      guard let packages = groups[subject], let holder = holders[packages], holder.imageCount > 0 else { continue }
      // Of one package its own name is told, of several that of their source.
      let source = packages.count > 1 ? subject.package : nil
      let keys = packages.count > 1 ? Self.list(packages.map { String($0) }) : nil
      try enqueue(
        """
        INSERT INTO finding_event (at, kind, feed, advisory, package_id, ecosystem, package, version, severity, detail, images,
          environments, packages, change)
        SELECT \(now), \(subject.kind.rawValue), \(subject.feed), \(subject.advisory), p.id, p.type,
          COALESCE(\(source?.name), p.name), COALESCE(\(source?.version), p.version), \(subject.severity), \(subject.before),
          \(holder.imageCount), \(Self.list(holder.environments)), \(keys), \(subject.change)
        FROM package p WHERE p.id = \(packages[0])
        """)
    }
  }

  private func origins(of packages: [Int64]) throws -> [Int64: Origin] {
    let list = Self.list(packages.map { String($0) })
    let rows = try all(
      """
      SELECT id, type, distribution, name, version, source_name, source_version FROM package
      WHERE id IN (SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(list) AS {JSON})))
      """
    ) { row in
      let (source, version) = (row.text(5), row.text(6))
      return (
        row.integer(0),
        Origin(
          type: row.text(1), distribution: row.text(2), name: source.isEmpty ? row.text(3) : source,
          version: version.isEmpty ? row.text(4) : version)
      )
    }
    return Dictionary(rows) { first, _ in first }
  }

  private struct Holder {
    let imageCount: Int
    /// `namespace/name`, in their order.
    let environments: [String]
  }

  /// Who holds one of some packages: one question for each group, all on one way.
  private func holders(of groups: Set<[Int64]>) throws -> [[Int64]: Holder] {
    let ordered = groups.sorted { $0.lexicographicallyPrecedes($1) }
    let counts = try ordered.map { packages in
      guard packages.count > 1 else {
        return try later("SELECT COUNT(DISTINCT image_id) FROM image_package WHERE package_id = \(packages[0])") {
          Int($0.integer(0))
        }
      }
      let list = Self.list(packages.map { String($0) })
      return try later(
        """
        SELECT COUNT(DISTINCT image_id) FROM image_package
        WHERE package_id IN (SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(list) AS {JSON})))
        """
      ) { Int($0.integer(0)) }
    }
    let running = try environments(running: Set(groups.joined()).sorted(), try deployedImages())
    var holders: [[Int64]: Holder] = [:]
    for (packages, count) in zip(ordered, counts) {
      let names = Set(packages.flatMap { running[$0] ?? [] }).sorted()
      holders[packages] = Holder(
        imageCount: try count.first() ?? 0, environments: Array(names.prefix(FindingEvent.environmentLimit)))
    }
    return holders
  }

  private func environments(
    running packages: [Int64], _ deployed: [Int64: [String]]
  ) throws -> [Int64: [String]] {
    guard !deployed.isEmpty else { return [:] }
    let images = Self.list(deployed.keys.sorted().map { String($0) })
    let asked = Self.list(packages.map { String($0) })
    let rows = try all(
      """
      WITH wanted AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(asked) AS {JSON}))),
        running AS MATERIALIZED (SELECT CAST(value AS BIGINT) AS id FROM {LIST}(CAST(\(images) AS {JSON})))
      SELECT DISTINCT u.package_id, u.image_id FROM wanted w JOIN image_package u ON u.package_id = w.id
        JOIN running d ON d.id = u.image_id
      """
    ) { (package: $0.integer(0), image: $0.integer(1)) }
    return Dictionary(grouping: rows, by: \.package).mapValues { rows in
      Set(rows.flatMap { deployed[$0.image] ?? [] }).sorted()
    }
  }

  /// Images that an environment runs, alone or in an index, with the environments, `namespace/name`.
  private func deployedImages() throws -> [Int64: [String]] {
    let rows = try all(
      """
      SELECT i.id, e.namespace, e.name FROM deployment d JOIN environment e ON e.id = d.environment_id
        JOIN image_inventory i ON i.digest = d.digest
      UNION
      SELECT i.id, e.namespace, e.name FROM deployment d JOIN environment e ON e.id = d.environment_id
        JOIN manifest m ON m.repository_id = d.repository_id AND m.digest = d.digest
        JOIN manifest_child c ON c.manifest_id = m.id JOIN image_inventory i ON i.digest = c.digest
      """
    ) { (image: $0.integer(0), environment: "\($0.text(1))/\($0.text(2))") }
    return Dictionary(grouping: rows, by: \.image).mapValues { $0.map(\.environment) }
  }

  // MARK: What is exploited

  /// Writes events of vulnerabilities that are known to be exploited now and were not, or the other way round, where something is found
  /// of them: one for each version of a package, however many advisories speak of it.
  ///
  /// - Parameter before: what was known of them.
  func addExploitedEvents(of names: [String], before: [String: VulnerabilityRow], feed: String) throws {
    let after = try vulnerabilities(names)
    let turned = Set(names).filter { (before[$0]?.exploitedSince == nil) != (after[$0]?.exploitedSince == nil) }
      .sorted()
    let waiting = try turned.map { name in
      try later(
        """
        SELECT \(FindingRow.columns) FROM advisory_alias n JOIN finding f ON f.advisory_id = n.advisory_id
        WHERE n.alias = \(name) AND f.state <> 'undecidable'
        ORDER BY f.package_id, CASE WHEN f.severity = 'unknown' THEN 1 ELSE 0 END, f.advisory_id
        """
      ) { $0.finding(from: 0) }
    }
    var changes: [FindingChange] = []
    for (name, rows) in zip(turned, waiting) {
      var told: Set<Int64> = []
      for finding in try rows.all() where told.insert(finding.package).inserted {
        changes.append(
          FindingChange(
            finding, exploitedSince: after[name]?.exploitedSince, before: before[name]?.exploitedSince,
            vulnerability: name, feed: feed))
      }
    }
    try addEvents(changes)
  }
}
