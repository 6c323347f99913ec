internal import BlobStorage
public import Ground
public import Metadata
internal import OCI
public import Scanning

/// What an import of advisories came to.
public struct AdvisoryImportReport: Sendable, Hashable {
  public var recordCount = 0
  /// New, or not as they were.
  public var changedCount = 0
  /// No longer in the feed.
  public var removedCount = 0
  /// When the newest of the records was changed, as it says itself; nil: none says it. One of a time to come does not count: it must
  /// not hide what changes until then.
  public var newestChange: String?
  public var findings = FindingDifference()
}

/// Why a feed is not taken.
public struct AdvisoryImportRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
}

/// Brings what a feed says now in place of what it said before.
///
/// Records are written up to a thousand in a transaction, each together with what it finds, so that nobody sees a record without its
/// findings and no push waits long. What the feed does not have any more goes last, and only when all of it came. Of a feed one
/// import is at work at a time.
public struct AdvisoryImport: ~Copyable {
  /// Records that one transaction writes. Fewer would wait for the disk more often, more would keep others waiting for longer.
  public static let batchLimit = 1000
  /// What they may have together, unless the first alone has more.
  static let batchLimitBytes = 4 << 20
  /// A feed that has become smaller than this share of what it was is refused: rather is it broken than so much withdrawn.
  static let leastShare = 0.8

  private let registry: Registry
  private let feed: String
  private let kind: String
  /// The feed is whole: what does not come is gone.
  private let isWhole: Bool
  private let expected: Int
  private let takenAt: Timestamp?
  private let begunAt: String
  private let claim: FeedClaim
  private var seen: Set<String> = []
  private var waiting: [StagedAdvisory] = []
  private var waitingBytes = 0
  private var report = AdvisoryImportReport()

  /// Brings in the records that `body` adds.
  ///
  /// - Parameters:
  ///   - expected: how many records will come.
  ///   - isWhole: what is known of the feed and does not come is taken away. Else records are added to it.
  ///   - takenAt: when the records were taken from their source; nil: now.
  ///   - allowsOlder: also when what is here of the feed was taken later.
  /// - Throws: ``AdvisoryImportRefusal`` when the feed has shrunk by more than a fifth, is older than what is here, or is being
  ///   imported by another; or when other than the expected number of records came: nothing is taken away then.
  public static func run(
    _ registry: Registry, feed: String, kind: String, expecting expected: Int, isWhole: Bool, takenAt: Timestamp? = nil,
    allowsOlder: Bool = true, _ body: (inout AdvisoryImport) async throws -> Void
  ) async throws -> AdvisoryImportReport {
    var work = AdvisoryImport(
      registry: registry, feed: feed, kind: kind, isWhole: isWhole, expected: expected, takenAt: takenAt)
    try await work.begin(allowsOlder: allowsOlder)
    do {
      try await body(&work)
      try await work.finish()
    } catch {
      // What was written stays; another may go on.
      try? await work.claim.release(registry.database)
      throw error
    }
    return work.report
  }

  /// As ``run(_:feed:kind:expecting:isWhole:takenAt:allowsOlder:_:)``, of all that `staged` has.
  public static func run(
    _ registry: Registry, feed: String, kind: String, _ staged: StagedAdvisories, isWhole: Bool,
    takenAt: Timestamp? = nil, allowsOlder: Bool = true
  ) async throws -> AdvisoryImportReport {
    try await run(
      registry, feed: feed, kind: kind, expecting: staged.count, isWhole: isWhole, takenAt: takenAt,
      allowsOlder: allowsOlder
    ) { work in
      var records = try staged.records()
      while let record = try records.next() { try await work.add(record) }
    }
  }

  private func begin(allowsOlder: Bool) async throws {
    let (feed, takenAt) = (feed, takenAt)
    try await registry.database.write { [claim = claim] transaction in
      try claim.hold(transaction)
      // Nobody else brings anything in from here on.
      if let takenAt, !allowsOlder { try Registry.refuseOlder(feed, takenAt: takenAt, transaction) }
    }
    let known = try await registry.database.read { try $0.advisoryCount(feed: feed) }
    guard !isWhole || Double(expected) >= Double(known) * Self.leastShare else {
      let refusal = AdvisoryImportRefusal(
        description: "the feed has shrunk from \(known) records to \(expected): it is refused, and the old one kept")
      let kind = kind
      try await registry.database.write {
        try $0.writeFeed(feed, kind: kind, recordCount: nil, failure: refusal.description, state: nil)
      }
      try await claim.release(registry.database)
      throw refusal
    }
  }

  private init(
    registry: Registry, feed: String, kind: String, isWhole: Bool, expected: Int, takenAt: Timestamp?
  ) {
    self.takenAt = takenAt
    begunAt = registry.database.now.description
    claim = FeedClaim(feed)
    self.registry = registry
    self.feed = feed
    self.kind = kind
    self.isWhole = isWhole
    self.expected = expected
  }

  public mutating func add(_ advisory: Advisory) async throws { try await add(StagedAdvisory(advisory)) }

  private mutating func add(_ record: StagedAdvisory) async throws {
    let head = record.head
    report.recordCount += 1
    if !head.modified.isEmpty, head.modified <= begunAt {
      report.newestChange = max(report.newestChange ?? "", head.modified)
    }
    guard seen.insert(head.name).inserted else { return }
    waiting.append(record)
    waitingBytes += record.sizeBytes
    if waiting.count >= Self.batchLimit || waitingBytes >= Self.batchLimitBytes { try await flush() }
  }

  private mutating func flush() async throws {
    let records = waiting
    let (feed, isWhole) = (feed, isWhole)
    waiting = []
    waitingBytes = 0
    let (changed, difference) = try await registry.database.write { [claim = claim] transaction in
      try claim.hold(transaction)
      // A feed that is whole may have gone back.
      let changed = try transaction.writeAdvisories(records.map(\.head), feed: feed, keepsNewer: !isWhole) {
        try records[$0].record()
      }
      return (changed.count, try Registry.judge(changed, feed: feed, transaction))
    }
    report.changedCount += changed
    report.findings += difference
  }

  /// Writes what waits, and takes away what the feed does not have any more.
  private mutating func finish() async throws {
    if !waiting.isEmpty { try await flush() }
    guard report.recordCount == expected else {
      let refusal = AdvisoryImportRefusal(
        description: "\(report.recordCount) records came and \(expected) were told of: nothing was taken away")
      try await writeOutcome(refusal.description)
      throw refusal
    }
    if isWhole { try await removeUnseen() }
    try await writeOutcome(nil)
    try await claim.release(registry.database)
  }

  private func writeOutcome(_ failure: String?) async throws {
    let (feed, kind, takenAt) = (feed, kind, takenAt)
    try await registry.database.write { [claim = claim] transaction in
      try claim.hold(transaction)
      try transaction.writeFeed(
        feed, kind: kind, recordCount: try transaction.advisoryCount(feed: feed), failure: failure, state: nil,
        refreshedAt: takenAt)
    }
  }

  private mutating func removeUnseen() async throws {
    var last = ""
    let feed = feed
    while true {
      let after = last
      let page = try await registry.database.read { try $0.advisoryNames(feed: feed, after: after, limit: 1000) }
      guard let end = page.last else { return }
      last = end.name
      let gone = page.filter { !seen.contains($0.name) }
      guard !gone.isEmpty else { continue }
      report.removedCount += gone.count
      report.findings += try await registry.database.write { [claim = claim] transaction in
        try claim.hold(transaction)
        try transaction.lockInspection()
        let difference = try transaction.replaceFindings(of: gone, by: [], feed: feed)
        try transaction.deleteAdvisories(gone.map(\.key))
        return difference
      }
    }
  }
}

extension AdvisoryRecord {
  /// What is shown of an advisory and never asked for.
  private static let detailsLimitBytes = 4096
  private static let referenceLimit = 20

  init(_ advisory: Advisory) {
    let severity = Severity.chosen(advisory.severities)
    let own = advisory.severities
    // Mostly all packages of a record are of one ecosystem.
    var ecosystem: (value: Ecosystem, text: String)?
    var writer = RecordWriter()
    var naming = PackageNaming(advisory)
    let entries = advisory.affected.flatMap { affected -> [Entry] in
      if ecosystem?.value != affected.ecosystem { ecosystem = (affected.ecosystem, affected.ecosystem.description) }
      var judged = affected
      // What the record says of itself holds for each of its packages that says nothing of its own.
      if judged.severities.isEmpty { judged.severities = own }
      let content = judged.encoded(with: &writer)
      return naming.names(of: affected).map {
        Entry(ecosystem: ecosystem?.text ?? "", package: $0, content: content)
      }
    }
    let content: JSONValue = [
      "details": .string(Self.shown(advisory.details ?? "")),
      "references": .array(advisory.references.prefix(Self.referenceLimit).map { .string($0) }),
    ]
    let aliases = advisory.flaws
    let isWithdrawn = advisory.withdrawn != nil
    var hashed = ContentHasher(.sha256)
    func add(_ text: String, _ end: UInt8 = 0) {
      var text = text
      text.withUTF8 { hashed.update(UnsafeRawBufferPointer($0)) }
      withUnsafeBytes(of: end) { hashed.update($0) }
    }
    let text = content.text
    for part in [
      advisory.id, advisory.modified, isWithdrawn ? "withdrawn" : "", advisory.summary ?? "", text,
      aliases.joined(separator: "\n"), severity?.band.rawValue ?? "",
    ] { add(part) }
    for entry in entries {
      add(entry.ecosystem, UInt8(ascii: "\n"))
      add(entry.package, UInt8(ascii: "\n"))
      entry.content.withUnsafeBytes { hashed.update($0) }
    }
    self.init(
      name: advisory.id, hash: hashed.digest().description, modified: advisory.modified, published: advisory.published,
      isWithdrawn: isWithdrawn, summary: advisory.summary ?? "", severity: severity?.band.rawValue ?? "unknown",
      severitySource: severity?.source ?? "", score: severity?.score.map { Int(($0 * 10).rounded()) },
      content: text, aliases: aliases, packages: entries)
  }

  private static func shown(_ details: String) -> String {
    guard details.utf8.count > detailsLimitBytes else { return details }
    return String(decoding: details.utf8.prefix(detailsLimitBytes), as: UTF8.self)
  }
}
