public import Metadata

// What is found in images is written here, and judged in the same transaction.
extension Registry {
  /// Writes what an image holds. What is new to the registry is judged by all advisories, so that an inventory is never seen
  /// without what is wrong with it.
  public func writeInventory(of image: DueImage, _ record: ImageInventoryRecord) async throws {
    try await database.write { transaction in
      let fresh = try transaction.writeImage(image, record)
      try Self.judge(fresh, transaction)
    }
  }

  /// Judges packages of which nothing is known yet.
  ///
  /// - Precondition: the inspection is locked.
  static func judge(_ packages: [NewPackage], _ transaction: borrowing Transaction) throws {}
}
