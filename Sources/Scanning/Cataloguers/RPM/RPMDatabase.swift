/// The forms in which rpm keeps its headers.
enum RPMDatabase: Hashable {
  case sqlite, ndb, berkeleyHash

  /// Packages in one database. The largest installations have some thousands.
  static let packageLimit = 50_000
  /// One header. Those of packages with the most files have some megabytes.
  static let headerLimitBytes = 64 << 20

  /// Nil when it is none of them.
  init?(sniffing bytes: UnsafeRawBufferPointer) {
    if bytes.starts(with: "SQLite format 3\0".utf8) {
      self = .sqlite
    } else if bytes.starts(with: "RpmP".utf8) {
      self = .ndb
    } else if BerkeleyHash.isBigEndian(bytes) != nil {
      self = .berkeleyHash
    } else {
      return nil
    }
  }

  /// Hands over the headers one after the other. Together they are no longer than the database.
  ///
  /// - Parameter body: its bytes are valid during the call only.
  func forEachHeader(
    in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(CatalogueError) -> Void
  ) throws(CatalogueError) {
    // No database is smaller than its headers: what claims so uses the same bytes over and over.
    var (total, count) = (0, 0)
    func take(_ header: UnsafeRawBufferPointer) throws(CatalogueError) {
      total += header.count
      count += 1
      guard total <= bytes.count, count <= Self.packageLimit, header.count <= Self.headerLimitBytes else {
        throw CatalogueError("its records of packages overlap, or are too many or too long")
      }
      try body(header)
    }
    switch self {
    case .sqlite: try SQLitePackages.forEachHeader(in: bytes, take)
    case .ndb: try NDBPackages.forEachHeader(in: bytes, take)
    case .berkeleyHash: try BerkeleyHash.forEachHeader(in: bytes, take)
    }
  }
}
