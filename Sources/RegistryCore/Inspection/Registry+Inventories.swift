public import Metadata
internal import Scanning

/// What judging everything again came to.
public struct RematchReport: Sendable, Hashable {
  /// Versions of packages that were judged.
  public var packageCount = 0
  public var findings = FindingDifference()
}

// What is found in images is written here, and judged in the same transaction.
extension Registry {
  /// Writes what images hold, all in one transaction. What is new to the registry is judged by all advisories, so that an inventory is
  /// never seen without what is wrong with it.
  public func writeInventories(_ images: [(image: DueImage, record: ImageInventoryRecord)]) async throws {
    try await database.write { transaction in
      for (image, record) in images {
        let (fresh, renewed) = try transaction.writeImage(image, record, matcher: Matcher.revision)
        try Self.judge(fresh, transaction)
        try Self.judgeAgain(renewed.map { ($0.key, $0.record.subjects) }, transaction)
      }
    }
  }

  /// For how long what is to be inspected first has been waiting; nil: nothing waits.
  public func inspectionLag() async throws -> Duration? { try await database.read { try $0.inspectionLag() } }

  /// How far everything is known.
  public func inspectionCounts() async throws -> InspectionCounts {
    try await database.read { try $0.inspectionCounts() }
  }

  /// Packages that one transaction judges again: pushes wait for no more than that.
  private static let rematchLimit = 1000

  /// Judges everything that is in the registry by every advisory once more: for who doubts what is written. No layer is read.
  ///
  /// A reader sees each package either as it was or as it is now; what differs is an event.
  public func rematch() async throws -> RematchReport {
    var report = RematchReport()
    var last: Int64 = 0
    while true {
      let after = last
      let (end, count, difference) = try await database.write { transaction in
        try transaction.lockInspection()
        let packages = try transaction.packageSubjects(after: after, limit: Self.rematchLimit)
        return (packages.last?.key, packages.count, try Self.judgeAgain(packages, transaction))
      }
      guard let end else { return report }
      last = end
      report.packageCount += count
      report.findings += difference
    }
  }
}
