extension [Component] {
  /// Packages in one database of text. The largest installations have some thousands.
  private static let packageLimit = 100_000

  /// - Throws: when there are more than a database may name.
  mutating func appendPackage(_ component: Component) throws(CatalogueError) {
    guard count < Self.packageLimit else { throw CatalogueError("it names more than \(Self.packageLimit) packages") }
    append(component)
  }
}

extension CatalogueError {
  /// A database of text has bytes that no text has: a disk that was full or a crash leaves such.
  static func refuseZeros(in database: UnsafeRawBufferPointer) throws(CatalogueError) {
    guard !database.contains(0) else { throw CatalogueError("it is damaged: it has bytes that are no text") }
  }

  /// What has text and names no package is no database of packages, and not one of none.
  static func refuseOther(_ database: UnsafeRawBufferPointer, namesPackage: Bool) throws(CatalogueError) {
    guard !namesPackage, database.contains(where: { $0 > 0x20 }) else { return }
    throw CatalogueError("it is damaged, or something else: it names no package")
  }
}
