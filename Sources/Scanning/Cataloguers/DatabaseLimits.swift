extension [Component] {
  /// Packages in one database of text. The largest installations have some thousands.
  private static let packageLimit = 100_000

  /// - Throws: when there are more than a database may name.
  mutating func appendPackage(_ component: Component) throws(CatalogueError) {
    guard count < Self.packageLimit else { throw CatalogueError("it names more than \(Self.packageLimit) packages") }
    append(component)
  }
}
