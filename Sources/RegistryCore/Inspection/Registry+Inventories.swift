public import Metadata
internal import Scanning

// What is found in images is written here, and judged in the same transaction.
extension Registry {
  /// Writes what an image holds. What is new to the registry is judged by all advisories, so that an inventory is never seen
  /// without what is wrong with it.
  public func writeInventory(of image: DueImage, _ record: ImageInventoryRecord) async throws {
    try await database.write { transaction in
      let (fresh, renewed) = try transaction.writeImage(image, record, matcher: Matcher.revision)
      try Self.judge(fresh, transaction)
      try Self.judgeAgain(renewed.map { ($0.key, $0.record.subjects) }, transaction)
    }
  }
}
